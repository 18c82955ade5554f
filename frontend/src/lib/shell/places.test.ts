import { describe, expect, it } from "vitest";
import type { Me } from "#lib/api/me.ts";
import { isWithin, placesOf } from "./places.ts";

function somebody(permissions: Me["permissions"]): Me {
  const organization = { id: "org_1", name: "Acme" };
  return { id: "1", name: "Ann", email: null, organization, roles: ["member"], permissions };
}

describe("placesOf", () => {
  it("leads a member to posts and people, and to no administration", () => {
    const hrefs = placesOf(somebody(["posts:read", "team:read"])).map(({ href }) => href);
    expect(hrefs).toEqual(["/dashboard", "/dashboard/team"]);
  });

  it("leads an admin everywhere", () => {
    expect(placesOf(somebody(["posts:read", "team:read", "administer"]))).toHaveLength(7);
  });
});

describe("isWithin", () => {
  it.each([
    ["/dashboard", "/dashboard", true],
    ["/dashboard/new", "/dashboard", true],
    ["/dashboard/posts/7", "/dashboard", true],
    ["/dashboard/team", "/dashboard", false],
    ["/dashboard/people/7", "/dashboard/team", true],
    ["/dashboard/directory/reconciliations/7", "/dashboard/directory", true],
    ["/dashboard/directory", "/dashboard/events", false],
  ])("%s is within %s: %j", (pathname, href, within) => {
    expect(isWithin(pathname, href)).toBe(within);
  });
});
