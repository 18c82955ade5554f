import { describe, expect, it } from "vitest";
import { driftText } from "./drift.ts";

describe("driftText", () => {
  it("adds up the kinds, and leaves out what is none", () => {
    expect(driftText([{ added: 1, removed: 1 }, { added: 2, changed: 2 }, {}])).toBe("+3 −1 ~2");
    expect(driftText([{ changed: 1200 }])).toMatch(/^~1.200$/);
    expect(driftText([{}, { added: 0 }])).toBe("");
  });
});
