const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const date = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const dateAndTime = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "short" });

/** "3 hours ago" up to a week, then the date. A clock that runs ahead of ours is "just now". */
export function relativeTime(then: Date, now: number): string {
  const age = now - then.getTime();
  if (age < 45 * SECOND) return "just now";
  if (age < 45 * MINUTE) return relative.format(-Math.round(age / MINUTE), "minute");
  if (age < 22 * HOUR) return relative.format(-Math.round(age / HOUR), "hour");
  if (age < 7 * DAY) return relative.format(-Math.round(age / DAY), "day");
  return date.format(then);
}

export function fullTime(then: Date): string {
  return dateAndTime.format(then);
}
