/** What others do appears by itself: a page looks again when it is told of it, and by the clock. */
import { whenTold } from "#lib/live.ts";

export type What = "events" | "people" | "directory" | "attention";

// Nobody tells how far a reconciliation has come, nor that a source has fallen silent.
const SECONDS: Record<What, number> = { events: 30, people: 60, directory: 6, attention: 60 };
/** Events come in crowds. */
const PAUSE_MS = 1000;

/** Looks again while the page is seen and one look has ended; gives the way to stop. */
export function whenever(what: What, look: () => Promise<void>): () => void {
  let looking = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;

  async function again() {
    waiting = undefined;
    if (looking || document.visibilityState !== "visible") return;
    looking = true;
    try {
      await look();
    } finally {
      looking = false;
    }
  }

  const stop = whenTold("directory", () => {
    waiting ??= setTimeout(() => void again(), PAUSE_MS);
  });
  const timer = setInterval(() => void again(), SECONDS[what] * 1000);
  return () => {
    stop();
    clearTimeout(waiting);
    clearInterval(timer);
  };
}
