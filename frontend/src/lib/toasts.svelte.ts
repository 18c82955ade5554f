/** What was just done, said for a few seconds, with the way back where there is one. */

const READ_MS = 6000;
export const UNDO_MS = 8000;

export interface Toast {
  id: number;
  text: string;
  undo?: (() => void | Promise<void>) | undefined;
  milliseconds: number;
}

let last = 0;
let shown: Toast[] = $state.raw([]);

export function toasts(): readonly Toast[] {
  return shown;
}

export function say(text: string, undo?: Toast["undo"]): void {
  last += 1;
  shown = [...shown, { id: last, text, undo, milliseconds: undo ? UNDO_MS : READ_MS }];
}

export function dismiss(id: number): void {
  shown = shown.filter((toast) => toast.id !== id);
}
