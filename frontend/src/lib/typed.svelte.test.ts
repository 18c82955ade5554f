import { beforeEach, describe, expect, it, vi } from "vitest";
import { dropAllTyped, dropTyped, keepTyped, typedBefore } from "./typed.svelte.ts";

const stored: Record<string, string> = {};
let me = "ann";

vi.mock("#lib/session.ts", () => ({ lastMe: () => ({ id: me }) }));

beforeEach(() => {
  me = "ann";
  for (const key of Object.keys(stored)) Reflect.deleteProperty(stored, key);
  vi.stubGlobal(
    "sessionStorage",
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

const UNTOUCHED = { name: "", reason: "" };

describe("what was typed", () => {
  it("is there again, and to nobody else", () => {
    keepTyped("guest", { name: "Gus" });
    expect(typedBefore("guest", UNTOUCHED)).toEqual({ name: "Gus", reason: "" });
    expect(typedBefore("stay/1", UNTOUCHED)).toEqual(UNTOUCHED);
    me = "ben";
    expect(typedBefore("guest", UNTOUCHED)).toEqual(UNTOUCHED);
  });

  it("goes when it was sent, and all of it when somebody signs out", () => {
    stored["reloaded"] = "1";
    keepTyped("guest", { name: "Gus" });
    keepTyped("stay/1", { reason: "Longer" });
    dropTyped("guest");
    expect(typedBefore("guest", UNTOUCHED)).toEqual(UNTOUCHED);
    expect(typedBefore("stay/1", UNTOUCHED).reason).toBe("Longer");
    dropAllTyped();
    expect(stored).toEqual({ reloaded: "1" });
  });

  it("that cannot be read is nothing, and does no harm", () => {
    keepTyped("guest", {});
    for (const key of Object.keys(stored)) stored[key] = "{";
    expect(typedBefore("guest", UNTOUCHED)).toEqual(UNTOUCHED);
  });
});
