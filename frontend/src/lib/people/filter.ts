/** The people page's filter, as it stands in the address bar. */
import type {
  ListedPerson,
  PeopleQuery,
  PersonStatus,
  Sort,
  TeamQuery,
  TeamStatus,
} from "#lib/api/people.ts";
import { SORTS, STATUSES } from "./words.ts";

export interface PeopleFilter {
  status: PersonStatus | null;
  guests: boolean;
  group: string;
  department: string;
  q: string;
  sort: Sort;
}

function oneOf<T extends string>(values: readonly T[], value: string | null): T | undefined {
  return values.find((each) => each === value);
}

export function filterFrom(search: URLSearchParams): PeopleFilter {
  return {
    status: oneOf(STATUSES, search.get("status")) ?? null,
    guests: search.get("kind") === "guest",
    group: search.get("group") ?? "",
    department: search.get("department") ?? "",
    q: search.get("q") ?? "",
    sort: oneOf(SORTS, search.get("sort")) ?? "name",
  };
}

export function searchFor({ status, guests, group, department, q, sort }: PeopleFilter): string {
  const search = new URLSearchParams();
  if (status !== null) search.set("status", status);
  if (guests) search.set("kind", "guest");
  if (group !== "") search.set("group", group);
  if (department !== "") search.set("department", department);
  if (q !== "") search.set("q", q);
  if (sort !== "name") search.set("sort", sort);
  return search.size > 0 ? `?${search.toString()}` : "?";
}

/** Whether it leaves anybody out. */
export function isFiltered(filter: PeopleFilter): boolean {
  return searchFor({ ...filter, sort: "name" }) !== "?";
}

function common({ group, department, q }: PeopleFilter, cursor: string | null, limit?: number) {
  return {
    group: group || null,
    department: department || null,
    q: q || null,
    cursor,
    ...(limit && { limit }),
  };
}

export function teamQuery(filter: PeopleFilter, cursor: string | null, limit?: number): TeamQuery {
  return { ...common(filter, cursor, limit), status: teamStatus(filter.status) };
}

export function peopleQuery(
  filter: PeopleFilter,
  cursor: string | null,
  limit?: number,
): PeopleQuery {
  const { status, guests, sort } = filter;
  return { ...common(filter, cursor, limit), status, kind: guests ? "guest" : null, sort };
}

/** To whoever does not administer, the blocked are among those who may not enter. */
function teamStatus(status: PersonStatus | null): TeamStatus | null {
  return status === "blocked" ? "deactivated" : status;
}

export function guestUntil({ admission, guest_until }: ListedPerson): string | undefined {
  return (admission?.kind === "guest" ? admission.until : guest_until) ?? undefined;
}
