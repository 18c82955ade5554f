import { describe, expect, it } from "vitest";
import { overwriteGetLocale } from "#lib/words/runtime.js";
import { ApiProblem, problemFrom, unreachable } from "./problem.ts";

describe("problemFrom", () => {
  it("reads problem+json with its fields", async () => {
    const problem = await problemFrom(
      Response.json(
        {
          title: "Invalid input",
          detail: "title: too long",
          code: "invalid_input",
          errors: [{ field: "title", message: "Too long." }, { nonsense: true }],
        },
        { status: 422 },
      ),
    );
    expect(problem).toMatchObject({
      status: 422,
      code: "invalid_input",
      detail: "title: too long",
    });
    expect(problem.messageFor("title")).toBe("Too long.");
    expect(problem.messageFor("content")).toBeUndefined();
    expect(problem.passing).toBe(false);
  });

  it("survives an answer that is no problem at all", async () => {
    const problem = await problemFrom(new Response("<h1>Bad gateway</h1>", { status: 502 }));
    expect(problem.detail).toContain("502");
    expect(problem.passing).toBe(true);
  });
});

describe("unreachable", () => {
  it("can be tried again", () => {
    expect(unreachable().passing).toBe(true);
  });
});

it("says of a field what the server says only where the page is in the server's language", () => {
  const problem = new ApiProblem({
    status: 422,
    code: "invalid_input",
    title: "",
    detail: "",
    fields: [{ field: "seats", message: "Input should be greater than 0" }],
  });
  expect(problem.messageFor("title")).toBeUndefined();
  expect(problem.messageFor("seats")).toBe("Input should be greater than 0");
  overwriteGetLocale(() => "de");
  expect(problem.messageFor("seats")).toBe("Dieser Wert wird nicht angenommen.");
  overwriteGetLocale(() => "en");
});
