import { countEvents, listEvents, type EventSummary } from "#lib/api/events.ts";
import { EVENTS, filterFrom, searchFor } from "#lib/events/filter.ts";
import { Lists } from "#lib/lists.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { LayoutLoad } from "./$types.d.ts";

const lists = new Lists<EventSummary>();

/** Only what filters is read of the address: the list stays while events are looked at. */
export const load: LayoutLoad = async ({ url, depends, untrack }) => {
  depends("rollcall:events");
  const filter = filterFrom(url.searchParams);
  const address = { pathname: EVENTS, search: searchFor(filter) };
  const signIn = untrack(() => signInPath(url));
  const [events, count] = await whenSignedIn(signIn, () =>
    Promise.all([
      lists.open(address, (cursor, limit) => listEvents(filter, cursor, limit)),
      countEvents(filter),
    ]),
  );
  return { filter, events, count };
};
