/** How a connection does, in words. */
import type { OrganizationDetails } from "#lib/api/organization.ts";
import type { Tone } from "#lib/ui/Status.svelte";
import { m } from "#lib/words/messages.js";

type SsoState = OrganizationDetails["sso"]["state"];

export const SSO_TONES = {
  active: "good",
  inactive: "bad",
  unknown: "off",
} as const satisfies Record<SsoState, Tone>;

export function ssoStateName(state: SsoState): string {
  return {
    active: m.connection_active,
    inactive: m.connection_inactive,
    unknown: m.connection_unknown,
  }[state]();
}
