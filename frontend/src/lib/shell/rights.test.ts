import { describe, expect, it } from "vitest";
import type { Me } from "#lib/api/me.ts";
import { lossBetween } from "./rights.ts";

function somebody(id: string, permissions: Me["permissions"]): Me {
  const organization = { id: "org_1", name: "Acme" };
  return { id, name: "Ann", email: null, organization, roles: ["member"], permissions };
}

const admin = somebody("1", ["posts:read", "posts:create", "administer"]);
const author = somebody("1", ["posts:read", "posts:create"]);
const member = somebody("1", ["posts:read"]);

describe("lossBetween", () => {
  it("names the greatest right that is gone", () => {
    expect(lossBetween(admin, member)).toContain("administer");
    expect(lossBetween(author, member)).toContain("write");
  });

  it("says nothing where nothing was lost, or nothing was known", () => {
    expect(lossBetween(member, admin)).toBeUndefined();
    expect(lossBetween(undefined, member)).toBeUndefined();
  });

  it("says nothing about one person to another", () => {
    expect(lossBetween(admin, somebody("2", []))).toBeUndefined();
  });
});
