/** What roles and states are called. */
import type { Role } from "#lib/api/me.ts";
import type { TeamStatus } from "#lib/api/people.ts";
import type { Tone } from "#lib/ui/Status.svelte";
import { m } from "#lib/words/messages.js";

export function roleName(role: Role): string {
  return { member: m.role_member, author: m.role_author, admin: m.role_admin }[role]();
}

export const STATUSES = ["invitable", "invited", "joined", "deactivated"] as const satisfies [
  ...TeamStatus[],
];

export function statusName(status: TeamStatus): string {
  return {
    invitable: m.status_invitable,
    invited: m.status_invited,
    joined: m.status_joined,
    deactivated: m.status_deactivated,
  }[status]();
}

export const STATUS_TONES: Record<TeamStatus, Tone> = {
  invitable: "off",
  invited: "attention",
  joined: "good",
  deactivated: "bad",
};
