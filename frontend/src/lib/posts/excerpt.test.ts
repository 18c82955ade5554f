import { describe, expect, it } from "vitest";
import { plain } from "./excerpt.ts";

describe("plain", () => {
  it.each([
    ["## Plan\n\nWe **ship** _today_.", "Plan\nWe ship today."],
    ["- one\n- two\n1. three", "one\ntwo\nthree"],
    ["See [the notes](https://a.example/x) and `fw-4.2`", "See the notes and fw-4.2"],
    ["![A chart](https://a.example/c.png)", "A chart"],
    ["> said\n\n---\n\n```sh\nmake\n```", "said\nmake"],
    ["snake_case_name, 2 * 3 * 4, \\*not\\* so", "snake_case_name, 2 * 3 * 4, *not* so"],
    ["<b>stays text</b>", "<b>stays text</b>"],
  ])("%j", (markdown, words) => {
    expect(plain(markdown)).toBe(words);
  });
});
