import { describe, expect, it } from "vitest";
import type { Me } from "#lib/api/me.ts";
import { changeBetween } from "./rights.ts";

function somebody(id: string, permissions: Me["permissions"]): Me {
  const organization = { id: "org_1", name: "Acme" };
  return { id, name: "Ann", email: null, organization, roles: ["member"], permissions };
}

const admin = somebody("1", ["posts:read", "posts:create", "administer"]);
const author = somebody("1", ["posts:read", "posts:create"]);
const member = somebody("1", ["posts:read"]);

describe("changeBetween", () => {
  it("names the greatest right that is gone", () => {
    expect(changeBetween(admin, member)).toContain("administer");
    expect(changeBetween(author, member)).toContain("no longer write");
  });

  it("names the greatest right that is new", () => {
    expect(changeBetween(member, admin)).toContain("administer");
    expect(changeBetween(member, author)).toContain("you can write");
  });

  it("says when", () => {
    const at = new Date(2026, 10, 26, 14, 3);
    expect(changeBetween(author, member, at)).toMatch(/0?2:03|14:03/);
  });

  it("says nothing where nothing changed, or nothing was known", () => {
    expect(changeBetween(member, member)).toBeUndefined();
    expect(changeBetween(undefined, member)).toBeUndefined();
  });

  it("says nothing about one person to another", () => {
    expect(changeBetween(admin, somebody("2", []))).toBeUndefined();
  });
});
