import { readPost } from "#lib/api/posts.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url, params }) => ({
  post: await whenSignedIn(signInPath(url), () => readPost(params.id)),
});
