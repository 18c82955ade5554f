import { distinct } from "#lib/distinct.ts";
import type { Page } from "./client.ts";

const MOST_PAGES = 10;

/** The first ones of a filtered list, of which a page may be short before it ends. */
export async function firstOf<Item extends { id: string }>(
  wanted: number,
  read: (cursor: string | null, limit: number) => Promise<Page<Item>>,
): Promise<Item[]> {
  let found: Item[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < MOST_PAGES && found.length < wanted; pages += 1) {
    const page: Page<Item> = await read(cursor, wanted - found.length);
    found = distinct([...found, ...page.items]);
    cursor = page.next_cursor ?? null;
    if (cursor === null) break;
  }
  return found;
}
