/** Why something gives no access, and why somebody is refused: the server's codes in words. */
import type { Explanation, Reason, Refusal } from "#lib/api/person.ts";
import { shortTime } from "#lib/time.ts";
import { m } from "#lib/words/messages.js";

export function reasonText(reason: Reason | null | undefined): string {
  if (reason == null) return "";
  const { code, at, state, idp_id, directory_user_id } = reason;
  return {
    never_described: m.reason_never_described,
    removed: () => m.reason_removed({ at: when(at) }),
    newer_namesake: () => m.reason_newer_namesake({ id: directory_user_id ?? "?" }),
    not_active: () => m.reason_not_active({ state: state ?? "?" }),
    other_user: () => m.reason_other_user({ id: idp_id ?? "?" }),
    directory_removed: () => m.reason_directory_removed({ at: when(at) }),
    not_listed: () => m.reason_not_listed({ at: when(at) }),
    taken_out: () => m.reason_taken_out({ at: when(at) }),
    directory_user_not_live: m.reason_directory_user_not_live,
    before_removal: () => m.reason_before_removal({ at: when(at) }),
    not_in_snapshot: () => m.reason_not_in_snapshot({ at: when(at) }),
    group_unknown: m.reason_group_unknown,
    group_of_other_directory: m.reason_group_of_other_directory,
    group_deleted: () => m.reason_group_deleted({ at: when(at) }),
    before_group_deletion: () => m.reason_before_group_deletion({ at: when(at) }),
    group_directory_removed: () => m.reason_group_directory_removed({ at: when(at) }),
    group_not_listed: () => m.reason_group_not_listed({ at: when(at) }),
    mapping_removed: m.reason_mapping_removed,
    default_mappings_off: m.reason_default_mappings_off,
    groups_not_heeded: m.reason_groups_not_heeded,
    workos_roles_not_heeded: m.reason_workos_roles_not_heeded,
    membership_not_live: m.reason_membership_not_live,
    user_not_active: m.reason_user_not_active,
    grant_over: () => m.reason_grant_over({ at: when(at) }),
  }[code]();
}

/** For an IT administrator. */
export function refusalText(refusal: Refusal, { person }: Explanation): string {
  const { code, at, by, why, directory, reason } = refusal;
  const { name } = person;
  const not = () => ({
    name,
    directory: directory?.name ?? directory?.id ?? "?",
    reason: reasonText(reason),
  });
  return {
    organization_deleted: () => m.refusal_organization_deleted({ name }),
    blocked: () =>
      [
        m.refusal_blocked({ name, at: when(at), by: by?.name ?? m.an_operator() }),
        ...(why ? [m.refusal_blocked_why({ why })] : []),
      ].join(" "),
    never_signed_in: () => m.refusal_never_signed_in({ name }),
    not_in_directory: () => m.refusal_not_in_directory({ name }),
    not_let_in: () => m.refusal_not_let_in(not()),
    directory_removed: () => m.refusal_directory_removed(not()),
    admission_ended: () => m.refusal_admission_ended({ name, at: when(at) }),
  }[code]();
}

function when(at: string | null | undefined): string {
  return at == null ? "?" : shortTime(new Date(at));
}
