import { listPosts, type Post } from "#lib/api/posts.ts";
import { Lists } from "#lib/lists.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const lists = new Lists<Post>();

export const load: PageLoad = async ({ url }) => ({
  posts: await whenSignedIn(signInPath(url), () => lists.open(url, listPosts)),
});
