import { describe, expect, it, vi } from "vitest";
import type { Page } from "#lib/api/client.ts";
import { ApiProblem } from "#lib/api/problem.ts";
import { List } from "./list.svelte.ts";
import { Lists } from "./lists.ts";
import { arrived, leaving } from "./navigation.ts";

vi.mock("$app/navigation", () => ({ goto: vi.fn(), refreshAll: vi.fn() }));
vi.mock("$app/state", () => ({ page: { url: new URL("https://rollcall.example/") } }));

interface Item {
  id: string;
  text?: string;
}

/** A server whose rows can change, and which gives as many as it is asked for, or two. */
class Server {
  rows: Item[];
  asked = 0;

  constructor(ids: string) {
    this.rows = Array.from(ids, (id) => ({ id }));
  }

  read = (cursor: string | null, limit = 2): Promise<Page<Item>> => {
    this.asked += 1;
    const from = cursor === null ? 0 : this.rows.findIndex(({ id }) => id === cursor) + 1;
    const items = this.rows.slice(from, from + limit);
    const last = items.at(-1);
    const more = from + limit < this.rows.length;
    return Promise.resolve({ items, next_cursor: more && last ? last.id : null });
  };

  async list(): Promise<List<Item>> {
    return new List(await this.read(null), this.read);
  }
}

function shown(list: List<Item>): string {
  return list.items.map(({ id }) => id).join("");
}

describe("List", () => {
  it("reads on to its end", async () => {
    const list = await new Server("abcde").list();
    await list.loadMore();
    await list.loadMore();
    expect([shown(list), list.complete]).toEqual(["abcde", true]);
  });

  it("shows a row that stands in two parts once", async () => {
    const server = new Server("abcd");
    const list = await server.list();
    server.rows = Array.from("abxa", (id) => ({ id }));
    await list.loadMore();
    expect(shown(list)).toBe("abx");
  });

  it("is read again as far as it was read, with what is new", async () => {
    const server = new Server("abcdef");
    const list = await server.list();
    await list.loadMore();
    server.rows = Array.from("xabcdef", (id) => ({ id }));
    await list.refresh();
    expect(shown(list).startsWith("xabc")).toBe(true);
    expect(list.items.length).toBeGreaterThanOrEqual(4);
  });

  it("lets what is new at the top wait where somebody reads further down", async () => {
    const server = new Server("abcdef");
    const list = await server.list();
    await list.loadMore();
    server.rows = Array.from("xyabcdef", (id) => ({ id, text: "new" }));
    await list.refresh({ hold: true });
    expect(shown(list).startsWith("abcd")).toBe(true);
    expect(list.items[0]?.text).toBe("new");
    expect(list.waiting.map(({ id }) => id).join("")).toBe("xy");
    list.remove("x");
    list.showNew();
    expect(shown(list).startsWith("yabcd")).toBe(true);
    expect(list.waiting).toEqual([]);
  });

  it("keeps back nothing where nothing is shown", async () => {
    const server = new Server("");
    const list = await server.list();
    server.rows = [{ id: "a" }];
    await list.refresh({ hold: true });
    expect(shown(list)).toBe("a");
  });

  it("reads once more when it is told of something while it reads", async () => {
    const server = new Server("ab");
    const list = await server.list();
    const first = list.keepUp();
    server.rows = Array.from("xab", (id) => ({ id }));
    await Promise.all([first, list.keepUp(), list.keepUp()]);
    expect([shown(list).slice(0, 1), server.asked]).toEqual(["x", 3]);
  });

  it("keeps what it has when reading fails, and says why", async () => {
    const server = new Server("abcd");
    const read = vi.fn(server.read);
    const list = new List(await read(null), read);
    read.mockRejectedValue(
      new ApiProblem({ status: 503, code: "internal_error", title: "", detail: "" }),
    );
    await list.loadMore();
    expect([shown(list), list.more.problem?.status]).toEqual(["ab", 503]);
  });

  it("puts a removed row back where it was", async () => {
    const server = new Server("ab");
    const list = await server.list();
    const undo = list.remove("a");
    expect(shown(list)).toBe("b");
    undo();
    undo();
    expect(shown(list)).toBe("ab");
  });

  it("does not let an older answer undo what was changed meanwhile", async () => {
    const server = new Server("ab");
    const list = await server.list();
    const refreshing = list.refresh();
    server.rows = [{ id: "b" }];
    list.remove("a");
    await refreshing;
    expect(shown(list)).toBe("b");
  });
});

describe("Lists", () => {
  const url = new URL("https://rollcall.example/dashboard");

  it("finds all parts again on the way back, and begins anew on the way on", async () => {
    const server = new Server("abcdef");
    const lists = new Lists<Item>();
    const list = await lists.open(url, server.read);
    await list.loadMore();
    leaving("popstate");
    expect(await lists.open(url, server.read)).toBe(list);
    expect(shown(list).slice(0, 4)).toBe("abcd");
    leaving("link");
    expect(shown(await lists.open(url, server.read))).toBe("ab");
    arrived();
  });
});
