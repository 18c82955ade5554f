import { listSessionsOf, readPastAccess, readPerson } from "#lib/api/person.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import { endOfDay } from "#lib/time.ts";
import type { PageLoad } from "./$types.d.ts";

const DAY = /^\d{4}-\d\d-\d\d$/;

export const load: PageLoad = async ({ url, params }) => {
  const asked = url.searchParams.get("as_of") ?? "";
  const day = DAY.test(asked) && !Number.isNaN(Date.parse(asked)) ? asked : undefined;
  const [person, sessions, past] = await whenSignedIn(signInPath(url), () =>
    Promise.all([
      readPerson(params.id),
      listSessionsOf(params.id),
      day === undefined ? undefined : readPastAccess(params.id, endOrNow(day)),
    ]),
  );
  return { person, sessions, day, past };
};

/** Of today, the past ends now. */
function endOrNow(day: string): string {
  return new Date(Math.min(Date.parse(endOfDay(day)), Date.now())).toISOString();
}
