/** What ⌘K finds beyond pages and actions. */
import { findTeam } from "#lib/api/people.ts";
import { listPosts } from "#lib/api/posts.ts";
import { addressOf } from "#lib/posts/addresses.ts";
import { m } from "#lib/words/messages.js";
import type { Command } from "./commands.ts";

const OF_EACH = 5;

export async function findCommands(q: string): Promise<Command[]> {
  const [posts, people] = await Promise.all([
    listPosts({ q, author: null, cursor: null, limit: OF_EACH }),
    findTeam({ q }, OF_EACH),
  ]);
  return [
    ...posts.items.map((post): Command => ({
      id: post.id,
      href: addressOf(post),
      label: post.title,
      detail: post.author.name,
      icon: "notebook-text",
      group: m.posts(),
    })),
    ...people.map((person): Command => ({
      id: person.id,
      href: `/dashboard/people/${person.id}`,
      label: person.name,
      ...(person.email && { detail: person.email }),
      icon: "user",
      group: m.people(),
    })),
  ];
}
