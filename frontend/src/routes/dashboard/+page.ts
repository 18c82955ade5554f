import { listPosts } from "#lib/api/client.ts";
import { whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url }) => ({
  firstPage: await whenSignedIn(url, () => listPosts(null)),
});
