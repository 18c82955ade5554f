/** Keys that work everywhere, and whether single ones do. */
import { isModified } from "#lib/keys.ts";
import { remember, remembered } from "#lib/storage.ts";

const OFF = "single-keys-off";
const SEQUENCE_MS = 1200;

/** By what is pressed: `mod+k`, `n`, or `g p` one after the other. */
export type Shortcuts = Record<string, () => void>;

type Pressed = Pick<KeyboardEvent, "key" | "metaKey" | "ctrlKey" | "altKey" | "timeStamp">;

/** Listens for one key, or for two of which the first begins a sequence. */
export class Listener {
  #first: { key: string; at: number } | undefined;

  /** What is to be done, if anything. `typing`: where letters are text. */
  actionFor(event: Pressed, shortcuts: Shortcuts, typing: boolean): (() => void) | undefined {
    if (isModified(event)) return shortcuts[`mod+${event.key.toLowerCase()}`];
    if (typing || event.metaKey || event.ctrlKey || event.altKey || !singleKeysWork()) {
      return undefined;
    }
    const begun = this.#first;
    this.#first = undefined;
    if (begun !== undefined && event.timeStamp - begun.at < SEQUENCE_MS) {
      const found = shortcuts[`${begun.key} ${event.key}`];
      if (found !== undefined) return found;
    }
    if (Object.keys(shortcuts).some((keys) => keys.startsWith(`${event.key} `))) {
      this.#first = { key: event.key, at: event.timeStamp };
      return undefined;
    }
    return shortcuts[event.key];
  }
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input, textarea, select, [role=menu] *"))
  );
}

/** Who speaks to the computer, or types by accident, can switch them off. */
export function singleKeysWork(): boolean {
  return remembered(OFF) === undefined;
}

export function letSingleKeysWork(work: boolean): void {
  remember(OFF, work ? undefined : "");
}

const ROW = "main [data-id][tabindex='-1']";

/** To the next row of the page's list, or the one before. */
export function moveToRow(step: 1 | -1): void {
  const rows = Array.from(document.querySelectorAll<HTMLElement>(ROW));
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const to = at === -1 ? (step === 1 ? 0 : rows.length - 1) : at + step;
  rows[to]?.focus();
  rows[to]?.scrollIntoView({ block: "nearest" });
}

/** Opens the row that has the focus itself, by the link that `data-opens`, or its first. */
export function openRow(target: EventTarget | null): void {
  if (!(target instanceof HTMLElement) || !target.matches(ROW)) return;
  const link = target.querySelector<HTMLElement>("[data-opens]") ?? target.querySelector("a[href]");
  if (link instanceof HTMLElement) link.click();
}

export function focusSearch(): void {
  document.querySelector<HTMLElement>("main [type=search]")?.focus();
}
