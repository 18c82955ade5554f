import { redirect } from "@sveltejs/kit";
import { readPost } from "#lib/api/posts.ts";
import { ApiProblem } from "#lib/api/problem.ts";
import { Drafts } from "#lib/drafts.svelte.ts";
import { draftAddress } from "#lib/posts/addresses.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url, params, parent, depends }) => {
  depends("rollcall:post");
  try {
    return { post: await whenSignedIn(signInPath(url), () => readPost(params.id)) };
  } catch (error) {
    // What was typed for a post that is gone can be a new one.
    const { me } = await parent();
    const gone = error instanceof ApiProblem && error.status === 404;
    if (gone && new Drafts(me.id).find(params.id)) redirect(307, draftAddress(params.id));
    throw error;
  }
};
