import { readEvent } from "#lib/api/events.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ params, url, depends, untrack }) => {
  depends("rollcall:event");
  const signIn = untrack(() => signInPath(url));
  return { event: await whenSignedIn(signIn, () => readEvent(params.id)) };
};
