/** The audit log's filter, as it stands in the address bar. */
import type { AuditFilters } from "#lib/api/audit.ts";

/** Days are those of whoever looks. `until` is the last one that is shown. */
export interface AuditFilter {
  actor: string;
  action: string;
  subject: string;
  since: string;
  until: string;
}

const NAMES = ["actor", "action", "subject", "since", "until"] as const;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Each by itself, so that what else changes in the address makes nothing be read again. */
export function filterFrom(search: Pick<URLSearchParams, "get">): AuditFilter {
  const [actor, action, subject, since, until] = NAMES.map((name) => search.get(name) ?? "");
  return {
    actor: actor ?? "",
    action: action ?? "",
    subject: subject ?? "",
    since: day(since),
    until: day(until),
  };
}

export function isFiltered(filter: AuditFilter): boolean {
  return NAMES.some((name) => filter[name] !== "");
}

/** The address of the list, with whatever stands beside it. */
export function addressOf(filter: AuditFilter, beside: Record<string, string> = {}): string {
  const search = new URLSearchParams();
  for (const name of NAMES) if (filter[name] !== "") search.set(name, filter[name]);
  for (const [name, value] of Object.entries(beside)) search.set(name, value);
  const query = search.toString();
  return `/dashboard/audit${query === "" ? "" : `?${query}`}`;
}

/** What the server is asked: from the day's first moment on, up to the next day's. */
export function filtersFor({ actor, action, subject, since, until }: AuditFilter): AuditFilters {
  return {
    ...(actor !== "" && { actor }),
    ...(action !== "" && { action }),
    ...(subject !== "" && { subject }),
    ...(since !== "" && { since: startOf(since, 0) }),
    ...(until !== "" && { until: startOf(until, 1) }),
  };
}

/** Of a day here and now, as it stands in the address. */
export function dayOf(moment: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const year = String(moment.getFullYear()).padStart(4, "0");
  return `${year}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

function startOf(text: string, later: number): string {
  const [year = 0, month = 1, date = 1] = text.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

function day(text: string | undefined): string {
  return text !== undefined && DAY.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}
