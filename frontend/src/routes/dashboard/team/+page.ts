import { listTeam } from "#lib/api/client.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import { filterFrom, queryFor } from "#lib/team-filter.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url }) => {
  const filter = filterFrom(url.searchParams);
  return {
    filter,
    firstPage: await whenSignedIn(signInPath(url), () => listTeam(queryFor(filter, null))),
  };
};
