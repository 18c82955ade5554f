import { describe, expect, it } from "vitest";
import { faultsOf } from "./post-rules.ts";

describe("faultsOf", () => {
  it("accepts what the server accepts, counted in characters", () => {
    expect(faultsOf({ title: ` ${"😀".repeat(200)} `, content: "x".repeat(20_000) })).toEqual({});
  });

  it("names the field that is empty or too long", () => {
    expect(faultsOf({ title: " ", content: "" })).toEqual({
      title: "Give the post a title.",
      content: "Write something first.",
    });
    expect(faultsOf({ title: "x".repeat(201), content: "x" })).toEqual({
      title: "1 character too long: the limit is 200.",
    });
  });
});
