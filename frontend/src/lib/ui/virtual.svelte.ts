/** Of a long list only what is near the screen is in the document. */
import {
  defaultRangeExtractor,
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
  windowScroll,
  type Range,
  type VirtualItem,
} from "@tanstack/virtual-core";
import type { List } from "#lib/list.svelte.ts";
import { flushSync, untrack } from "svelte";
import { on } from "svelte/events";
import { createSubscriber } from "svelte/reactivity";

/** A shorter list is in the document whole, where the browser's own search finds everything. */
const FROM = 200;
const OVERSCAN = 10;
/** So many rows come and go at once: each time the whole table is laid out and painted. */
const AT_ONCE = 8;

/** A row, or without one the room of those that are not in the document. */
export interface Part<Item> {
  key: string;
  item: Item | undefined;
  /** Its place in the list. */
  at: number;
  room: number;
}

/** How high the rows of a list were, for whoever comes back to it. */
const heights = new WeakMap<object, VirtualItem[]>();

/** What is shown of a list: its rows are `measured`, the element that has them is `held`. */
export class Virtual<Item extends { id: string }> {
  readonly #list: () => List<Item>;
  readonly #estimate: number;
  readonly #known: VirtualItem[];
  readonly #virtualizer: Virtualizer<Window, HTMLElement>;
  readonly #scrolled: () => void;
  #update: (() => void) | undefined;
  #asking = false;
  #top = $state(0);
  #printing = $state(false);
  #focused: string | undefined = $state();

  // With another one all places are reckoned anew, and while one scrolls that is often.
  readonly #keyOf = $derived.by(() => {
    const { items } = this.#list();
    return (index: number) => items[index]?.id ?? index;
  });

  // The same objects as long as the list is the same: scrolling touches no row that stays.
  readonly #rows: Part<Item>[] = $derived.by(() =>
    this.#list().items.map((item, at) => ({ key: item.id, item, at, room: 0 })),
  );

  readonly parts: Part<Item>[] = $derived.by(() => {
    const { items } = this.#list();
    this.#scrolled();
    // What it notices by being asked is in its answer.
    this.#asking = true;
    this.#virtualizer.setOptions(this.#options(items));
    const shown = this.#virtualizer.getVirtualItems();
    this.#asking = false;
    return this.#leavesOut(items)
      ? [...partsOf(this.#rows, shown, this.#top, this.#virtualizer.getTotalSize())]
      : this.#rows;
  });

  /** For a component, while it is there. `estimate`: how high a row usually is. */
  constructor(list: () => List<Item>, estimate: number) {
    this.#list = list;
    this.#estimate = estimate;
    this.#scrolled = createSubscriber((update) => {
      this.#update = update;
    });
    const first = untrack(list);
    this.#known = heights.get(first) ?? [];
    this.#virtualizer = new Virtualizer<Window, HTMLElement>(this.#options(first.items));
    // Where all rows are there, measuring one moves none.
    this.#virtualizer.shouldAdjustScrollPositionOnItemSizeChange = ({ start }) =>
      this.#leavesOut(this.#list().items) && start < scrollY;
    $effect(() => {
      this.#scrolled();
      untrack(() => {
        this.#virtualizer._willUpdate();
      });
    });
    $effect(() => {
      const shown = this.#list();
      return () => {
        heights.set(shown, this.#virtualizer.takeSnapshot());
      };
    });
    $effect(() => this.#virtualizer._didMount());
  }

  readonly held = (element: HTMLElement): (() => void) => {
    const place = () => {
      this.#top = element.getBoundingClientRect().top + scrollY;
    };
    place();
    const observer = new ResizeObserver(place);
    observer.observe(document.body);
    const print = (printing: boolean) => () => {
      flushSync(() => {
        this.#printing = printing;
      });
    };
    const stops = [
      on(window, "beforeprint", print(true)),
      on(window, "afterprint", print(false)),
      on(element, "focusin", ({ target }) => {
        this.#keep(target);
      }),
      on(element, "focusout", ({ relatedTarget }) => {
        this.#keep(relatedTarget);
      }),
    ];
    return () => {
      observer.disconnect();
      for (const stop of stops) stop();
    };
  };

  readonly measured = (row: HTMLElement): (() => void) => {
    untrack(() => {
      this.#virtualizer.measureElement(row);
    });
    return () => {
      this.#virtualizer.measureElement(null);
    };
  };

  /** Of the room that is left for rows. */
  readonly high =
    (px: number) =>
    (element: HTMLElement): void => {
      element.style.height = `${String(px)}px`;
    };

  /** The row with the focus stays in the document, and those that a key leads to from there. */
  #keep(target: EventTarget | null) {
    const row = target instanceof Element ? target.closest<HTMLElement>("[data-id]") : null;
    this.#focused = row?.dataset["id"];
  }

  #leavesOut(items: readonly Item[]): boolean {
    return items.length >= FROM && !this.#printing;
  }

  #options(items: readonly Item[]) {
    const focused = this.#focused;
    const at = focused === undefined ? -1 : items.findIndex(({ id }) => id === focused);
    return {
      count: items.length,
      scrollMargin: this.#top,
      overscan: OVERSCAN,
      getScrollElement: (): Window => window,
      observeElementRect: observeWindowRect,
      observeElementOffset: observeWindowOffset,
      scrollToFn: windowScroll,
      initialOffset: () => scrollY,
      initialRect: { width: innerWidth, height: innerHeight },
      initialMeasurementsCache: this.#known,
      estimateSize: () => this.#estimate,
      getItemKey: this.#keyOf,
      rangeExtractor: (range: Range) => withNeighbours(range, at),
      onChange: () => {
        if (!this.#asking) this.#update?.();
      },
    };
  }
}

function withNeighbours(range: Range, at: number): number[] {
  const shown = defaultRangeExtractor({
    ...range,
    startIndex: range.startIndex - (range.startIndex % AT_ONCE),
    endIndex: range.endIndex - (range.endIndex % AT_ONCE) + AT_ONCE - 1,
  });
  if (at === -1) return shown;
  const near = [at - 1, at, at + 1].filter((index) => index >= 0 && index < range.count);
  return [...new Set([...shown, ...near])].sort((a, b) => a - b);
}

function* partsOf<Item>(
  rows: readonly Part<Item>[],
  shown: readonly VirtualItem[],
  top: number,
  height: number,
): Generator<Part<Item>> {
  let end = top;
  for (const [place, { index, start, end: next }] of shown.entries()) {
    const row = rows[index];
    if (row === undefined) continue;
    // By its place among the rooms, so that scrolling makes none anew.
    if (start > end) yield roomFor(place === 0 ? "above" : "between", start - end);
    yield row;
    end = next;
  }
  if (top + height > end) yield roomFor("below", top + height - end);
}

function roomFor(key: string, room: number) {
  return { key, item: undefined, at: -1, room };
}
