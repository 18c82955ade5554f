import { expect, it } from "vitest";
import { changesOf } from "./changes.ts";

it("lays before and after side by side, and leaves out what stayed", () => {
  const changes = changesOf({
    before: { access: { active: true, roles: ["member"] }, member: false },
    after: { access: { active: true, roles: ["member", "author"] }, member: true },
  });
  expect(changes).toEqual([
    { path: "access.roles", before: "member", after: "member, author" },
    { path: "member", before: "false", after: "true" },
  ]);
});

it("shows what there was not before, and what there is no more", () => {
  expect(changesOf({ after: { member: true } })).toEqual([
    { path: "member", before: undefined, after: "true" },
  ]);
  expect(changesOf({ before: { member: true } })).toEqual([
    { path: "member", before: "true", after: undefined },
  ]);
  expect(changesOf({})).toEqual([]);
});
