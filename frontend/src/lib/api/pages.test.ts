import { describe, expect, it } from "vitest";
import type { Page } from "./client.ts";
import { firstOf } from "./pages.ts";

/** Gives these pages one after another, and notes how many items it was asked for. */
function serving(...pages: string[]) {
  const limits: number[] = [];
  const read = (cursor: string | null, limit: number): Promise<Page<{ id: string }>> => {
    limits.push(limit);
    const at = Number(cursor ?? 0);
    const next_cursor = at + 1 < pages.length ? String(at + 1) : null;
    const items = Array.from(pages[at] ?? "", (id) => ({ id })).slice(0, limit);
    return Promise.resolve({ items, next_cursor });
  };
  return { read, limits };
}

function idsOf(items: { id: string }[]): string {
  return items.map(({ id }) => id).join("");
}

describe("firstOf", () => {
  it("reads on behind pages that are short or empty", async () => {
    const { read, limits } = serving("a", "", "bc", "d");
    expect(idsOf(await firstOf(3, read))).toBe("abc");
    expect(limits).toEqual([3, 2, 2]);
  });

  it("ends with the list", async () => {
    expect(idsOf(await firstOf(3, serving("a", "b").read))).toBe("ab");
  });

  it("has whoever moved meanwhile once", async () => {
    expect(idsOf(await firstOf(3, serving("ab", "b", "c").read))).toBe("abc");
  });

  it("does not look through a whole company for somebody who is not there", async () => {
    const { read, limits } = serving(...Array.from({ length: 1000 }, () => ""));
    expect(await firstOf(3, read)).toEqual([]);
    expect(limits.length).toBe(10);
  });
});
