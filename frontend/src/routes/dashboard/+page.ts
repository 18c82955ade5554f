import { listPosts } from "#lib/api/client.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url }) => ({
  firstPage: await whenSignedIn(signInPath(url), () => listPosts(null)),
});
