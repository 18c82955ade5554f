import { expect, it } from "vitest";
import type { PersonSummary } from "#lib/api/people.ts";
import { csvOf } from "./export.ts";

const ann: PersonSummary = {
  id: "1",
  name: '=HYPERLINK("x")',
  email: "ann@acme.example",
  job_title: "Engineer, robots",
  department: null,
  status: "joined",
  admission: null,
  highest_role: "author",
  roles: ["member", "author"],
  groups: ["Authors"],
  sessions: 0,
  posts: 0,
  joined_at: null,
  last_seen_at: null,
};

it("a name that begins like a formula stays text, and commas stay in their cell", () => {
  const [, row] = csvOf([ann]).split("\r\n");
  expect(row).toBe(
    '"\'=HYPERLINK(""x"")",ann@acme.example,"Engineer, robots",,Authors,member; author,joined,,',
  );
});
