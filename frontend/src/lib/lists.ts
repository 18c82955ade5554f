/** Lists are kept while somebody looks elsewhere, so that Back finds all parts and the place. */
import { List, type Read } from "#lib/list.svelte.ts";
import { comesAnew } from "#lib/navigation.ts";

const LISTS_KEPT = 8;

const shelves = new Set<Map<string, unknown>>();

/**
 * The lists of one kind, by the address of the page that shows them. Where they are `held`, what is
 * new at the top waits until it is asked for: for a page that says how much there is.
 */
export class Lists<Item extends { id: string }> {
  readonly #kept = new Map<string, List<Item>>();

  readonly #held: boolean;

  constructor({ held = false } = {}) {
    this.#held = held;
    shelves.add(this.#kept);
  }

  /** For a page's `load`: the kept one when it is returned to, else a new one. */
  async open(
    { pathname, search }: Pick<URL, "pathname" | "search">,
    read: Read<Item>,
  ): Promise<List<Item>> {
    const address = pathname + search;
    const kept = this.#kept.get(address);
    if (kept !== undefined && !comesAnew()) {
      void kept.keepUp(this.#held);
      return kept;
    }
    const list = new List(await read(null), read);
    this.#keep(address, list);
    return list;
  }

  #keep(address: string, list: List<Item>): void {
    this.#kept.delete(address);
    this.#kept.set(address, list);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > LISTS_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** The next person in this tab must not see them. */
export function forgetLists(): void {
  for (const kept of shelves) kept.clear();
}
