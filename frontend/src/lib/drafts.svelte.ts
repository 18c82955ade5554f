/** What people type, kept in this browser until it is published or given up: a draft outlives its tab. */
import { createSubscriber } from "svelte/reactivity";
import { remember, remembered } from "#lib/storage.ts";

export interface Draft {
  title: string;
  content: string;
}

export interface KeptDraft extends Draft {
  /** Of a new post its own, of an edit the post's. */
  id: string;
  /** When it was typed at last, in milliseconds. */
  at: number;
  /** Of an edit: that of the post when it was begun. */
  version?: number;
}

const PREFIX = "draft:";

let changed: () => void = () => undefined;
const subscribe = createSubscriber((update) => {
  changed = update;
  addEventListener("storage", update);
  return () => {
    removeEventListener("storage", update);
    changed = () => undefined;
  };
});

/** The drafts of one person, the youngest first; the next one to sign in here has others. */
export class Drafts {
  readonly #prefix: string;

  constructor(userId: string) {
    this.#prefix = `${PREFIX}${userId}/`;
  }

  get all(): KeptDraft[] {
    subscribe();
    return keys()
      .filter((key) => key.startsWith(this.#prefix))
      .map((key) => parsed(key.slice(this.#prefix.length), remembered(key)))
      .filter((draft) => draft !== undefined)
      .sort((one, other) => other.at - one.at);
  }

  find(id: string): KeptDraft | undefined {
    subscribe();
    return parsed(id, remembered(this.#prefix + id));
  }

  /** One without a word is none. */
  keep({ id, ...draft }: KeptDraft): void {
    const empty = draft.title.trim() === "" && draft.content.trim() === "";
    remember(this.#prefix + id, empty ? undefined : JSON.stringify(draft));
    changed();
  }

  /** Gives the way back. */
  drop(id: string): () => void {
    const draft = parsed(id, remembered(this.#prefix + id));
    remember(this.#prefix + id, undefined);
    changed();
    return () => {
      if (draft) this.keep(draft);
    };
  }
}

export function dropAllDrafts(): void {
  for (const key of keys()) if (key.startsWith(PREFIX)) remember(key, undefined);
  changed();
}

/** Short enough for an address, and no other tab's. */
export function newDraftId(): string {
  return Math.random().toString(36).slice(2, 10);
}

function keys(): string[] {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

function parsed(id: string, stored: string | undefined): KeptDraft | undefined {
  try {
    return stored === undefined
      ? undefined
      : { ...(JSON.parse(stored) as Omit<KeptDraft, "id">), id };
  } catch {
    return undefined; // somebody else's
  }
}
