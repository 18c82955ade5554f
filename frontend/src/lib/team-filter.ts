/** The team page's filter, as it stands in the address bar. */
import type { TeamQuery, TeamStatus } from "#lib/api/client.ts";

export interface TeamFilter {
  status: TeamStatus | null;
  q: string;
}

export const STATUS_LABELS: Record<TeamStatus, string> = {
  invitable: "Not invited",
  invited: "Invited",
  joined: "Joined",
  deactivated: "Deactivated",
};

export function isStatus(value: string | null): value is TeamStatus {
  return value !== null && Object.hasOwn(STATUS_LABELS, value);
}

export function filterFrom(search: URLSearchParams): TeamFilter {
  const status = search.get("status");
  return { status: isStatus(status) ? status : null, q: search.get("q") ?? "" };
}

export function searchFor({ status, q }: TeamFilter): string {
  const search = new URLSearchParams();
  if (status !== null) search.set("status", status);
  if (q !== "") search.set("q", q);
  return `?${search.toString()}`;
}

export function queryFor({ status, q }: TeamFilter, cursor: string | null): TeamQuery {
  return { status, q: q === "" ? null : q, cursor };
}
