/** What was just done, said for a few seconds, with the way back where there is one. */
import { untrack } from "svelte";
import { m } from "#lib/words/messages.js";

const READ_MS = 6000;
export const UNDO_MS = 8000;

interface Action {
  label: string;
  act: () => void | Promise<void>;
}

export interface Toast {
  id: number;
  text: string;
  action: Action | undefined;
  /** None: until it is closed. */
  milliseconds: number | undefined;
}

let last = 0;
let shown: Toast[] = $state.raw([]);

export function toasts(): readonly Toast[] {
  return shown;
}

export function say(text: string, undo?: Action["act"]): void {
  show({
    text,
    action: undo && { label: m.undo(), act: undo },
    milliseconds: undo ? UNDO_MS : READ_MS,
  });
}

/** What can be done about it any time. */
export function offer(text: string, action: Action): void {
  show({ text, action, milliseconds: undefined });
}

export function dismiss(id: number): void {
  shown = shown.filter((toast) => toast.id !== id);
}

/** Whoever is here now must not read what was said to the one before. */
export function dismissAll(): void {
  shown = [];
}

function show(toast: Omit<Toast, "id">): void {
  last += 1;
  // Whoever says something does not listen to what else is said.
  shown = [...untrack(() => shown), { ...toast, id: last }];
}
