import outlines from "virtual:icons";
import { expect, it } from "vitest";

it("no part of an icon begins where the one before it ended", () => {
  expect(outlines.x).toBe("M18 6 6 18M6 6l12 12");
  expect(outlines.search).toMatch(/^M21 21l-4\.34-4\.34/);
  for (const outline of Object.values(outlines)) {
    // A relative move is only right within one of lucide's own paths, after it was closed.
    expect(outline).not.toMatch(/^m|[\d]m\d+ \d+ /);
  }
});
