import { describe, expect, it } from "vitest";
import type { Explanation } from "#lib/api/person.ts";
import { chainOf } from "./chain.ts";

const SINCE = { at: "2026-11-26T12:00:00Z", cause: { kind: "event", id: "event_1", actor: null } };

function entry(id: string, live: boolean): Explanation["directory_users"][number] {
  return {
    id,
    directory: { id: "directory_1", name: "Acme" },
    name: "Ben Moreau",
    email: null,
    idp_id: "00u1",
    state: "active",
    since: SINCE,
    removed_at: live ? null : "2026-11-26T13:00:00Z",
    removed_by: null,
    live,
    why_not: null,
    reason: live
      ? null
      : {
          code: "removed",
          at: "2026-11-26T13:00:00Z",
          state: null,
          idp_id: null,
          directory_user_id: null,
        },
  } as Explanation["directory_users"][number];
}

/** Somebody whom the directory deleted and made anew, with the same group and the same role. */
function returned(): Explanation {
  const of = ["directory_user_2", "directory_user_1"];
  return {
    person: { id: "1", name: "Ben Moreau", email: null, joined_at: null, blocked_at: null },
    directory_managed: true,
    active: true,
    roles: ["member"],
    directory_users: of.map((id, at) => entry(id, at === 0)),
    memberships: of.map((directory_user_id, at) => ({
      group: { id: "group_1", name: "Editors" },
      directory_user_id,
      present: true,
      since: SINCE,
      live: at === 0,
      why_not: null,
      reason: null,
      mappings: [],
    })),
    workos_roles: of.map((directory_user_id) => ({
      slug: "member",
      directory_user_id,
      mappings: [],
    })),
    grants: [],
    admission: null,
  } as unknown as Explanation;
}

describe("chainOf", () => {
  it("tells apart what somebody who came back has from before and from now", () => {
    const links = chainOf(returned());
    const ids = links.map(({ id }) => id);
    const lines = links.flatMap(({ id, to }) => to.map((end) => `${id} ${end.id}`));
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(lines).size).toBe(lines.length);
    expect(links.every(({ to }) => to.every(({ id }) => ids.includes(id)))).toBe(true);
  });

  it("does not count the role at WorkOS of an entry that does not", () => {
    const roles = chainOf(returned()).filter(({ id }) => id.startsWith("workos "));
    expect(roles.map(({ counts }) => counts)).toEqual([true, false]);
    expect(roles[1]?.detail).toContain("2026");
  });
});
