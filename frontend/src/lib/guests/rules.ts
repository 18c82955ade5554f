/** The limits of a guest's stay, told before the server has to. */
import type { Role } from "#lib/api/me.ts";
import { calendarDay, dateText, endOfDay } from "#lib/time.ts";
import { m } from "#lib/words/messages.js";

export interface Stay {
  reason: string;
  /** The last day, as `<input type="date">` has it. */
  until: string;
}

export interface NewGuest extends Stay {
  name: string;
  email: string;
  role: Role;
}

export type Faults<Form> = Partial<Record<keyof Form, string | undefined>>;

const LONGEST_DAYS = 365;
const ADDRESS = /^[^\s@]+@[^\s@]+$/;

export function lastDay(now = new Date()): string {
  const day = new Date(now);
  day.setDate(day.getDate() + LONGEST_DAYS);
  return calendarDay(day);
}

export function stayFaults({ reason, until }: Stay, now = new Date()): Faults<Stay> {
  const faults: Faults<Stay> = {};
  if (reason.trim() === "") faults.reason = m.grant_reason_missing();
  if (until === "") faults.until = m.guest_until_missing();
  else if (until < calendarDay(now)) faults.until = m.guest_until_over();
  else if (until > lastDay(now)) {
    faults.until = m.guest_until_far({ day: dateText(new Date(endOfDay(lastDay(now)))) });
  }
  return faults;
}

export function guestFaults({ name, email, ...stay }: NewGuest, now?: Date): Faults<NewGuest> {
  const faults: Faults<NewGuest> = {};
  if (name.trim() === "") faults.name = m.guest_name_missing();
  if (email.trim() === "") faults.email = m.guest_email_missing();
  else if (!ADDRESS.test(email.trim())) faults.email = m.guest_email_wrong();
  return { ...faults, ...stayFaults(stay, now) };
}
