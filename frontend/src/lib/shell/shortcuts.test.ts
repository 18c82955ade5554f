import { beforeEach, describe, expect, it, vi } from "vitest";
import { Listener, letSingleKeysWork, type Shortcuts } from "./shortcuts.ts";

const done: string[] = [];
const shortcuts: Shortcuts = {
  "mod+k": () => done.push("palette"),
  "g p": () => done.push("posts"),
  n: () => done.push("new"),
};

function press(listener: Listener, key: string, timeStamp: number, more = {}): void {
  const { typing = false, ...held } = more as { typing?: boolean };
  const event = { key, metaKey: false, ctrlKey: false, altKey: false, timeStamp, ...held };
  listener.actionFor(event, shortcuts, typing)?.();
}

beforeEach(() => {
  done.length = 0;
  const stored = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
});

describe("Listener", () => {
  it("takes two keys one after the other, if not too late", () => {
    const listener = new Listener();
    press(listener, "g", 0);
    press(listener, "p", 500);
    press(listener, "g", 1000);
    press(listener, "p", 5000);
    expect(done).toEqual(["posts"]);
  });

  it("leaves letters to whoever types, but not what is held with Ctrl", () => {
    const listener = new Listener();
    press(listener, "n", 0, { typing: true });
    press(listener, "k", 1, { typing: true, ctrlKey: true });
    expect(done).toEqual(["palette"]);
  });

  it("can be switched off, as far as single keys go", () => {
    letSingleKeysWork(false);
    const listener = new Listener();
    press(listener, "n", 0);
    letSingleKeysWork(true);
    press(listener, "n", 1);
    expect(done).toEqual(["new"]);
  });
});
