import { describe, expect, it } from "vitest";
import { ApiProblem } from "#lib/api/problem.ts";
import { authPath, isSignedOut, localPath, signInPath } from "./session.ts";

const ORIGIN = "https://rollcall.example";

describe("localPath", () => {
  it("keeps a path of this site, with its query", () => {
    expect(localPath("/dashboard/team?q=a#top", ORIGIN)).toBe("/dashboard/team?q=a#top");
  });

  it.each([
    null,
    "",
    "dashboard",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "https://evil.example",
    "javascript:alert(1)",
  ])("refuses %j", (value) => {
    expect(localPath(value, ORIGIN)).toBeUndefined();
  });
});

describe("isSignedOut", () => {
  const told = (status: number, code: ApiProblem["code"]): ApiProblem =>
    new ApiProblem({ status, code, title: "", detail: "" });

  it("leads to the sign-in also when too many sessions of nobody's were tried from here", () => {
    expect(isSignedOut(told(401, "not_signed_in"))).toBe(true);
    expect(isSignedOut(told(429, "rate_limited"))).toBe(true);
  });

  it("is no word on a server that is away", () => {
    expect(isSignedOut(told(503, "temporarily_unavailable"))).toBe(false);
    expect(isSignedOut(new Error("network"))).toBe(false);
  });
});

describe("signInPath", () => {
  it("remembers the page, its query included", () => {
    const path = signInPath(new URL("/dashboard/team?status=invited&q=a", ORIGIN));
    expect(new URL(path, ORIGIN).searchParams.get("return_to")).toBe(
      "/dashboard/team?status=invited&q=a",
    );
  });
});

describe("authPath", () => {
  it("names only what is known", () => {
    expect(authPath({ email: "", returnTo: undefined })).toBe("/auth");
    expect(authPath({ organization: "org_1", email: null, returnTo: undefined })).toBe(
      "/auth?organization=org_1",
    );
    expect(
      authPath({ organization: "org_1", email: "a+b@acme.example", returnTo: "/dashboard" }),
    ).toBe("/auth?organization=org_1&email=a%2Bb%40acme.example&return_to=%2Fdashboard");
  });
});
