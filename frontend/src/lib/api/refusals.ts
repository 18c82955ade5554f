/** The server's refusals in the page's language, by their codes. */
import { m } from "#lib/words/messages.js";
import { isServersLanguage } from "#lib/language.ts";
import { secondsText } from "#lib/time.ts";
import type { components } from "./schema.d.ts";

export type ServerCode = components["schemas"]["ProblemCode"];

/** What only programs meet: they read the sentence that comes along. */
export const OF_PROGRAMS = [
  "credential_refused",
  "scope_missing",
  "session_required",
  "invalid_signature",
  "logout_not_set_up",
  "logout_refused",
  "logout_subject_invalid",
  "logout_keys_unavailable",
  "not_an_event",
  "code_rejected",
  "unauthorized",
  "method_not_allowed",
  "prefetched",
  "invalid_host",
  "unknown_host",
] as const satisfies ServerCode[];

/** What an answer says besides its code. */
export interface Told {
  /** In English, and as exact as it can be. */
  detail: string;
  /** The names of the fields that are wrong. */
  fields: string;
  /** Until it may be tried again. */
  seconds: number;
}

type Words = [title: () => string, detail: (told: Told) => string];

const REFUSALS: Record<Exclude<ServerCode, (typeof OF_PROGRAMS)[number]>, Words> = {
  bad_request: [m.refused_bad_request, m.refused_bad_request_detail],
  not_signed_in: [m.refused_not_signed_in, m.refused_not_signed_in_detail],
  role_missing: [m.refused_role_missing, exactly(m.refused_role_missing_detail)],
  not_yours: [m.refused_not_yours, m.refused_not_yours_detail],
  cross_site: [m.refused_cross_site, m.refused_cross_site_detail],
  not_found: [m.refused_not_found, m.refused_not_found_detail],
  not_invitable: [m.refused_not_invitable, m.refused_not_invitable_detail],
  stale_version: [m.refused_stale_version, m.refused_stale_version_detail],
  last_admin: [m.refused_last_admin, m.refused_last_admin_detail],
  too_many_tokens: [m.refused_too_many_tokens, m.refused_too_many_tokens_detail],
  not_deleted: [m.refused_not_deleted, m.refused_not_deleted_detail],
  restored_too_late: [m.refused_restored_too_late, m.refused_restored_too_late_detail],
  no_seats: [m.refused_no_seats, m.refused_no_seats_detail],
  not_yourself: [m.refused_not_yourself, m.refused_not_yourself_detail],
  cannot_write: [m.refused_cannot_write, m.refused_cannot_write_detail],
  already_here: [m.refused_already_here, m.refused_already_here_detail],
  directory_not_gone: [m.refused_directory_not_gone, m.refused_directory_not_gone_detail],
  no_directory: [m.refused_no_directory, m.refused_no_directory_detail],
  body_purged: [m.refused_body_purged, m.refused_body_purged_detail],
  not_held: [m.refused_not_held, m.refused_not_held_detail],
  already_finished: [m.refused_already_finished, m.refused_already_finished_detail],
  invalid_input: [
    m.refused_invalid_input,
    exactly(({ fields }) => m.refused_invalid_input_detail({ fields })),
  ],
  payload_too_large: [m.refused_payload_too_large, m.refused_payload_too_large_detail],
  temporarily_unavailable: [
    m.refused_temporarily_unavailable,
    exactly(m.refused_temporarily_unavailable_detail),
  ],
  directory_unavailable: [
    m.refused_directory_unavailable,
    exactly(m.refused_directory_unavailable_detail),
  ],
  rate_limited: [
    m.refused_rate_limited,
    ({ seconds }) => m.refused_rate_limited_detail({ wait: secondsText(seconds) }),
  ],
  internal_error: [m.refused_internal_error, m.refused_internal_error_detail],
};

/** Where the page is in the server's language, its own sentence: it knows more of the case. */
function exactly(words: (told: Told) => string): (told: Told) => string {
  return (told) => (isServersLanguage() ? told.detail : words(told));
}

/** Undefined for a code that only programs meet, or that a younger server has. */
export function refusalWords(
  code: string,
  told: Told,
): { title: string; detail: string } | undefined {
  if (!Object.hasOwn(REFUSALS, code)) return undefined;
  const [title, detail] = REFUSALS[code as keyof typeof REFUSALS];
  return { title: title(), detail: detail(told) };
}
