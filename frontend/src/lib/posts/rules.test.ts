import { describe, expect, it } from "vitest";
import { faultsOf, nearLimit } from "./rules.ts";

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

describe("nearLimit", () => {
  it("says how much room there is only when there is little", () => {
    expect(nearLimit("x".repeat(179), 200)).toBeUndefined();
    expect(nearLimit("x".repeat(199), 200)).toBe("1 character left");
    expect(nearLimit("x".repeat(201), 200)).toBeUndefined();
  });
});
