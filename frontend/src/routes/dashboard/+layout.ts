import { readMe } from "#lib/api/client.ts";
import { whenSignedIn } from "#lib/session.ts";
import type { LayoutLoad } from "./$types.d.ts";

/** Reading `url` makes this run at every navigation: rights can have changed since the last. */
export const load: LayoutLoad = async ({ url }) => ({
  me: await whenSignedIn(url, readMe),
});
