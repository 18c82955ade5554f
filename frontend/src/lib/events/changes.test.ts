import { describe, expect, it } from "vitest";
import { changesBetween } from "./changes.ts";

const access = (active: boolean, ...roles: string[]) => ({ active, roles });

describe("changesBetween", () => {
  it("says which roles came and went", () => {
    const before = { access: access(true, "member", "author") };
    const after = { access: access(true, "member", "admin") };
    expect(changesBetween(before, after)).toEqual([
      { sign: "+", what: "Role", to: "Admin" },
      { sign: "−", what: "Role", from: "Author" },
    ]);
  });

  it("says what was edited, and what is new", () => {
    const before = { directory_user: { name: "Ann", live: true }, member: false };
    const after = { directory_user: { name: "Anna", email: "a@x.y", live: true }, member: true };
    expect(changesBetween(before, after)).toEqual([
      { sign: "~", what: "Name", from: "Ann", to: "Anna" },
      { sign: "+", what: "Work e-mail", to: "a@x.y" },
      { sign: "~", what: "in the group", from: "no", to: "yes" },
    ]);
  });

  it("has nothing to say where nothing changed, or nothing is known", () => {
    const same = { access: access(false) };
    expect(changesBetween(same, same)).toEqual([]);
    expect(changesBetween(null, null)).toEqual([]);
  });

  it("shows a role of a later version by its own name", () => {
    expect(changesBetween(null, { access: access(true, "auditor") })).toContainEqual({
      sign: "+",
      what: "Role",
      to: "auditor",
    });
  });
});
