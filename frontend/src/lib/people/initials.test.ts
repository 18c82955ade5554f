import { describe, expect, it } from "vitest";
import { hueOf, initialsOf } from "./initials.ts";

describe("initialsOf", () => {
  it.each([
    ["Ann Lee", "AL"],
    ["mateo de la Cruz Álvarez", "MÁ"],
    ["Siobhán O'Brien", "SO"],
    ["Cher", "C"],
    ["“Ann” (she) Lee", "AL"],
    ["李 小龍", "李小"],
    ["", ""],
  ])("of %j are %j", (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });
});

describe("hueOf", () => {
  it("is one of the ten, and not the same for everybody", () => {
    const hues = ["Ann Lee", "Dana Whitfield", "Henrik Dahl", "Yuki Tanaka", ""].map(hueOf);
    expect(hues.every((hue) => Number.isInteger(hue) && hue >= 0 && hue < 10)).toBe(true);
    expect(new Set(hues).size).toBeGreaterThan(2);
  });
});
