/** How the mirror differed, as short as `+3 −1 ~2`. */
import { formatCount } from "#lib/locale.ts";

export interface Counts {
  added?: number;
  changed?: number;
  removed?: number;
}

/** Nothing where nothing differed. */
export function driftText(kinds: readonly Counts[]): string {
  const sum = (of: keyof Counts) => kinds.reduce((all, kind) => all + (kind[of] ?? 0), 0);
  return [
    ["+", sum("added")] as const,
    ["−", sum("removed")] as const,
    ["~", sum("changed")] as const,
  ]
    .filter(([, count]) => count > 0)
    .map(([sign, count]) => sign + formatCount(count))
    .join(" ");
}
