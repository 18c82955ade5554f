/** What the sign-in page says for each `?error=` code: what happened, why, and what to do. */
import type { SignInRefusal } from "#lib/api/me.ts";
import { m } from "#lib/words/messages.js";

export interface SignInError {
  heading: string;
  reason: string;
  advice: string;
}

type Words = Record<keyof SignInError, () => string>;

const connectionInvalid: Words = {
  heading: m.error_connection_invalid_heading,
  reason: m.error_connection_invalid_reason,
  advice: m.error_connection_invalid_advice,
};

const organizationInvalid: Words = {
  heading: m.error_organization_invalid_heading,
  reason: m.error_organization_invalid_reason,
  advice: m.error_organization_invalid_advice,
};

const outsideOrganization: Words = {
  heading: m.error_outside_organization_heading,
  reason: m.error_outside_organization_reason,
  advice: m.error_outside_organization_advice,
};

const signInFailed: Words = {
  heading: m.error_sign_in_failed_heading,
  reason: m.error_sign_in_failed_reason,
  advice: m.error_sign_in_failed_advice,
};

const errors: Record<SignInRefusal, Words> = {
  sign_in_failed: signInFailed,
  connection_invalid: connectionInvalid,
  organization_invalid: organizationInvalid,
  not_configured: {
    heading: m.error_not_configured_heading,
    reason: m.error_not_configured_reason,
    advice: m.error_not_configured_advice,
  },
  organization_required: {
    heading: m.error_organization_required_heading,
    reason: m.error_organization_required_reason,
    advice: m.error_organization_required_advice,
  },
  organization_unknown: {
    heading: m.error_organization_unknown_heading,
    reason: m.error_organization_unknown_reason,
    advice: m.error_organization_unknown_advice,
  },
  organization_deleted: {
    heading: m.error_organization_deleted_heading,
    reason: m.error_organization_deleted_reason,
    advice: m.error_organization_deleted_advice,
  },
  state_invalid: {
    heading: m.error_state_invalid_heading,
    reason: m.error_state_invalid_reason,
    advice: m.error_state_invalid_advice,
  },
  code_rejected: {
    heading: m.error_code_rejected_heading,
    reason: m.error_code_rejected_reason,
    advice: m.error_code_rejected_advice,
  },
  wrong_organization: {
    heading: m.error_wrong_organization_heading,
    reason: m.error_wrong_organization_reason,
    advice: m.error_wrong_organization_advice,
  },
  not_in_directory: {
    heading: m.error_not_in_directory_heading,
    reason: m.error_not_in_directory_reason,
    advice: m.error_not_in_directory_advice,
  },
  deactivated: {
    heading: m.error_deactivated_heading,
    reason: m.error_deactivated_reason,
    advice: m.error_deactivated_advice,
  },
  blocked: {
    heading: m.error_blocked_heading,
    reason: m.error_blocked_reason,
    advice: m.error_blocked_advice,
  },
  no_seats: {
    heading: m.error_no_seats_heading,
    reason: m.error_no_seats_reason,
    advice: m.error_no_seats_advice,
  },
  ambiguous_email: {
    heading: m.error_ambiguous_email_heading,
    reason: m.error_ambiguous_email_reason,
    advice: m.error_ambiguous_email_advice,
  },
  identity_conflict: {
    heading: m.error_identity_conflict_heading,
    reason: m.error_identity_conflict_reason,
    advice: m.error_identity_conflict_advice,
  },
  other_connection: {
    heading: m.error_other_connection_heading,
    reason: m.error_other_connection_reason,
    advice: m.error_other_connection_advice,
  },
  directory_unavailable: {
    heading: m.error_directory_unavailable_heading,
    reason: m.error_directory_unavailable_reason,
    advice: m.error_directory_unavailable_advice,
  },
  temporarily_unavailable: {
    heading: m.error_temporarily_unavailable_heading,
    reason: m.error_temporarily_unavailable_reason,
    advice: m.error_temporarily_unavailable_advice,
  },
  too_many_sign_ins: {
    heading: m.error_too_many_sign_ins_heading,
    reason: m.error_too_many_sign_ins_reason,
    advice: m.error_too_many_sign_ins_advice,
  },
  too_many_attempts: {
    heading: m.error_too_many_attempts_heading,
    reason: m.error_too_many_attempts_reason,
    advice: m.error_too_many_attempts_advice,
  },
  invitation_invalid: {
    heading: m.error_invitation_invalid_heading,
    reason: m.error_invitation_invalid_reason,
    advice: m.error_invitation_invalid_advice,
  },
  invitation_other_person: {
    heading: m.error_invitation_other_person_heading,
    reason: m.error_invitation_other_person_reason,
    advice: m.error_invitation_other_person_advice,
  },
  access_denied: {
    heading: m.error_access_denied_heading,
    reason: m.error_access_denied_reason,
    advice: m.error_access_denied_advice,
  },
  idp_initiated_sso_disabled: {
    heading: m.error_idp_initiated_sso_disabled_heading,
    reason: m.error_idp_initiated_sso_disabled_reason,
    advice: m.error_idp_initiated_sso_disabled_advice,
  },
  server_error: {
    heading: m.error_server_error_heading,
    reason: m.error_server_error_reason,
    advice: m.error_server_error_advice,
  },
  connection_unlinked: connectionInvalid,
  connection_strategy_invalid: connectionInvalid,
  domain_connection_selector_not_allowed: organizationInvalid,
  profile_not_allowed_outside_organization: outsideOrganization,
  connection_domain_invalid: signInFailed,
  invalid_request: signInFailed,
  oauth_failed: signInFailed,
  signin_consent_denied: signInFailed,
};

/** The words for a code; general ones for a code from outside that is not known here. */
export function signInError(code: string): SignInError {
  const { heading, reason, advice } = hasWords(code) ? errors[code] : signInFailed;
  return { heading: heading(), reason: reason(), advice: advice() };
}

function hasWords(code: string): code is SignInRefusal {
  return Object.hasOwn(errors, code);
}
