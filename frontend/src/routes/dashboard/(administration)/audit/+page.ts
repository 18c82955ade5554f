import { listEntries, type AuditEntry } from "#lib/api/audit.ts";
import { addressOf, filterFrom, filtersFor } from "#lib/audit/filter.ts";
import { Lists } from "#lib/lists.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const lists = new Lists<AuditEntry>();

/** Only the filters are looked at: what is open beside the list makes nothing be read again. */
export const load: PageLoad = async ({ url, untrack }) => {
  const filter = filterFrom(url.searchParams);
  const signIn = untrack(() => signInPath(url));
  const [pathname = "", search = ""] = addressOf(filter).split("?");
  const entries = await whenSignedIn(signIn, () =>
    lists.open({ pathname, search }, (cursor, limit) =>
      listEntries({ ...filtersFor(filter), cursor, ...(limit && { limit }) }),
    ),
  );
  return { filter, entries };
};
