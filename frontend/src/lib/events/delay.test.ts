import { describe, expect, it } from "vitest";
import { delayText, durationText } from "./delay.ts";

describe("durationText", () => {
  it.each([
    [0, "0.00 s"],
    [0.04, "0.04 s"],
    [0.996, "1.0 s"],
    [12.6, "12.6 s"],
    [59.96, "1 min"],
    [240, "4 min"],
    [3600, "1 h"],
    [86_400, "1 d"],
  ])("of %d s is %s", (seconds, text) => {
    expect(durationText(seconds).replace(",", ".").replace("\u00a0", " ")).toBe(text);
  });
});

describe("delayText", () => {
  it("is none where the other clock runs ahead", () => {
    const early = { occurred_at: "2026-01-15T12:00:05Z", received_at: "2026-01-15T12:00:00Z" };
    expect(delayText(early)).toMatch(/^0.00/);
  });
});
