import { expect, it } from "vitest";
import { blocksOf, spansOf } from "./prose.ts";

it("makes paragraphs of lines, and code of what is indented", () => {
  expect(blocksOf("\nA line\nand more.\n\n    curl -H x\n      y\n\nThe end.\n")).toEqual([
    { text: "A line and more." },
    { code: "curl -H x\n  y" },
    { text: "The end." },
  ]);
});

it("knows code and links", () => {
  expect(spansOf("Open [/auth](/auth), then `GET /me`.")).toEqual([
    { text: "Open " },
    { link: "/auth", text: "/auth" },
    { text: ", then " },
    { code: "GET /me" },
    { text: "." },
  ]);
});

it("leaves a link that could run something as text", () => {
  for (const link of ["javascript:alert(1)", "//evil.example", "data:text/html,x"]) {
    expect(spansOf(`[x](${link})`).some((span) => "link" in span)).toBe(false);
  }
});
