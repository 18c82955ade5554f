/** Why something could not be read from WorkOS. */
import type { Reconciliation } from "#lib/api/reconciliations.ts";
import { isServersLanguage } from "#lib/language.ts";
import { m } from "#lib/words/messages.js";

type Reason = NonNullable<Reconciliation["reason"]>;

interface Fault {
  /** A later version may know more of them. */
  reason: string | null;
  /** The server's sentence: it names what was wrong. */
  error: string | null;
}

const FAULTS: Record<Reason, () => string> = {
  unreachable: m.fault_unreachable,
  key_refused: m.fault_key_refused,
  rate_limited: m.fault_rate_limited,
  unexpected_status: m.fault_unexpected_status,
  unreadable: m.fault_unreadable,
  unreadable_object: m.fault_unreadable_object,
  not_workos: m.fault_not_workos,
  circular_listing: m.fault_circular_listing,
  foreign_directory: m.fault_foreign_directory,
  foreign_row: m.fault_foreign_row,
  directory_contradiction: m.fault_directory_contradiction,
  group_contradiction: m.fault_group_contradiction,
  cursor_expired: m.fault_cursor_expired,
  from_the_future: m.fault_from_the_future,
  database_refused: m.fault_database_refused,
  database_failed: m.fault_database_failed,
  abandoned: m.fault_abandoned,
};

export function faultText({ reason, error }: Fault): string {
  if (reason === null || isServersLanguage() || !isKnown(reason)) return error ?? "";
  return FAULTS[reason]();
}

function isKnown(reason: string): reason is Reason {
  return Object.hasOwn(FAULTS, reason);
}
