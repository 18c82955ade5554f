/** What the events are filtered by, as it stands in the address bar. */
import type { EventSource, Outcome } from "#lib/api/events.ts";
import { OUTCOMES, SOURCES } from "./words.ts";

export const EVENTS = "/dashboard/events";

export interface EventFilter {
  outcome: Outcome | null;
  type: string | null;
  source: EventSource | null;
  /** Moments in ISO 8601. */
  since: string | null;
  until: string | null;
  person: string | null;
  group: string | null;
}

export const ALL_EVENTS: EventFilter = {
  outcome: null,
  type: null,
  source: null,
  since: null,
  until: null,
  person: null,
  group: null,
};

/** What the address does not say rightly, it does not say. */
export function filterFrom(search: Pick<URLSearchParams, "get">): EventFilter {
  return {
    outcome: oneOf(OUTCOMES, search.get("outcome")),
    type: textOf(search.get("type")),
    source: oneOf(SOURCES, search.get("source")),
    since: momentOf(search.get("since")),
    until: momentOf(search.get("until")),
    person: uuidOf(search.get("person")),
    group: textOf(search.get("group")),
  };
}

export function searchFor(filter: EventFilter): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(filter) as [string, string | null][]) {
    if (value !== null) search.set(name, value);
  }
  return search.size > 0 ? `?${search.toString()}` : "";
}

/** The list; `change` is made to what it is filtered by. */
export function eventsPath(change: Partial<EventFilter>, filter: EventFilter = ALL_EVENTS): string {
  return EVENTS + searchFor({ ...filter, ...change });
}

export function eventPath(id: string, filter: EventFilter = ALL_EVENTS): string {
  return `${EVENTS}/${encodeURIComponent(id)}${searchFor(filter)}`;
}

export function isFiltered(filter: EventFilter): boolean {
  return Object.values(filter).some((value) => value !== null);
}

/** For a field of a form, which has no zone: the browser's. */
export function localMinute(moment: string | null): string {
  if (moment === null) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function momentOf(value: string | null): string | null {
  const at = new Date(value ?? "");
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

function oneOf<T extends string>(known: readonly T[], value: string | null): T | null {
  return known.find((each) => each === value) ?? null;
}

function textOf(value: string | null): string | null {
  return value !== null && value !== "" && value.length <= 255 ? value : null;
}

function uuidOf(value: string | null): string | null {
  return value !== null && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value) ? value : null;
}
