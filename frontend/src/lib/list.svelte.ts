/** A list as a page shows it: its parts one after another. */
import type { Page } from "#lib/api/client.ts";
import { Attempt } from "#lib/attempt.svelte.ts";
import { distinct } from "#lib/distinct.ts";

/** Without a limit, as many as the server likes. */
export type Read<Item> = (cursor: string | null, limit?: number) => Promise<Page<Item>>;

export const LARGEST_PAGE = 100;

export class List<Item extends { id: string }> {
  items: Item[] = $state.raw([]);
  /** Came at the top while somebody reads further down; `showNew` lets them in. */
  waiting: Item[] = $state.raw([]);
  /** Reading on, and reading again: each with its reason when it fails. */
  readonly more = new Attempt();
  readonly again = new Attempt();
  #cursor: string | null = $state(null);
  #changes = 0;
  #told = 0;
  readonly #read: Read<Item>;

  constructor(first: Page<Item>, read: Read<Item>) {
    this.#read = read;
    this.#show(first.items, first);
  }

  get complete(): boolean {
    return this.#cursor === null;
  }

  get empty(): boolean {
    return this.complete && this.items.length === 0;
  }

  async loadMore(): Promise<void> {
    if (this.complete) return;
    await this.more.run(async () => {
      const before = this.#changes;
      // Whoever reads on and on should not wait for each of many small parts.
      const far = this.items.length >= LARGEST_PAGE / 2;
      const page = await this.#read(this.#cursor, far ? LARGEST_PAGE : undefined);
      // What was read again meanwhile may have ended elsewhere: then this goes on from nowhere.
      if (before === this.#changes) this.#show(distinct([...this.items, ...page.items]), page);
    });
  }

  /** Reads again as much as is shown. `hold`: what is new at the top waits. */
  async refresh({ hold = false } = {}): Promise<void> {
    const before = this.#changes;
    const shown = this.items;
    let page = await this.#read(null, pageSize(shown.length));
    let [fresh, items] = apart(page.items, shown);
    while (items.length < shown.length && page.next_cursor) {
      page = await this.#read(page.next_cursor, pageSize(shown.length - items.length));
      items = distinct([...items, ...page.items]);
    }
    if (before !== this.#changes) {
      // What was changed here meanwhile may be younger than the answer.
      await this.refresh({ hold });
      return;
    }
    if (!hold || shown.length === 0) {
      items = distinct([...fresh, ...items]);
      fresh = [];
    }
    this.#show(items, page);
    this.waiting = fresh;
  }

  /** As `refresh`; told again while it reads, it reads once more. */
  async keepUp(hold = false): Promise<void> {
    this.#told += 1;
    if (this.again.busy) return;
    let heard: number;
    do {
      heard = this.#told;
      await this.again.run(() => this.refresh({ hold }));
    } while (heard !== this.#told && !this.again.problem);
  }

  showNew(): void {
    this.#change(distinct([...this.waiting, ...this.items]));
    this.waiting = [];
  }

  replace(changed: Item): void {
    this.#change(this.items.map((item) => (item.id === changed.id ? changed : item)));
  }

  /** Gives the way back to where it was. */
  remove(id: string): () => void {
    this.waiting = this.waiting.filter((item) => item.id !== id);
    const at = this.items.findIndex((item) => item.id === id);
    const gone = this.items[at];
    if (gone === undefined) return () => undefined;
    this.#change(this.items.toSpliced(at, 1));
    return () => {
      this.#change(distinct(this.items.toSpliced(at, 0, gone)));
    };
  }

  #show(items: Item[], { next_cursor }: Page<Item>): void {
    this.#change(items);
    this.#cursor = next_cursor ?? null;
  }

  #change(items: Item[]): void {
    this.#changes += 1;
    this.items = items;
  }
}

/** What stands before the first that is shown, and the rest. */
function apart<Item extends { id: string }>(items: Item[], shown: Item[]): [Item[], Item[]] {
  const at = items.findIndex(({ id }) => shown.some((item) => item.id === id));
  return at === -1 ? [[], items] : [items.slice(0, at), items.slice(at)];
}

function pageSize(wanted: number): number {
  return Math.min(Math.max(wanted, 20), LARGEST_PAGE);
}
