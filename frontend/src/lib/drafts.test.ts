import { beforeEach, describe, expect, it, vi } from "vitest";
import { dropAllDrafts, Drafts } from "./drafts.svelte.ts";

const stored: Record<string, string> = {};

beforeEach(() => {
  for (const key of Object.keys(stored)) Reflect.deleteProperty(stored, key);
  vi.stubGlobal(
    "localStorage",
    new Proxy(stored, {
      get: (_, name) =>
        ({
          getItem: (key: string) => stored[key] ?? null,
          setItem: (key: string, value: string) => (stored[key] = value),
          removeItem: (key: string) => Reflect.deleteProperty(stored, key),
        })[name as string],
    }),
  );
});

const ids = (drafts: Drafts) => drafts.all.map(({ id }) => id);

describe("Drafts", () => {
  it("are one person's, the youngest first", () => {
    const ann = new Drafts("ann");
    ann.keep({ id: "old", title: "Old", content: "", at: 1 });
    ann.keep({ id: "new", title: "", content: "New", at: 2, version: 3 });
    new Drafts("ann-marie").keep({ id: "hers", title: "Hers", content: "", at: 3 });
    expect(ids(ann)).toEqual(["new", "old"]);
    expect(ann.find("new")?.version).toBe(3);
    expect(ann.find("hers")).toBeUndefined();
  });

  it("without a word are none", () => {
    const ann = new Drafts("ann");
    ann.keep({ id: "a", title: "A", content: "", at: 1 });
    ann.keep({ id: "a", title: " ", content: "\n", at: 2 });
    expect(ids(ann)).toEqual([]);
  });

  it("come back when their end is taken back", () => {
    const ann = new Drafts("ann");
    ann.keep({ id: "a", title: "A", content: "text", at: 1 });
    const restore = ann.drop("a");
    expect(ids(ann)).toEqual([]);
    restore();
    expect(ann.find("a")).toEqual({ id: "a", title: "A", content: "text", at: 1 });
  });

  it("that cannot be read are none, and do no harm", () => {
    stored["draft:ann/a"] = "{";
    expect(ids(new Drafts("ann"))).toEqual([]);
  });

  it("all go when somebody signs out, and nothing else", () => {
    stored["theme"] = "dark";
    new Drafts("ann").keep({ id: "a", title: "A", content: "", at: 1 });
    dropAllDrafts();
    expect(stored).toEqual({ theme: "dark" });
  });
});
