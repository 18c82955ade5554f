/** The limits of a post, told before the server has to. */
import type { Draft } from "#lib/drafts.svelte.ts";
import { formatCount } from "#lib/locale.ts";
import { m } from "#lib/words/messages.js";

export const TITLE_LIMIT = 200;
export const CONTENT_LIMIT = 20_000;

export type FieldMessages = Partial<Record<keyof Draft, string>>;

/** Counted as the server counts: code points, not UTF-16 units, without space around them. */
export function lengthOf(text: string): number {
  return Array.from(text.trim()).length;
}

export function faultsOf({ title, content }: Draft): FieldMessages {
  const faults: FieldMessages = {};
  if (lengthOf(title) === 0) faults.title = m.title_missing();
  else if (lengthOf(title) > TITLE_LIMIT) faults.title = tooLong(title, TITLE_LIMIT);
  if (lengthOf(content) === 0) faults.content = m.content_missing();
  else if (lengthOf(content) > CONTENT_LIMIT) faults.content = tooLong(content, CONTENT_LIMIT);
  return faults;
}

/** How much room there is, once there is little. */
export function nearLimit(text: string, limit: number): string | undefined {
  const left = limit - lengthOf(text);
  if (left < 0 || left > limit / 10) return undefined;
  return m.characters_left({ count: left, shown: formatCount(left) });
}

function tooLong(text: string, limit: number): string {
  const over = lengthOf(text) - limit;
  return m.too_long({ count: over, shown: formatCount(over), limit: formatCount(limit) });
}
