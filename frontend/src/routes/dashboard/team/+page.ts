import { countPeople, listTeam, type TeamMember } from "#lib/api/people.ts";
import { Lists } from "#lib/lists.ts";
import { filterFrom, queryFor } from "#lib/people/filter.ts";
import { may, signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const lists = new Lists<TeamMember>();

export const load: PageLoad = async ({ url, parent }) => {
  const filter = filterFrom(url.searchParams);
  const people = await whenSignedIn(signInPath(url), () =>
    lists.open(url, (cursor, limit) => listTeam(queryFor(filter, cursor, limit))),
  );
  const { me } = await parent();
  const counts = may(me, "administer")
    ? await whenSignedIn(signInPath(url), countPeople)
    : undefined;
  return { filter, people, counts };
};
