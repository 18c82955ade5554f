import { countPeople, listPeople, listTeam, type ListedPerson } from "#lib/api/people.ts";
import { ApiProblem } from "#lib/api/problem.ts";
import { Lists } from "#lib/lists.ts";
import { filterFrom, peopleQuery, teamQuery } from "#lib/people/filter.ts";
import { lastMe, may, signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const team = new Lists<ListedPerson>();
const people = new Lists<ListedPerson>();

export const load: PageLoad = ({ url, parent }) => {
  const filter = filterFrom(url.searchParams);

  async function read(administers: boolean) {
    const [list, counts] = await Promise.all([
      administers
        ? people.open(url, (cursor, limit) => listPeople(peopleQuery(filter, cursor, limit)))
        : team.open(url, (cursor, limit) => listTeam(teamQuery(filter, cursor, limit))),
      administers ? countPeople() : undefined,
    ]);
    return { filter, administers, people: list, counts };
  }

  return whenSignedIn(signInPath(url), async () => {
    // Who it was a moment ago, so that only the very first page waits for that.
    const before = lastMe();
    if (before === undefined) return read(may((await parent()).me, "administer"));
    try {
      return await read(may(before, "administer"));
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.code !== "role_missing") throw error;
      return read(may((await parent()).me, "administer"));
    }
  });
};
