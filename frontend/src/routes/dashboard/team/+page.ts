import { countPeople, listPeople, listTeam, type ListedPerson } from "#lib/api/people.ts";
import { Lists } from "#lib/lists.ts";
import { filterFrom, peopleQuery, teamQuery } from "#lib/people/filter.ts";
import { lastMe, may, signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const team = new Lists<ListedPerson>();
const people = new Lists<ListedPerson>();

export const load: PageLoad = async ({ url, parent }) => {
  const filter = filterFrom(url.searchParams);
  // Who it was a moment ago, so that only the very first page waits for that.
  const administers = may(lastMe() ?? (await parent()).me, "administer");
  return whenSignedIn(signInPath(url), async () => {
    const [list, counts] = await Promise.all([
      administers
        ? people.open(url, (cursor, limit) => listPeople(peopleQuery(filter, cursor, limit)))
        : team.open(url, (cursor, limit) => listTeam(teamQuery(filter, cursor, limit))),
      administers ? countPeople() : undefined,
    ]);
    return { filter, administers, people: list, counts };
  });
};
