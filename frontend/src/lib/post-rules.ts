/** The limits of a post, told before the server has to. */
import type { Draft } from "#lib/draft.ts";

export const TITLE_LIMIT = 200;
export const CONTENT_LIMIT = 20_000;

export type FieldMessages = Partial<Record<keyof Draft, string>>;

/** Counted as the server counts: code points, not UTF-16 units, without space around them. */
export function lengthOf(text: string): number {
  return Array.from(text.trim()).length;
}

export function faultsOf({ title, content }: Draft): FieldMessages {
  const faults: FieldMessages = {};
  if (lengthOf(title) === 0) faults.title = "Give the post a title.";
  else if (lengthOf(title) > TITLE_LIMIT) faults.title = tooLong(title, TITLE_LIMIT);
  if (lengthOf(content) === 0) faults.content = "Write something first.";
  else if (lengthOf(content) > CONTENT_LIMIT) faults.content = tooLong(content, CONTENT_LIMIT);
  return faults;
}

function tooLong(text: string, limit: number): string {
  const over = lengthOf(text) - limit;
  return `${over.toLocaleString("en")} ${over === 1 ? "character" : "characters"} too long: the limit is ${limit.toLocaleString("en")}.`;
}
