/** What others do appears by itself. For now by asking; this is the place where that would change. */

export type Topic = "events" | "directory" | "attention";

const SECONDS: Record<Topic, number> = { events: 4, directory: 6, attention: 60 };

/** Looks again and again, while the page is seen and one look has ended; gives the way to stop. */
export function whenever(topic: Topic, look: () => Promise<void>): () => void {
  let looking = false;

  async function again() {
    if (looking || document.visibilityState !== "visible") return;
    looking = true;
    try {
      await look();
    } finally {
      looking = false;
    }
  }

  const timer = setInterval(() => void again(), SECONDS[topic] * 1000);
  return () => {
    clearInterval(timer);
  };
}
