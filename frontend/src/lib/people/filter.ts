/** The people page's filter, as it stands in the address bar. */
import { STATUSES } from "./words.ts";
import type { TeamQuery, TeamStatus } from "#lib/api/people.ts";

export interface TeamFilter {
  status: TeamStatus | null;
  q: string;
}

export function isStatus(value: string | null): value is TeamStatus {
  return value !== null && STATUSES.some((status) => status === value);
}

export function filterFrom(search: URLSearchParams): TeamFilter {
  const status = search.get("status");
  return { status: isStatus(status) ? status : null, q: search.get("q") ?? "" };
}

export function searchFor({ status, q }: TeamFilter): string {
  const search = new URLSearchParams();
  if (status !== null) search.set("status", status);
  if (q !== "") search.set("q", q);
  return search.size > 0 ? `?${search.toString()}` : "?";
}

export function queryFor(
  { status, q }: TeamFilter,
  cursor: string | null,
  limit?: number,
): TeamQuery {
  return { status, q: q === "" ? null : q, cursor, ...(limit && { limit }) };
}
