/** What changes while a page is open: one stream of server-sent events, told on by topic. */

/** As the audit log has it: "post.deleted", and of which. */
export interface Change {
  action: string;
  subject_id: string | null;
}

export type Topic =
  | "posts"
  | "team"
  | "directory"
  | "roles"
  | "settings"
  | "audit"
  /** One's own access is another, or is over. */
  | "access"
  | "ended"
  /** Anything may have changed: look for yourself. It is told to the listeners of all lists, too. */
  | "refresh";

/** `changes` is empty after something may have been missed. */
type Listener = (changes: readonly Change[]) => void;

const TOPICS: Topic[] = [
  ...(["posts", "team", "directory", "roles", "settings", "audit"] as const),
  ...(["access", "ended", "refresh"] as const),
];
const OF_ONESELF: Topic[] = ["access", "ended", "refresh"];
const AGAIN_MS = 10_000;
/** What changes between the first reading and the beginning of the stream goes unseen. */
const SLOW_MS = 1000;

const listeners = new Map<Topic, Set<Listener>>();

/** Gives the way to stop: in a component `$effect(() => whenTold("posts", look))`. */
export function whenTold(topic: Topic, listener: Listener): () => void {
  const all = listeners.get(topic) ?? new Set<Listener>();
  listeners.set(topic, all.add(listener));
  return () => {
    all.delete(listener);
  };
}

function tell(topic: Topic, changes: readonly Change[]): void {
  for (const listener of listeners.get(topic) ?? []) listener(changes);
  if (topic !== "refresh") return;
  for (const each of TOPICS) if (!OF_ONESELF.includes(each)) tell(each, []);
}

/**
 * Follows for as long as the page is seen: a browser has six connections to a host, and somebody
 * more tabs than that. Who comes back looks for what was missed. Gives the way to end it.
 */
export function follow(): () => void {
  let stream: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let missed = false;

  function begin() {
    clearTimeout(timer);
    if (stream !== undefined || document.visibilityState !== "visible") return;
    stream = new EventSource("/live");
    const begun = performance.now();
    for (const topic of TOPICS) {
      stream.addEventListener(topic, ({ data }: MessageEvent<string>) => {
        if (topic === "ended") end();
        tell(topic, changesIn(data));
      });
    }
    stream.addEventListener("ready", () => {
      if (missed || performance.now() - begun > SLOW_MS) tell("refresh", []);
      missed = false;
    });
    // A lost connection comes back by itself; one that was refused does not.
    stream.addEventListener("error", () => {
      if (stream?.readyState !== EventSource.CLOSED) return;
      stream = undefined;
      missed = true;
      tell("access", []);
      timer = setTimeout(begin, AGAIN_MS);
    });
  }

  function end() {
    clearTimeout(timer);
    stream?.close();
    stream = undefined;
    missed = true;
  }

  function seen() {
    if (document.visibilityState === "visible") begin();
    else end();
  }

  // The stream may have outlived what was asked for in vain meanwhile.
  function online() {
    tell("refresh", []);
  }

  begin();
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", online);
  return () => {
    document.removeEventListener("visibilitychange", seen);
    removeEventListener("online", online);
    end();
  };
}

function changesIn(data: string): Change[] {
  const { items } = JSON.parse(data) as { items?: Change[] };
  return items ?? [];
}
