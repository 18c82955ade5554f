import { describe, expect, it } from "vitest";
import { barsOf } from "./chart.ts";

const hour = (events: number, parked = 0) => ({ since: "2026-01-15T12:00:00Z", events, parked });

describe("barsOf", () => {
  it("makes the most the highest, and hides no single event", () => {
    const bars = barsOf([hour(5000), hour(1), hour(0), hour(2500, 1)]);
    expect(bars.map(({ height }) => height)).toEqual([100, 4, 0, 50]);
    expect(bars.map(({ parkedHeight }) => parkedHeight)).toEqual([0, 0, 0, 4]);
    expect(bars.map(({ x }) => x)).toEqual([0, 25, 50, 75]);
  });

  it("has no height where there is nothing", () => {
    expect(barsOf([hour(0), hour(0)]).map(({ height }) => height)).toEqual([0, 0]);
  });
});
