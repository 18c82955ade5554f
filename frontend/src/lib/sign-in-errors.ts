/** What the sign-in page says for each `?error=` code: what happened, why, and what to do. */
import type { SignInRefusal } from "#lib/api/client.ts";

export interface SignInError {
  heading: string;
  reason: string;
  advice: string;
}

const ASK_IT = "Ask your company's IT administrator";
const TRY_AGAIN = "Sign in again. If it happens once more, tell whoever runs Rollcall.";

const failed: SignInError = {
  heading: "Sign-in did not work",
  reason: "Something went wrong between Rollcall and your identity provider.",
  advice: TRY_AGAIN,
};

const connectionFaulty: SignInError = {
  heading: "Your company's sign-in is not set up correctly",
  reason:
    "The SSO connection between your company and Rollcall is missing, switched off or faulty.",
  advice: `${ASK_IT} to check the SSO connection to Rollcall.`,
};

const organizationFaulty: SignInError = {
  heading: "Your organization was not accepted",
  reason: "The organization that this sign-in named cannot be used with Rollcall.",
  advice: `${ASK_IT} whether your company uses Rollcall, and under which e-mail addresses.`,
};

const errors: Record<SignInRefusal, SignInError> = {
  not_configured: {
    heading: "Sign-in is not set up yet",
    reason:
      "This installation of Rollcall has no connection to WorkOS, or no organization to sign in to.",
    advice: "Whoever runs Rollcall finds the missing settings in its .env.example file.",
  },
  organization_required: {
    heading: "Which company are you with?",
    reason: "Rollcall could not tell which organization you want to sign in to.",
    advice: "Use the sign-in link or the invitation that your company gave you.",
  },
  organization_unknown: {
    heading: "Your organization does not use Rollcall",
    reason: "There is no organization here for this e-mail address or sign-in link.",
    advice: "Check the e-mail address. If it is right, ask your company whether it uses Rollcall.",
  },
  organization_deleted: {
    heading: "Your organization has left Rollcall",
    reason: "It was deleted, so nobody can sign in to it any more.",
    advice: `${ASK_IT} if you think that this is a mistake.`,
  },
  state_invalid: {
    heading: "This sign-in can't be finished",
    reason: "It took too long, was started in another browser, or was used already.",
    advice: "Sign in again from this page.",
  },
  code_rejected: {
    heading: "This sign-in can't be finished",
    reason:
      "The one-time code from your identity provider was not accepted. It may be used or expired.",
    advice: "Sign in again from this page.",
  },
  wrong_organization: {
    heading: "That was another organization",
    reason: "You signed in to a different organization from the one that this sign-in was for.",
    advice: "Sign in again with the account of the right company.",
  },
  not_in_directory: {
    heading: "Your company's directory does not list you for Rollcall",
    reason:
      "Your password was fine, but your company's directory decides who may enter, and you are not in the part that it shares with Rollcall. If you could sign in before, your company's sign-in may send another id for you than it did.",
    advice: `${ASK_IT} to assign you to Rollcall, and whether the SSO connection was changed; then sign in again.`,
  },
  deactivated: {
    heading: "Your company's directory has deactivated you",
    reason:
      "Your company's directory decides who may use Rollcall, and it lists you as deactivated. What you wrote is still here.",
    advice: `${ASK_IT} to activate you again, then sign in.`,
  },
  blocked: {
    heading: "You have been blocked",
    reason: "An administrator of Rollcall in your organization has ended your access.",
    advice: "Ask your organization's Rollcall administrator.",
  },
  ambiguous_email: {
    heading: "We can't tell who you are",
    reason:
      "Several people in your company's directory share your e-mail address, so Rollcall let none of them in.",
    advice: `${ASK_IT} to give each person an e-mail address of their own.`,
  },
  identity_conflict: {
    heading: "This account belongs to another sign-in",
    reason:
      "Your e-mail address matches an account that is tied to a different identity at your company.",
    advice: `${ASK_IT} to check which identity your e-mail address belongs to. If it is you, whoever runs Rollcall can have the earlier one forgotten.`,
  },
  other_connection: {
    heading: "You have signed in another way before",
    reason:
      "Your account is tied to another SSO connection of your company, and this one has not been allowed to sign you in.",
    advice:
      "Sign in the way you did before. If your company has changed its sign-in, ask its IT administrator to tell whoever runs Rollcall.",
  },
  directory_unavailable: {
    heading: "Your company's directory can't be asked right now",
    reason:
      "WorkOS, which connects Rollcall to the directory, does not answer. Without it nobody new can be let in.",
    advice: "Wait a minute, then sign in again.",
  },
  temporarily_unavailable: {
    heading: "Rollcall can't sign you in right now",
    reason: "Its database does not answer. Nothing was changed.",
    advice: "Wait a minute, then sign in again.",
  },
  too_many_sign_ins: {
    heading: "Too many people are signing in",
    reason: "Rollcall lets only a few sign-ins wait for WorkOS at once, and it is slow just now.",
    advice: "Wait a minute, then sign in again.",
  },
  too_many_attempts: {
    heading: "Too many sign-ins from your network",
    reason:
      "From where you are, more sign-ins were begun, or went wrong, than Rollcall allows in so short a time. Others in your building may count with you.",
    advice: "Wait ten minutes, then sign in again. Who is signed in can work on.",
  },
  invitation_invalid: {
    heading: "This invitation no longer works",
    reason: "It has expired, has been used, or was withdrawn. An invitation's link works once.",
    advice: "Ask whoever invited you for a new link. If you have joined already, just sign in.",
  },
  invitation_other_person: {
    heading: "This invitation is for somebody else",
    reason:
      "You are signed in, but the invitation that you opened names another person, and only that person can use it.",
    advice: "Go on with your own account, or sign out and let the other person open the link.",
  },
  access_denied: {
    heading: "Your identity provider said no",
    reason: "The sign-in was cancelled, or you are not assigned to Rollcall there.",
    advice: `Try again. If it stays that way, ask your company's IT administrator to assign you to Rollcall.`,
  },
  organization_invalid: organizationFaulty,
  domain_connection_selector_not_allowed: organizationFaulty,
  connection_invalid: connectionFaulty,
  connection_unlinked: connectionFaulty,
  connection_strategy_invalid: connectionFaulty,
  profile_not_allowed_outside_organization: {
    heading: "Your account is not part of this organization",
    reason:
      "Your identity provider signed you in with an e-mail address from outside the organization's domains.",
    advice: "Sign in with your work account, or ask your company's IT administrator.",
  },
  idp_initiated_sso_disabled: {
    heading: "Please start from here",
    reason: "Signing in from your company's app launcher is switched off for Rollcall.",
    advice: "Sign in from this page.",
  },
  server_error: {
    heading: "Your identity provider is in trouble",
    reason: "It, or WorkOS, answered with an error of its own.",
    advice: "Wait a minute, then sign in again.",
  },
  connection_domain_invalid: failed,
  invalid_request: failed,
  oauth_failed: failed,
  signin_consent_denied: failed,
  sign_in_failed: failed,
};

/** The words for a code; general ones for a code from outside that is not known here. */
export function signInError(code: string): SignInError {
  return hasWords(code) ? errors[code] : failed;
}

function hasWords(code: string): code is SignInRefusal {
  return Object.hasOwn(errors, code);
}
