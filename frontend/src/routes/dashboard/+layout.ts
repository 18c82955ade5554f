import { readMe } from "#lib/api/client.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { LayoutLoad } from "./$types.d.ts";

/** Reading the path makes this run at every navigation: rights can have changed since the last. */
export const load: LayoutLoad = async ({ url }) => ({
  me: await whenSignedIn(signInPath(url), readMe),
});
