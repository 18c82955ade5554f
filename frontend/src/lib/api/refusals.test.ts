import { expect, it } from "vitest";
import { overwriteGetLocale } from "#lib/words/runtime.js";
import description from "../../../openapi.json" with { type: "json" };
import { problemFrom } from "./problem.ts";
import { OF_PROGRAMS } from "./refusals.ts";

const CODES = description.components.schemas.ProblemCode.enum.filter(
  (code) => !OF_PROGRAMS.some((other) => other === code),
);

function told(code: string, locale: "en" | "de") {
  overwriteGetLocale(() => locale);
  return problemFrom(
    Response.json(
      {
        code,
        title: "Title",
        detail: "As the server says.",
        errors: [{ field: "f", message: "" }],
      },
      { status: 409, headers: { "Retry-After": "12" } },
    ),
  );
}

it.each(CODES)("%s has words in both languages", async (code) => {
  const english = await told(code, "en");
  const german = await told(code, "de");
  for (const words of [english, german]) expect(words.title).not.toBe("Title");
  expect(german.title).not.toBe(english.title);
  expect(german.detail).not.toBe(english.detail);
  expect(german.detail).not.toContain("As the server says");
  expect(german.detail).not.toMatch(/[{}]/);
});

it("a code of a younger server is told in its own words", async () => {
  expect(await told("of_tomorrow", "de")).toMatchObject({
    title: "Title",
    detail: "As the server says.",
  });
});

it("says how long to wait, and which fields are wrong", async () => {
  expect((await told("rate_limited", "de")).detail).toContain("12");
  expect((await told("invalid_input", "de")).detail).toContain("f");
});
