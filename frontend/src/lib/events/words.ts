/** What happened, in plain words. */
import type { EventSource, EventSummary, Outcome, ParkingReason } from "#lib/api/events.ts";
import { delayText } from "#lib/events/delay.ts";
import { isServersLanguage } from "#lib/language.ts";
import { timeLeft } from "#lib/time.ts";
import type { Tone } from "#lib/ui/Status.svelte";
import { m } from "#lib/words/messages.js";

/** The types that Rollcall listens to. */
const TYPES: Record<string, () => string> = {
  "dsync.user.created": m.event_user_created,
  "dsync.user.updated": m.event_user_updated,
  "dsync.user.deleted": m.event_user_deleted,
  "dsync.group.user_added": m.event_user_added,
  "dsync.group.user_removed": m.event_user_removed,
  "dsync.group.created": m.event_group_created,
  "dsync.group.updated": m.event_group_updated,
  "dsync.group.deleted": m.event_group_deleted,
  "dsync.activated": m.event_activated,
  "dsync.deleted": m.event_directory_deleted,
  "organization.created": m.event_organization_created,
  "organization.updated": m.event_organization_updated,
  "organization.deleted": m.event_organization_deleted,
};
export const EVENT_TYPES = Object.keys(TYPES);

/** A type that we have no words for is told by its own name. */
export function typeName(type: string): string {
  return TYPES[type]?.() ?? type;
}

export const OUTCOMES = ["applied", "parked", "superseded", "ignored"] as const satisfies Outcome[];

export function outcomeName(outcome: Outcome): string {
  return {
    applied: m.outcome_applied,
    duplicate: m.outcome_duplicate,
    superseded: m.outcome_superseded,
    ignored: m.outcome_ignored,
    parked: m.outcome_parked,
  }[outcome]();
}

export const OUTCOME_TONES: Record<Outcome, Tone> = {
  applied: "good",
  duplicate: "off",
  superseded: "off",
  ignored: "off",
  parked: "attention",
};

export const SOURCES = ["webhook", "catch_up"] as const satisfies EventSource[];

/** Also of a try, which a person may have asked for. */
export function sourceName(source: string): string {
  const names: Record<string, () => string> = {
    webhook: m.source_webhook,
    catch_up: m.source_catch_up,
    replay: m.source_replay,
  };
  return names[source]?.() ?? source;
}

export function personName({ person }: Pick<EventSummary, "person">): string | undefined {
  return person === null ? undefined : (person.name ?? person.directory_user_id);
}

export function groupName({ group }: Pick<EventSummary, "group">): string | undefined {
  return group === null ? undefined : (group.name ?? group.id);
}

/** Whom it is about, and what became of it. */
export function sentencesOf(event: EventSummary, now: number): string[] {
  return [whatHappened(event), whatBecameOfIt(event), ...retrying(event, now)];
}

function whatHappened(event: EventSummary): string {
  const person = personName(event) ?? m.somebody();
  const group = groupName(event) ?? m.a_group();
  const said: Record<string, () => string> = {
    "dsync.user.created": () => m.said_user_created({ person }),
    "dsync.user.updated": () => m.said_user_updated({ person }),
    "dsync.user.deleted": () => m.said_user_deleted({ person }),
    "dsync.group.user_added": () => m.said_user_added({ person, group }),
    "dsync.group.user_removed": () => m.said_user_removed({ person, group }),
    "dsync.group.created": () => m.said_group_created({ group }),
    "dsync.group.updated": () => m.said_group_updated({ group }),
    "dsync.group.deleted": () => m.said_group_deleted({ group }),
    "dsync.activated": m.said_activated,
    "dsync.deleted": m.said_directory_deleted,
  };
  return said[event.type]?.() ?? m.said_other({ what: typeName(event.type) });
}

function whatBecameOfIt(event: EventSummary): string {
  const delay = delayText(event);
  return {
    applied: () => m.became_applied({ delay }),
    duplicate: m.became_duplicate,
    superseded: m.became_superseded,
    ignored: m.became_ignored,
    parked: () => (event.reason === null ? withoutReason(event) : whyParked(event, event.reason)),
  }[event.outcome]();
}

/** Parked before there were reasons: there is only the server's sentence. */
function withoutReason({ error }: EventSummary): string {
  return (isServersLanguage() ? error : null) ?? m.outcome_parked();
}

function whyParked({ field }: EventSummary, reason: ParkingReason): string {
  return {
    not_json: m.parked_not_json,
    not_an_event: m.parked_not_an_event,
    field_missing: () => m.parked_field_missing({ field: field ?? "?" }),
    field_empty: () => m.parked_field_empty({ field: field ?? "?" }),
    field_too_long: () => m.parked_field_too_long({ field: field ?? "?" }),
    field_invalid: () => m.parked_field_invalid({ field: field ?? "?" }),
    too_large: m.parked_too_large,
    from_the_future: m.parked_from_the_future,
    two_organizations: m.parked_two_organizations,
    two_directories: m.parked_two_directories,
    value_too_long: m.parked_value_too_long,
    value_not_json: m.parked_value_not_json,
    rule_violated: m.parked_rule_violated,
    not_storable: m.parked_not_storable,
  }[reason]();
}

function retrying(event: EventSummary, now: number): string[] {
  if (event.outcome !== "parked") return [];
  const tried = m.tried_times({ count: event.attempts });
  if (event.next_attempt_at === null) return [tried];
  return [tried, m.next_try({ when: timeLeft(new Date(event.next_attempt_at), now) })];
}
