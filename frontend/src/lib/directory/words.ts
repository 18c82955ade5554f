/** The state of the directories, in words. */
import type { Counted, Directory, DirectoryStatus, Trouble } from "#lib/api/directory.ts";
import type { Hold, Loss, Reconciliation, Trigger } from "#lib/api/reconciliations.ts";
import { durationText } from "#lib/events/delay.ts";
import { isServersLanguage } from "#lib/language.ts";
import { formatCount } from "#lib/locale.ts";
import { anyRoleName } from "#lib/people/words.ts";
import { calendarDay, hourAndMinute, momentText, shortTime, today } from "#lib/time.ts";
import type { Tone } from "#lib/ui/Status.svelte";
import { m } from "#lib/words/messages.js";
import { faultText } from "./faults.ts";

type Codes = DirectoryStatus["troubles"][number]["code"];

/** What the matter is and what to do. */
export function troubleText(trouble: Trouble, status: DirectoryStatus): string {
  const { parked, catch_up, worker, reconciliations } = status;
  const gone = status.directories.map(({ since }) => since ?? "").sort();
  const inOwnWords = (words: () => string) => () => (isServersLanguage() ? trouble.text : words());
  const said: Record<Codes, () => string> = {
    directories_removed: () => m.trouble_removed({ when: timeText(gone.at(-1)) }),
    reconciliation_held: m.trouble_held,
    reconciliation_retrying: () => m.trouble_retrying({ reason: faultOf(reconciliations.current) }),
    reconciliation_failed: () => m.trouble_failed({ reason: faultOf(reconciliations.last) }),
    events_parked: () =>
      m.trouble_parked({ count: parked.count, shown: formatCount(parked.count) }),
    catch_up_failing: () =>
      m.trouble_catch_up({ count: catch_up.failures, reason: faultText(catch_up) }),
    cursor_expired: m.trouble_cursor,
    no_worker: () => m.trouble_worker({ when: timeText(worker.seen_at) }),
    // The status lacks what these tell more exactly.
    sso_inactive: inOwnWords(m.trouble_sso_inactive),
    certificate_due: inOwnWords(m.trouble_certificate),
    directory_cut_off: inOwnWords(m.trouble_cut_off),
    break_glass: inOwnWords(m.trouble_break_glass),
  };
  return said[trouble.code]();
}

function faultOf(reconciliation: DirectoryStatus["reconciliations"]["last"]): string {
  return reconciliation === null ? "" : faultText(reconciliation);
}

function timeText(at: string | null | undefined): string {
  return at ? shortTime(new Date(at)) : m.at_no_time();
}

export function stateName(state: Reconciliation["state"]): string {
  return {
    queued: m.state_queued,
    running: m.state_running,
    held: m.state_held,
    completed: m.state_completed,
    failed: m.state_failed,
    cancelled: m.state_cancelled,
    superseded: m.state_superseded,
  }[state]();
}

export const STATE_TONES: Record<Reconciliation["state"], Tone> = {
  queued: "off",
  running: "off",
  held: "attention",
  completed: "good",
  failed: "bad",
  cancelled: "off",
  superseded: "off",
};

export function isUnderWay({ state }: Pick<Reconciliation, "state">): boolean {
  return state === "queued" || state === "running";
}

/** Who or what asked for it. */
export function askedBy(
  { trigger, requested_by }: Pick<Reconciliation, "trigger" | "requested_by">,
  me: string,
): string {
  if (requested_by === me) return m.trigger_you();
  const said: Record<Trigger, () => string> = {
    api: m.trigger_api,
    command: m.trigger_command,
    schedule: m.trigger_schedule,
    expired_cursor: m.trigger_expired_cursor,
  };
  return said[trigger]();
}

export function tookText({
  started_at,
  finished_at,
}: Pick<Reconciliation, "started_at" | "finished_at">): string | undefined {
  if (started_at === null || finished_at === null) return undefined;
  return durationText(
    Math.max(0, new Date(finished_at).getTime() - new Date(started_at).getTime()) / 1000,
  );
}

/** What has been read so far. */
export function progressText({ progress, state }: Reconciliation): string {
  if (state === "queued") return m.waits_for_worker();
  const of = (read: number, total: number | null | undefined) =>
    total == null
      ? formatCount(read)
      : m.so_many_of({ read: formatCount(read), total: formatCount(total) });
  return m.progress_read({
    people: of(progress.people, progress.people_total),
    groups: of(progress.groups_read, progress.groups_total),
  });
}

/** Why nothing is removed until a person decides. */
export function whyHeld(hold: Hold): string[] {
  return [
    ...(hold.people > hold.limit
      ? [m.held_too_many({ count: hold.limit, shown: formatCount(hold.limit) })]
      : []),
    ...(hold.last_admin ? [m.held_last_admin()] : []),
    ...hold.short.map(({ kind, counted, listed }) =>
      m.held_short({
        kind: kindName(kind),
        counted: formatCount(counted),
        listed: formatCount(listed),
      }),
    ),
  ];
}

/** What has to be typed: the people, or the rows where nobody loses anything. */
export function numberToType(hold: Hold): number {
  if (hold.people > 0) return hold.people;
  return Object.values(hold.removed).reduce((sum, count) => sum + count, 0);
}

export function wasAdmin(loss: Loss): boolean {
  return loss.roles_before.includes("admin") && !loss.roles.includes("admin");
}

export function lossText(loss: Loss): string {
  if (!loss.active) return m.loses_access();
  const lost = loss.roles_before.filter((role) => !loss.roles.includes(role));
  return m.loses_roles({ roles: lost.map(anyRoleName).join(", ") });
}

/** When that was, of what was counted before it was asked for. */
export function asOfText(at: string): string {
  const then = new Date(at);
  const when = calendarDay(then) === today() ? hourAndMinute(then) : momentText(then);
  return m.as_of_when({ when });
}

/** With a plus where there are more than were counted. */
export function countedText(count: number, of: Counted, more: Counted[]): string {
  return formatCount(count) + (more.includes(of) ? "+" : "");
}

/** How much a directory holds, or a reconciliation has read. */
export function extentText(counts: Record<Counted, number>, more: Counted[] = []): string {
  const shown = (of: Counted) => ({ count: counts[of], shown: countedText(counts[of], of, more) });
  return [
    m.count_people(shown("people")),
    m.count_groups(shown("groups")),
    m.count_memberships(shown("memberships")),
  ].join(" · ");
}

export const KINDS = ["directories", "people", "groups", "memberships"] as const;

export function kindName(kind: string): string {
  const names: Record<string, () => string> = {
    directories: m.directories,
    people: m.people,
    groups: m.groups,
    memberships: m.memberships,
  };
  return names[kind]?.() ?? kind;
}

export function directoryName({ name, id }: Pick<Directory, "name" | "id">): string {
  return name ?? id;
}

export function hourText(since: string): string {
  return momentText(new Date(since));
}
