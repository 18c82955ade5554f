/** What an entry says, in the page's language. */
import type { AuditEntry } from "#lib/api/audit.ts";
import type { Outcome } from "#lib/api/events.ts";
import type { PortalIntent } from "#lib/api/organization.ts";
import { faultText } from "#lib/directory/faults.ts";
import { outcomeName, OUTCOMES } from "#lib/events/words.ts";
import { formatCount } from "#lib/locale.ts";
import { anyRoleName } from "#lib/people/words.ts";
import { signInError } from "#lib/sign-in/errors.ts";
import { m } from "#lib/words/messages.js";
import { actionName, isKnown, subjectName, type Action } from "./words.ts";

type Detail = AuditEntry["detail"];

interface Told {
  entry: AuditEntry;
  actor: string;
  subject: string;
  /** Why, as somebody typed it, or as a code. */
  reason: string;
  role: string;
  token: string;
}

type Sentence = (told: Told) => string;

const SENTENCES: Record<Action, Sentence> = {
  "session.opened": m.told_session_opened,
  "session.ended": (told) => {
    const { actor, subject, detail } = told.entry;
    if (actor?.id !== subject.user_id) return m.told_session_ended(told);
    return detail.session_id == null ? m.told_signed_out(told) : m.told_session_ended_own(told);
  },
  "sign_in.refused": ({ subject, reason }) =>
    m.told_sign_in_refused({ subject, told: signInError(reason).heading }),
  "token.created": m.told_token_created,
  "token.ended": m.told_token_ended,
  "service_account.created": m.told_service_account_created,
  "service_account.ended": m.told_service_account_ended,
  "user.blocked": m.told_user_blocked,
  "user.unblocked": m.told_user_unblocked,
  "user.signed_out": m.told_user_signed_out,
  "guest.admitted": m.told_guest_admitted,
  "guest.changed": m.told_guest_changed,
  "guest.ended": m.told_guest_ended,
  "break_glass.mail_failed": m.told_break_glass_mail_failed,
  "break_glass.owner_named": m.told_break_glass_owner_named,
  "break_glass.used": m.told_break_glass_used,
  "post.created": m.told_post_created,
  "post.edited": m.told_post_edited,
  "post.deleted": m.told_post_deleted,
  "post.restored": m.told_post_restored,
  "post.handed_over": m.told_post_handed_over,
  "invitation.created": m.told_invitation_created,
  "invitation.withdrawn": m.told_invitation_withdrawn,
  "invitation.restored": m.told_invitation_restored,
  "invitation.accepted": m.told_invitation_accepted,
  "identity.allowed": m.told_identity_allowed,
  "identity.forgotten": m.told_identity_forgotten,
  "identity.joined": m.told_identity_joined,
  "reconciliation.requested": m.told_reconciliation_requested,
  "reconciliation.held": ({ entry: { detail } }) =>
    m.told_reconciliation_held({ count: formatCount(detail.people ?? 0) }),
  "reconciliation.confirmed": m.told_reconciliation_confirmed,
  "reconciliation.cancel_requested": m.told_reconciliation_cancel_requested,
  "reconciliation.cancelled": () => m.told_reconciliation_cancelled(),
  "reconciliation.completed": ({ entry: { detail } }) =>
    m.told_reconciliation_completed({ count: formatCount(detail.lost_access ?? 0) }),
  "reconciliation.failed": ({ entry: { detail } }) =>
    m.told_reconciliation_failed({ reason: failureOf(detail) }),
  "reconciliation.access_changed": changed(m.told_reconciliation_access_changed),
  "reconciliation.access_lost": changed(m.told_reconciliation_access_changed),
  "snapshot.person": changed(m.told_snapshot_person),
  "event.replayed": (told) =>
    m.told_event_replayed({ ...told, outcome: outcomeOf(told.entry.detail) }),
  "dsync.user.created": ofPerson(m.said_user_created),
  "dsync.user.updated": ofPerson(m.said_user_updated),
  "dsync.user.deleted": ofPerson(m.said_user_deleted),
  "dsync.group.created": ({ subject }) => m.said_group_created({ group: subject }),
  "dsync.group.updated": ({ subject }) => m.said_group_updated({ group: subject }),
  "dsync.group.deleted": ({ subject }) => m.said_group_deleted({ group: subject }),
  "dsync.group.user_added": ofPerson(m.said_user_added),
  "dsync.group.user_removed": ofPerson(m.said_user_removed),
  "dsync.activated": () => m.said_activated(),
  "dsync.deleted": () => m.said_directory_deleted(),
  "organization.directory_managed": () => m.told_organization_directory_managed(),
  "webhook.forged": m.told_webhook_forged,
  "mapping.changed": m.told_mapping_changed,
  "grant.created": m.told_grant_created,
  "grant.ended": m.told_grant_ended,
  "admins.gone": () => m.told_admins_gone(),
  "directory_gone.decided": m.told_directory_gone_decided,
  "directory_gone.let_in": m.told_directory_gone_let_in,
  "directory_gone.kept_out": m.told_directory_gone_kept_out,
  "setting.changed": m.told_setting_changed,
  "portal_link.created": (told) =>
    m.told_portal_link_created({ ...told, intent: intentOf(told.entry.detail) }),
  universal_logout: m.told_universal_logout,
  "universal_logout.refused": m.told_universal_logout_refused,
  "audit.erased": (told) =>
    m.told_audit_erased({ ...told, count: formatCount(told.entry.detail.entries ?? 0) }),
  "audit.pruned": ({ entry: { detail } }) =>
    m.told_audit_pruned({ count: formatCount(detail.entries ?? 0) }),
};

export function sentenceOf(entry: AuditEntry): string {
  const { action, detail } = entry;
  const subject = subjectName(entry);
  const came = detail.outcome != null && entry.actor === null && action !== "event.replayed";
  if (!isKnown(action) || (came && detail.outcome !== "applied")) {
    const outcome = detail.outcome == null ? "" : ` (${outcomeOf(detail)})`;
    return `${subject}: ${actionName(action)}${outcome}.`;
  }
  return SENTENCES[action]({
    entry,
    actor: actorOf(entry),
    subject,
    reason: detail.reason ?? "?",
    role: anyRoleName(detail.role ?? "?"),
    token: detail.token_name ?? "?",
  });
}

/** Without a person it was the clock, or whoever has the command line. */
function actorOf({ actor, detail }: AuditEntry): string {
  if (actor !== null) return actor.name ?? m.name_erased();
  const byTheClock = detail.source === "schedule" || detail.source === "expired_cursor";
  return byTheClock ? "Rollcall" : m.told_operator();
}

function changed(words: (told: { subject: string; changes: string }) => string): Sentence {
  return ({ subject, entry: { detail } }) => words({ subject, changes: accessText(detail) });
}

/** What happened, and what followed for who may do what. */
function ofPerson(words: (told: { person: string; group: string }) => string): Sentence {
  return ({ subject, entry: { detail } }) => {
    const happened = words({ person: subject, group: m.a_group() });
    const followed = accessText(detail);
    return `${happened} ${followed.charAt(0).toLocaleUpperCase()}${followed.slice(1)}.`;
  };
}

function accessText({ before, after }: Detail): string {
  const was = before?.access ?? { active: false, roles: [] };
  const is = after?.access ?? was;
  const gained = is.roles.filter((role) => !was.roles.includes(role)).map(anyRoleName);
  const lost = was.roles.filter((role) => !is.roles.includes(role)).map(anyRoleName);
  if (!was.active && is.active) return m.told_access_gained({ roles: gained.join(", ") });
  if (was.active && !is.active) return m.told_access_lost();
  const changes = [
    ...gained.map((role) => m.change_gained({ role })),
    ...lost.map((role) => m.change_lost({ role })),
  ];
  return changes.join(", ") || m.told_access_unchanged();
}

function outcomeOf({ outcome }: Detail): string {
  return isOutcome(outcome) ? outcomeName(outcome) : (outcome ?? "?");
}

function isOutcome(outcome: Detail["outcome"]): outcome is Outcome {
  return [...OUTCOMES, "duplicate"].includes(outcome ?? "");
}

function failureOf({ reason, detail }: Detail): string {
  return faultText({ reason: reason ?? null, error: detail ?? null }) || (reason ?? "?");
}

const INTENTS: Record<PortalIntent, () => string> = {
  sso: m.portal_for_sso,
  dsync: m.portal_for_dsync,
  domain_verification: m.portal_for_domain_verification,
  certificate_renewal: m.portal_for_certificate_renewal,
  audit_logs: m.portal_for_audit_logs,
  log_streams: m.portal_for_log_streams,
};

function intentOf({ intent }: Detail): string {
  return intent != null && Object.hasOwn(INTENTS, intent)
    ? INTENTS[intent as PortalIntent]()
    : (intent ?? "?");
}
