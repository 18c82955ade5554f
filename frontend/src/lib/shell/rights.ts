/** The rights on the page are those of now: what was lost while somebody looked is said. */
import type { Me, Permission } from "#lib/api/me.ts";
import { may } from "#lib/session.ts";
import { m } from "#lib/words/messages.js";

const SAID: [Permission, () => string][] = [
  ["administer", m.lost_administer],
  ["posts:create", m.lost_writing],
];

/** What to say when `before` becomes `now`; nothing of somebody else. */
export function lossBetween(before: Me | undefined, now: Me): string | undefined {
  if (before?.id !== now.id) return undefined;
  const lost = SAID.find(([permission]) => may(before, permission) && !may(now, permission));
  return lost?.[1]();
}
