import { describe, expect, it } from "vitest";
import { extentText } from "./words.ts";

describe("extentText", () => {
  it("has a plus where there are more than were counted", () => {
    const counts = { people: 900, groups: 3, memberships: 1 };
    expect(extentText(counts)).toBe("900 people · 3 groups · 1 membership");
    expect(extentText(counts, ["people"])).toBe("900+ people · 3 groups · 1 membership");
  });
});
