import { listPosts, type PostSummary } from "#lib/api/posts.ts";
import { Lists } from "#lib/lists.ts";
import { filterFrom } from "#lib/posts/addresses.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const lists = new Lists<PostSummary>({ held: true });

export const load: PageLoad = async ({ url }) => {
  const filter = filterFrom(url.searchParams);
  const { author } = filter;
  const q = filter.q || null;
  const posts = await whenSignedIn(signInPath(url), () =>
    lists.open(url, (cursor, limit) => listPosts({ q, author, cursor, ...(limit && { limit }) })),
  );
  return { filter, posts };
};
