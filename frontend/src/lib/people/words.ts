/** What people, roles and states are called. */
import type { Role } from "#lib/api/me.ts";
import type { PersonStatus, Sort } from "#lib/api/people.ts";
import type { Tone } from "#lib/ui/Status.svelte";
import { m } from "#lib/words/messages.js";

export function firstName(name: string): string {
  return name.split(/\s+/u)[0] ?? name;
}

export function roleName(role: Role): string {
  return { member: m.role_member, author: m.role_author, admin: m.role_admin }[role]();
}

/** A role of a later version has no name here. */
export function anyRoleName(role: string): string {
  return role === "member" || role === "author" || role === "admin" ? roleName(role) : role;
}

export const STATUSES: PersonStatus[] = [
  "invitable",
  "invited",
  "joined",
  "deactivated",
  "blocked",
];

export function statusName(status: PersonStatus): string {
  return {
    invitable: m.status_invitable,
    invited: m.status_invited,
    joined: m.status_joined,
    deactivated: m.status_deactivated,
    blocked: m.status_blocked,
  }[status]();
}

export const STATUS_TONES: Record<PersonStatus, Tone> = {
  invitable: "off",
  invited: "attention",
  joined: "good",
  deactivated: "bad",
  blocked: "bad",
};

export const SORTS: Sort[] = ["name", "department", "last_seen"];

export function sortName(sort: Sort): string {
  return { name: m.name, department: m.department, last_seen: m.last_seen }[sort]();
}
