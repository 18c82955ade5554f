import { describe, expect, it } from "vitest";
import { relativeTime } from "./time.ts";

const now = Date.parse("2026-11-24T12:00:00Z");

describe("relativeTime", () => {
  it.each([
    ["2026-11-24T12:00:30Z", "just now"],
    ["2026-11-24T11:59:30Z", "just now"],
    ["2026-11-24T11:59:00Z", "1 minute ago"],
    ["2026-11-24T09:00:00Z", "3 hours ago"],
    ["2026-11-23T12:00:00Z", "yesterday"],
    ["2026-11-20T12:00:00Z", "4 days ago"],
    ["2026-10-02T12:00:00Z", "Oct 2, 2026"],
  ])("tells %s as %s", (then, told) => {
    expect(relativeTime(new Date(then), now)).toBe(told);
  });
});
