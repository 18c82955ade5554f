/** The one short message about what was just done. */

const VISIBLE_MS = 6000;

let message = $state("");
let timer: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  clearTimeout(timer);
  message = text;
  timer = setTimeout(() => {
    message = "";
  }, VISIBLE_MS);
}

export function announcement(): string {
  return message;
}
