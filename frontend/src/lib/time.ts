/** Times as people read them. */
import { regionalLocale } from "#lib/locale.ts";
import { m } from "#lib/words/messages.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const locale = regionalLocale();
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const date = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const dayAndMonth = new Intl.DateTimeFormat(locale, {
  weekday: "long",
  day: "numeric",
  month: "long",
});
const dateAndTime = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
const shortDateAndTime = new Intl.DateTimeFormat(locale, {
  dateStyle: "medium",
  timeStyle: "short",
});
const wholeDate = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeZone: "UTC" });
const minute = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const dateAndMinute = new Intl.DateTimeFormat(locale, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const hour = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(locale, { weekday: "short" });

/** "3 hours ago" up to a week, then the date. A clock that runs ahead of ours is "just now". */
export function relativeTime(then: Date, now: number): string {
  const age = now - then.getTime();
  if (age < 45 * SECOND) return m.time_just_now();
  if (age < 45 * MINUTE) return relative.format(-Math.round(age / MINUTE), "minute");
  if (age < 22 * HOUR) return relative.format(-Math.round(age / HOUR), "hour");
  if (age < 7 * DAY) return relative.format(-Math.round(age / DAY), "day");
  return date.format(then);
}

/** "12 seconds". */
export function secondsText(seconds: number): string {
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: "second",
    unitDisplay: "long",
  }).format(seconds);
}

/** How long something still lasts: "in 6 days". */
export function timeLeft(until: Date, now: number): string {
  const left = Math.max(0, until.getTime() - now);
  if (left < HOUR) return relative.format(Math.ceil(left / MINUTE), "minute");
  if (left < DAY) return relative.format(Math.round(left / HOUR), "hour");
  return relative.format(Math.round(left / DAY), "day");
}

/** For a heading over what happened on one day. */
export function dayOf(then: Date, now: number): string {
  const days = Math.round((startOfDay(new Date(now)) - startOfDay(then)) / DAY);
  if (days === 0 || days === 1) return capitalized(relative.format(-days, "day"));
  return days < 180 ? dayAndMonth.format(then) : date.format(then);
}

/** Of a day in the address, which is none of any time zone. */
export function fullDay(day: string): string {
  return wholeDate.format(new Date(`${day}T00:00:00Z`));
}

export function fullTime(then: Date): string {
  return dateAndTime.format(then);
}

export function shortTime(then: Date): string {
  return shortDateAndTime.format(then);
}

export function clockTime(then: Date): string {
  return clock.format(then);
}

export function exactTime(then: Date): string {
  return exact.format(then);
}

/** "26 Nov, 14:05": for what is of these days. */
export function momentText(then: Date): string {
  return dateAndMinute.format(then);
}

export function hourOf(then: Date): string {
  return hour.format(then);
}

export function weekdayOf(then: Date): string {
  return weekday.format(then);
}

/** The clock's time of today, with the date of another day. */
export function recentTime(then: Date, now: number): string {
  return startOfDay(then) === startOfDay(new Date(now)) ? clockTime(then) : momentText(then);
}

export function hourAndMinute(then: Date): string {
  return minute.format(then);
}

export function dateText(then: Date): string {
  return date.format(then);
}

/** Of a day in this browser's time zone, as `<input type="date">` has it. */
export function endOfDay(day: string): string {
  return new Date(`${day}T23:59:59`).toISOString();
}

export function today(): string {
  return calendarDay(new Date());
}

/** The day that it is then in this browser's time zone, as `endOfDay` takes it. */
export function calendarDay(then: Date): string {
  return new Date(then.getTime() - then.getTimezoneOffset() * MINUTE).toISOString().slice(0, 10);
}

function startOfDay(then: Date): number {
  return new Date(then.getFullYear(), then.getMonth(), then.getDate()).getTime();
}

function capitalized(text: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}
