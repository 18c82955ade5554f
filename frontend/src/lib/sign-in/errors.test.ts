import { describe, expect, it } from "vitest";
import { signInError } from "./errors.ts";

describe("signInError", () => {
  it("has words for a refusal", () => {
    expect(signInError("deactivated").heading).toContain("deactivated");
  });

  it.each(["constructor", "", "what_workos_thinks_of_next"])(
    "has general words for %j, which is none",
    (code) => {
      expect(signInError(code)).toEqual(signInError("sign_in_failed"));
    },
  );
});
