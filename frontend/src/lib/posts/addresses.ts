/** Where a post is found. */
import type { Post } from "#lib/api/posts.ts";

export function addressOf({ id }: Pick<Post, "id">): string {
  return `/dashboard/posts/${id}`;
}
