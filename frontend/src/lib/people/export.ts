/** The people as a file for a spreadsheet. */
import { listPeople, type PersonSummary } from "#lib/api/people.ts";
import { peopleQuery, type PeopleFilter } from "./filter.ts";
import { m } from "#lib/words/messages.js";

const ROWS_A_PAGE = 100;

/** Those whom the filter leaves, in its order. */
export async function exportPeople(filter: PeopleFilter): Promise<void> {
  const people: PersonSummary[] = [];
  let cursor: string | null = null;
  do {
    const page = await listPeople(peopleQuery(filter, cursor, ROWS_A_PAGE));
    people.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  save("people.csv", csvOf(people));
}

export function csvOf(people: readonly PersonSummary[]): string {
  const rows = people.map((person) => [
    person.name,
    person.email ?? "",
    person.job_title ?? "",
    person.department ?? "",
    person.groups.join("; "),
    person.roles.join("; "),
    person.status,
    person.joined_at ?? "",
    person.last_seen_at ?? "",
  ]);
  const heads = [
    m.name(),
    m.work_email(),
    m.job(),
    m.department(),
    m.groups(),
    m.roles(),
    m.status(),
    m.status_joined(),
    m.last_seen(),
  ];
  return [heads, ...rows].map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");
}

/** What begins like a formula must not become one in a spreadsheet. */
function cellOf(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
