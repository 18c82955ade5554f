/** What ⌘K can find. */
import type { IconName } from "#lib/ui/icon-names.ts";
import { m } from "#lib/words/messages.js";
import type { Place } from "./places.ts";

interface Named {
  id: string;
  label: string;
  /** Which of those who are called so. */
  detail?: string;
  group: string;
  icon: IconName;
  keys?: string;
}
export type Command = Named & ({ href: string } | { act: () => void });

export function placeCommands(places: Place[]): Command[] {
  return places.map(({ href, label, icon, key }) => ({
    id: href,
    href,
    label,
    icon,
    group: m.palette_pages(),
    ...(key ? { keys: `g ${key}` } : {}),
  }));
}

/** All whose label has each word, as the beginning of one of its own. */
export function matching(commands: Command[], q: string): Command[] {
  const wanted = folded(q).split(" ").filter(Boolean);
  return commands.filter(({ label }) => {
    const words = folded(label).split(/[^\p{L}\p{N}]+/u);
    return wanted.every((part) => words.some((word) => word.startsWith(part)));
  });
}

/** Without case and accents: "alvarez" finds Álvarez. */
function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}
