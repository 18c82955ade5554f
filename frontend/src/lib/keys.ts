/** Keys as people know them from their own keyboard. */

const APPLE = /mac|iphone|ipad/i.test(globalThis.navigator.userAgent);

const NAMES: Record<string, string> = {
  mod: APPLE ? "⌘" : "Ctrl",
  enter: APPLE ? "↵" : "Enter",
  escape: "Esc",
};

/** "mod+k" as "⌘K" or "Ctrl K". */
export function shownKey(keys: string): string {
  return keys
    .split("+")
    .map((key) => NAMES[key] ?? key.toUpperCase())
    .join(APPLE ? "" : " ");
}

/** Whether ⌘ (elsewhere Ctrl) is held. */
export function isModified(event: Pick<KeyboardEvent, "metaKey" | "ctrlKey">): boolean {
  return APPLE ? event.metaKey : event.ctrlKey;
}
