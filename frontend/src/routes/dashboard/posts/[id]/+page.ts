import { readPost } from "#lib/api/posts.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url, params, depends }) => {
  depends("rollcall:post");
  const [post, { render }] = await Promise.all([
    whenSignedIn(signInPath(url), () => readPost(params.id)),
    import("#lib/posts/markdown.ts"),
  ]);
  return { post, rendered: render(post.content) };
};
