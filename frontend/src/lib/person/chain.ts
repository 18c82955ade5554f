/** From the directory over groups and grants to roles, as boxes and lines. */
import type { Role } from "#lib/api/me.ts";
import type { Explanation } from "#lib/api/person.ts";
import { roleName } from "#lib/people/words.ts";
import { dateText } from "#lib/time.ts";
import { m } from "#lib/words/messages.js";
import { reasonText } from "./reasons.ts";

export interface Link {
  id: string;
  column: 0 | 1 | 2;
  title: string;
  detail: string;
  /** What does not count is drawn dashed, and `detail` is its reason. */
  counts: boolean;
  /** Where it leads. */
  to: { id: string; counts: boolean }[];
}

const SIGN_IN = "sign-in";
const FROM_HIGHEST: Role[] = ["admin", "author", "member"];

export function chainOf(access: Explanation): Link[] {
  const links = [...sourcesOf(access), ...betweenOf(access)];
  // Whoever has no other role has that of everybody, straight from where they are let in.
  if (access.active && access.roles.every((role) => role === "member")) {
    for (const link of links.filter(({ column, counts }) => column === 0 && counts)) {
      link.to.push({ id: "member", counts: true });
    }
  }
  const reached = new Set(links.flatMap(({ to }) => to.map(({ id }) => id)));
  return [...links, ...rolesOf(access).filter(({ id }) => reached.has(id))];
}

function sourcesOf(access: Explanation): Link[] {
  const { admission, person } = access;
  const from = leadsTo(access);
  const links: Link[] = access.directory_users.map((entry) => ({
    id: entry.id,
    column: 0,
    title: entry.directory.name ?? m.directory(),
    detail: [
      entry.name ?? entry.email ?? entry.id,
      entry.live
        ? m.chain_active_since({ day: dayText(entry.since?.at) })
        : reasonText(entry.reason),
    ].join(" · "),
    counts: entry.live,
    to: from(entry.id, entry.live),
  }));
  const entered = links.some(({ counts }) => counts);
  if (admission) {
    const counts = admission.lets_in;
    links.push({
      id: "admission",
      column: 0,
      title: m.chain_admitted(),
      detail: counts ? admission.reason : m.chain_ended({ day: dayText(admission.until) }),
      counts,
      to: entered ? [] : from("admission", counts),
    });
  }
  if (links.length === 0) {
    const counts = person.joined_at !== null && !access.directory_managed;
    links.push({
      id: SIGN_IN,
      column: 0,
      title: m.chain_sign_in(),
      detail: counts
        ? m.chain_since({ day: dayText(person.joined_at) })
        : access.directory_managed
          ? m.chain_not_listed()
          : m.chain_never(),
      counts,
      to: from(SIGN_IN, counts),
    });
  }
  return links;
}

/** What a source leads to: its groups and roles at WorkOS; grants hang on the first that counts. */
function leadsTo(access: Explanation) {
  let granted = false;
  return (id: string, counts: boolean): Link["to"] => {
    const groups = access.memberships
      .filter(({ directory_user_id }) => directory_user_id === id)
      .map(({ group, live }) => ({ id: `${id} ${group.id}`, counts: live }));
    const workos = access.workos_roles
      .filter(({ directory_user_id }) => (directory_user_id ?? SIGN_IN) === id)
      .map(({ slug }) => ({ id: idOfWorkosRole(id, slug), counts }));
    const grants =
      granted || !counts
        ? []
        : access.grants.map(({ role, gives }) => ({ id: `grant ${role}`, counts: gives }));
    granted ||= counts;
    return [...groups, ...workos, ...grants];
  };
}

function betweenOf(access: Explanation): Link[] {
  const groups = access.memberships.map(
    ({ group, directory_user_id, live, reason, since, mappings }): Link => {
      const lacking = mappings.find(({ gives }) => !gives);
      return {
        id: `${directory_user_id} ${group.id}`,
        column: 1,
        title: group.name ?? group.id,
        detail: live
          ? mappings.length === 0
            ? m.chain_gives_nothing()
            : mappings.some(({ gives }) => gives)
              ? m.chain_member_since({ day: dayText(since.at) })
              : reasonText(lacking?.reason ?? null)
          : reasonText(reason),
        counts: live,
        to: mappings.map(({ role, gives }) => ({ id: role, counts: gives })),
      };
    },
  );
  // Whoever has come back has the same one in the directory twice.
  const workos = access.workos_roles.map(({ slug, directory_user_id, mappings }): Link => {
    const source = access.directory_users.find(({ id }) => id === directory_user_id);
    const counts = source?.live ?? true;
    return {
      id: idOfWorkosRole(directory_user_id ?? SIGN_IN, slug),
      column: 1,
      title: m.chain_workos_role({ slug }),
      detail: !counts
        ? reasonText(source?.reason ?? null)
        : mappings.length === 0
          ? m.chain_gives_nothing()
          : reasonText(mappings[0]?.reason ?? null),
      counts: counts && mappings.every(({ gives }) => gives),
      to: mappings.map(({ role, gives }) => ({ id: role, counts: gives })),
    };
  });
  const grants = access.grants.map(
    ({ role, granted_by, reason, gives, why_not_reason, until }): Link => ({
      id: `grant ${role}`,
      column: 1,
      title: granted_by
        ? m.chain_granted_by({ name: granted_by.name })
        : m.chain_granted_by_operator(),
      detail: gives
        ? until
          ? `${reason} · ${m.chain_until({ day: dayText(until) })}`
          : reason
        : reasonText(why_not_reason),
      counts: gives,
      to: [{ id: role, counts: gives }],
    }),
  );
  return [...groups, ...workos, ...grants];
}

function rolesOf({ roles, person }: Explanation): Link[] {
  return FROM_HIGHEST.map((role) => ({
    id: role,
    column: 2,
    title: roleName(role),
    detail: roles.includes(role)
      ? { admin: m.may_admin(), author: m.may_author(), member: m.may_member() }[role]
      : person.blocked_at
        ? m.chain_blocked()
        : m.chain_not_given(),
    counts: roles.includes(role),
    to: [],
  }));
}

function idOfWorkosRole(source: string, slug: string): string {
  return `workos ${source} ${slug}`;
}

function dayText(at: string | null | undefined): string {
  return at ? dateText(new Date(at)) : "—";
}
