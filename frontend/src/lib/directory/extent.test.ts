import { describe, expect, it } from "vitest";
import { asOfText, extentText } from "./words.ts";

describe("extentText", () => {
  it("has a plus where there are more than were counted", () => {
    const counts = { people: 900, groups: 3, memberships: 1 };
    expect(extentText(counts)).toBe("900 people · 3 groups · 1 membership");
    expect(extentText(counts, ["people"])).toBe("900+ people · 3 groups · 1 membership");
  });
});

describe("asOfText", () => {
  it("has the day where that was another", () => {
    const now = new Date();
    const minutes = now.toLocaleTimeString("en", { minute: "2-digit" }).padStart(2, "0");
    expect(asOfText(now.toISOString())).toMatch(new RegExp(`^as of \\d+:${minutes}( [AP]M)?$`));
    now.setDate(now.getDate() - 1);
    expect(asOfText(now.toISOString())).toContain(now.toLocaleDateString("en", { month: "short" }));
  });
});
