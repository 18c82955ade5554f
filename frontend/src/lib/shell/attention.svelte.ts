/** Which places want a person's attention. Whoever knows says so; the rail shows a dot. */
import { SvelteSet } from "svelte/reactivity";

const wanting = new SvelteSet<string>();

export function wantsAttention(href: string): boolean {
  return wanting.has(href);
}

export function callForAttention(href: string, wanted: boolean): void {
  if (wanted) wanting.add(href);
  else wanting.delete(href);
}
