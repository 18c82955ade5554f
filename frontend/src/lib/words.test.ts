import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

type Catalogue = Record<string, unknown>;

const [en, de] = ["en", "de"].map(
  (locale) => JSON.parse(readFileSync(`messages/${locale}.json`, "utf8")) as Catalogue,
) as [Catalogue, Catalogue];

function gapsOf(message: unknown): string[] {
  return Array.from(JSON.stringify(message).matchAll(/\{(\w+)\}/g), ([gap]) => gap).sort();
}

describe("the two catalogues", () => {
  it("have the same words to say, in the same order", () => {
    expect(Object.keys(de)).toEqual(Object.keys(en));
    expect(Object.keys(en)).toEqual(Object.keys(en).sort());
  });

  it("fill in the same", () => {
    const gaps = (catalogue: Catalogue): [string, Set<string>][] =>
      Object.entries(catalogue).map(([key, message]) => [key, new Set(gapsOf(message))]);
    expect(gaps(de)).toEqual(gaps(en));
  });

  it("leave nothing empty", () => {
    expect(Object.values({ ...en, ...de }).filter((message) => message === "")).toEqual([]);
  });
});
