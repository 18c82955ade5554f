/** Where the bars of the events an hour stand. */
import type { EventHour } from "#lib/api/events.ts";

export interface Bar extends EventHour {
  /** In hundredths of the width. */
  x: number;
  /** In hundredths of the height. */
  height: number;
  parkedHeight: number;
}

/** One event among thousands can still be seen. */
const LEAST = 4;

export function barsOf(hours: readonly EventHour[]): Bar[] {
  const most = Math.max(1, ...hours.map(({ events }) => events));
  const high = (count: number) => (count === 0 ? 0 : Math.max(LEAST, (count / most) * 100));
  return hours.map((hour, at) => ({
    ...hour,
    x: (at / hours.length) * 100,
    height: high(hour.events),
    parkedHeight: Math.min(high(hour.parked), high(hour.events)),
  }));
}

/** The hours at which a day begins, where the reader is. */
export function dayBeginnings(bars: readonly Bar[]): Bar[] {
  return bars.filter(({ since }) => new Date(since).getHours() === 0);
}
