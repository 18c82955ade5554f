import { beforeEach, describe, expect, it, vi } from "vitest";
import { forgetPerson, lastPerson, rememberPerson } from "./last-person.ts";

const ann = {
  name: "Ann Writer",
  email: "ann@journey.example",
  organization: { id: "org_1", name: "Journey Inc" },
};
let stored: Map<string, string>;

beforeEach(() => {
  stored = new Map();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
});

describe("the last person", () => {
  it("is whoever was signed in last, and nothing more is kept of them", () => {
    rememberPerson(ann);
    const ben = { ...ann, name: "Ben", email: null, id: "0192", roles: ["admin"] };
    rememberPerson(ben);
    expect(lastPerson()).toEqual({ ...ann, name: "Ben", email: null });
    expect([...stored.values()].join()).not.toMatch(/0192|admin/);
  });

  it("is forgotten, and comes back when that is taken back", () => {
    rememberPerson(ann);
    const restore = forgetPerson();
    expect(lastPerson()).toBeUndefined();
    expect(stored.size).toBe(0);
    restore();
    expect(lastPerson()).toEqual(ann);
  });

  it.each(["{", "null", "[]", '"Ann"', '{"name": "Ann"}', '{"name":1,"email":null}'])(
    "is nobody where %s is kept",
    (kept) => {
      stored.set("last-person", kept);
      expect(lastPerson()).toBeUndefined();
    },
  );
});
