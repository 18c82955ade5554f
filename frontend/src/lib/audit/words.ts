/** What was done, in words. */
import type { AuditEntry } from "#lib/api/audit.ts";
import { m } from "#lib/words/messages.js";

/** In the order in which they are offered. */
const ACTIONS = {
  "session.opened": m.action_session_opened,
  "session.ended": m.action_session_ended,
  "sign_in.refused": m.action_sign_in_refused,
  "token.created": m.action_token_created,
  "token.ended": m.action_token_ended,
  "service_account.created": m.action_service_account_created,
  "service_account.ended": m.action_service_account_ended,
  "user.blocked": m.action_user_blocked,
  "user.unblocked": m.action_user_unblocked,
  "user.signed_out": m.action_user_signed_out,
  "guest.admitted": m.action_guest_admitted,
  "guest.changed": m.action_guest_changed,
  "guest.ended": m.action_guest_ended,
  "break_glass.mail_failed": m.action_break_glass_mail_failed,
  "break_glass.owner_named": m.action_break_glass_owner_named,
  "break_glass.used": m.action_break_glass_used,
  "post.created": m.action_post_created,
  "post.edited": m.action_post_edited,
  "post.deleted": m.action_post_deleted,
  "post.restored": m.action_post_restored,
  "post.handed_over": m.action_post_handed_over,
  "invitation.created": m.action_invitation_created,
  "invitation.withdrawn": m.action_invitation_withdrawn,
  "invitation.restored": m.action_invitation_restored,
  "invitation.accepted": m.action_invitation_accepted,
  "identity.allowed": m.action_identity_allowed,
  "identity.forgotten": m.action_identity_forgotten,
  "identity.joined": m.action_identity_joined,
  "reconciliation.requested": m.action_reconciliation_requested,
  "reconciliation.held": m.action_reconciliation_held,
  "reconciliation.confirmed": m.action_reconciliation_confirmed,
  "reconciliation.cancel_requested": m.action_reconciliation_cancel_requested,
  "reconciliation.cancelled": m.action_reconciliation_cancelled,
  "reconciliation.completed": m.action_reconciliation_completed,
  "reconciliation.failed": m.action_reconciliation_failed,
  "reconciliation.access_changed": m.action_reconciliation_access_changed,
  "reconciliation.access_lost": m.action_reconciliation_access_lost,
  "snapshot.person": m.action_snapshot_person,
  "event.replayed": m.action_event_replayed,
  "dsync.user.created": m.action_dsync_user_created,
  "dsync.user.updated": m.action_dsync_user_updated,
  "dsync.user.deleted": m.action_dsync_user_deleted,
  "dsync.group.created": m.action_dsync_group_created,
  "dsync.group.updated": m.action_dsync_group_updated,
  "dsync.group.deleted": m.action_dsync_group_deleted,
  "dsync.group.user_added": m.action_dsync_group_user_added,
  "dsync.group.user_removed": m.action_dsync_group_user_removed,
  "dsync.activated": m.action_dsync_activated,
  "dsync.deleted": m.action_dsync_deleted,
  "organization.directory_managed": m.action_organization_directory_managed,
  "webhook.forged": m.action_webhook_forged,
  "mapping.changed": m.action_mapping_changed,
  "grant.created": m.action_grant_created,
  "grant.ended": m.action_grant_ended,
  "admins.gone": m.action_admins_gone,
  "directory_gone.decided": m.action_directory_gone_decided,
  "directory_gone.let_in": m.action_directory_gone_let_in,
  "directory_gone.kept_out": m.action_directory_gone_kept_out,
  "setting.changed": m.action_setting_changed,
  "portal_link.created": m.action_portal_link_created,
  universal_logout: m.action_universal_logout,
  "universal_logout.refused": m.action_universal_logout_refused,
  "audit.erased": m.action_audit_erased,
  "audit.pruned": m.action_audit_pruned,
} as const satisfies Record<string, () => string>;

export type Action = keyof typeof ACTIONS;

export const KNOWN_ACTIONS: string[] = Object.keys(ACTIONS);

export function isKnown(action: string): action is Action {
  return Object.hasOwn(ACTIONS, action);
}

/** A younger server's action goes by its own name. */
export function actionName(action: string): string {
  return isKnown(action) ? ACTIONS[action]() : action;
}

/** Who or what did it. */
export function actorName({ actor, event_id, action }: AuditEntry): string {
  if (actor) return actor.name ?? m.name_erased();
  if (event_id !== null || action.startsWith("dsync.")) return m.the_directory();
  if (action === "universal_logout") return "Okta";
  return action === "webhook.forged" || action.endsWith(".refused") ? m.a_stranger() : "Rollcall";
}

/** What is plain from who did it, or from the action, needs no saying. */
export function targetName(entry: AuditEntry): string {
  const { actor, subject, detail } = entry;
  if (detail.token_name != null) return detail.token_name;
  if (subject.kind === "reconciliation") return "—";
  return subject.user_id !== null && subject.user_id === actor?.id ? "—" : subjectName(entry);
}

export function subjectName({ subject }: AuditEntry): string {
  return subject.name ?? subject.id ?? "—";
}

const KINDS: Record<AuditEntry["subject"]["kind"], () => string> = {
  person: m.kind_person,
  group: m.kind_group,
  directory: m.kind_directory,
  organization: m.kind_organization,
  post: m.kind_post,
  reconciliation: m.kind_reconciliation,
  client: m.kind_client,
  other: m.kind_other,
};

export function kindName({ subject }: AuditEntry): string {
  return KINDS[subject.kind]();
}
