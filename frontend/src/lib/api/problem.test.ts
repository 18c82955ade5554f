import { describe, expect, it } from "vitest";
import { problemFrom, unreachable } from "./problem.ts";

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
