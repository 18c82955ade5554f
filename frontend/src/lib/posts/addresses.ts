/** Where posts are found. */
import { HOME } from "#lib/session.ts";

export function addressOf({ id }: { id: string }): string {
  return `/dashboard/posts/${id}`;
}

export function editAddressOf({ id }: { id: string }): string {
  return `${addressOf({ id })}/edit`;
}

export function draftAddress(id: string): string {
  return `/dashboard/new?draft=${encodeURIComponent(id)}`;
}

/** What the list is filtered by, as it stands in its address. */
export interface PostsFilter {
  q: string;
  /** The id of whoever wrote them. */
  author: string | null;
}

export function filterFrom(search: URLSearchParams): PostsFilter {
  return { q: search.get("q") ?? "", author: search.get("author") };
}

export function listAddress({ q, author }: PostsFilter): string {
  const search = new URLSearchParams();
  if (q !== "") search.set("q", q);
  if (author !== null) search.set("author", author);
  return search.size > 0 ? `${HOME}?${search.toString()}` : HOME;
}
