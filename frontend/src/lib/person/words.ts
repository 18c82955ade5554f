/** Why somebody may do what they may, and what changed it. */
import type { Permission } from "#lib/api/me.ts";
import type { Cause, Explanation, HistoryChange, PastAccess } from "#lib/api/person.ts";
import { firstName, roleName } from "#lib/people/words.ts";
import { shortTime } from "#lib/time.ts";
import { m } from "#lib/words/messages.js";
import { refusalText } from "./reasons.ts";

export function questionOf({ person, active, permissions }: Explanation): string {
  const name = firstName(person.name);
  if (!active) return m.why_not_enter({ name });
  if (permissions.includes("administer")) return m.why_administer({ name });
  return permissions.includes("posts:create") ? m.why_write({ name }) : m.why_read({ name });
}

export function answerOf(access: Explanation): string {
  if (access.refusal_reason !== null) return refusalText(access.refusal_reason, access);
  const name = firstName(access.person.name);
  return [entryOf(access, name), ...rolesOf(access)].join(" ");
}

function entryOf({ directory_users, admission }: Explanation, name: string): string {
  const entry = directory_users.find(({ live }) => live);
  if (entry) {
    return m.answer_active({ directory: entry.directory.name ?? entry.directory.id, name });
  }
  return admission?.lets_in
    ? m.answer_admitted({ name, reason: admission.reason })
    : m.answer_sign_in({ name });
}

function rolesOf({ memberships, grants }: Explanation): string[] {
  const mapped = memberships.flatMap(({ group, mappings }) =>
    mappings
      .filter(({ gives }) => gives)
      .map(({ role }) => m.answer_group({ group: group.name ?? group.id, role: roleName(role) })),
  );
  const granted = grants
    .filter(({ gives }) => gives)
    .map(({ role, granted_by }) =>
      granted_by
        ? m.answer_granted({ role: roleName(role), name: granted_by.name })
        : m.answer_granted_by_operator({ role: roleName(role) }),
    );
  return mapped.length + granted.length > 0 ? [...mapped, ...granted] : [m.answer_only_member()];
}

export function permissionName(permission: Permission): string {
  return {
    "posts:read": m.may_posts_read,
    "posts:create": m.may_posts_create,
    "posts:edit_own": m.may_posts_edit_own,
    "posts:edit_any": m.may_posts_edit_any,
    "posts:delete_own": m.may_posts_delete_own,
    "posts:delete_any": m.may_posts_delete_any,
    "team:read": m.may_team_read,
    "team:invite": m.may_team_invite,
    administer: m.may_administer,
  }[permission]();
}

/** "any" holds "own", so only the larger is told. */
export function permissionsText(permissions: readonly Permission[]): string {
  const names = permissions
    .filter(
      (permission) =>
        !permissions.some(
          (other) => other === permission.replace("_own", "_any") && other !== permission,
        ),
    )
    .toSorted((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b))
    .map(permissionName)
    .join(", ");
  return names.charAt(0).toLocaleUpperCase() + names.slice(1);
}

const ORDER: Permission[] = [
  "administer",
  "posts:read",
  "posts:create",
  "posts:edit_own",
  "posts:edit_any",
  "posts:delete_own",
  "posts:delete_any",
  "team:read",
  "team:invite",
];

export function changeName({ code, name, old_name, gained, lost }: HistoryChange): string {
  const named = { name: name ?? "?" };
  const roles = [
    ...gained.map((role) => m.change_gained({ role: roleName(role) })),
    ...lost.map((role) => m.change_lost({ role: roleName(role) })),
  ].join(", ");
  return {
    first_sign_in: m.change_first_sign_in,
    access_unchanged: m.change_access_unchanged,
    group_joined: () => m.change_group_joined(named),
    group_left: () => m.change_group_left(named),
    access_gained: () => [m.change_access_gained(), roles].filter(Boolean).join(": "),
    access_lost: m.change_access_lost,
    roles_changed: () => roles,
    group_described: () => m.change_group_described(named),
    group_renamed: () => m.change_group_renamed({ ...named, old: old_name ?? "?" }),
    group_roles_gained: () => m.change_of_group({ ...named, roles }),
    group_roles_lost: () => m.change_of_group({ ...named, roles }),
    group_deleted: () => m.change_group_deleted(named),
    directory_described: () => m.change_directory_described(named),
    directory_removed: () => m.change_directory_removed(named),
    organization_described: m.change_organization_described,
    organization_deleted: m.change_organization_deleted,
    workos_role_roles_gained: () => m.change_of_workos_role({ ...named, roles }),
    workos_role_roles_lost: () => m.change_of_workos_role({ ...named, roles }),
  }[code]();
}

export function causeName({ kind, actor }: Cause): string {
  if (kind === "person" && actor) return m.cause_by({ name: actor.name });
  return {
    event: m.cause_event,
    snapshot: m.cause_snapshot,
    reconciliation: m.cause_reconciliation,
    sign_in: m.cause_sign_in,
    person: m.cause_person,
    operator: m.cause_operator,
  }[kind]();
}

/** How surely it is known what somebody might do then. */
export function pastText({ state, caused_by, may_have_changed }: PastAccess): string {
  if (state === null || caused_by === null) return m.past_unknown();
  const since = m.past_since({ at: shortTime(new Date(caused_by.at)) });
  return may_have_changed.length > 0 ? `${since} ${m.past_unsure()}` : since;
}

/** The page of what caused it, where there is one. */
export function causeHref({ kind, id }: Cause): string | undefined {
  if (!id) return undefined;
  if (kind === "event") return `/dashboard/events/${encodeURIComponent(id)}`;
  if (kind === "reconciliation") {
    return `/dashboard/directory/reconciliations/${encodeURIComponent(id)}`;
  }
  return undefined;
}
