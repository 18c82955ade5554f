/** The rights on the page are those of now: what changed while somebody looked is said. */
import type { Me, Permission } from "#lib/api/me.ts";
import { may } from "#lib/session.ts";
import { hourAndMinute } from "#lib/time.ts";
import { m } from "#lib/words/messages.js";

type Sentence = (when: { time: string }) => string;

const SAID: [Permission, { lost: Sentence; gained: Sentence }][] = [
  ["administer", { lost: m.lost_administer, gained: m.gained_administer }],
  ["posts:create", { lost: m.lost_writing, gained: m.gained_writing }],
];

/** What to say when `before` becomes `now`, with the time; nothing of somebody else. */
export function changeBetween(
  before: Me | undefined,
  now: Me,
  at: Date = new Date(),
): string | undefined {
  if (before?.id !== now.id) return undefined;
  const time = hourAndMinute(at);
  for (const [permission, { lost, gained }] of SAID) {
    if (may(before, permission) && !may(now, permission)) return lost({ time });
    if (!may(before, permission) && may(now, permission)) return gained({ time });
  }
  return undefined;
}
