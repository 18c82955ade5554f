/** Whether a page is being come to anew, or is returned to, or merely read again. */

let anew = false;

export function leaving(type: string): void {
  anew = type !== "popstate";
}

export function arrived(): void {
  anew = false;
}

export function comesAnew(): boolean {
  return anew;
}
