/** What was before and what is after, as lines that a person can read. */
import type { MirrorState } from "#lib/api/events.ts";
import { formatCount } from "#lib/locale.ts";
import { roleName } from "#lib/people/words.ts";
import { m } from "#lib/words/messages.js";

type Maybe<T> = T | null | undefined;

export interface Change {
  sign: "+" | "−" | "~";
  what: string;
  /** What it was; of what is new or gone, its name. */
  from?: string;
  to?: string;
}

export function changesBetween(before: MirrorState | null, after: MirrorState | null): Change[] {
  return [
    ...ofPerson(before, after),
    ...ofAccess(before, after),
    ...ofMembership(before, after),
    ...ofGroup(before, after),
    ...ofDirectory(before, after),
  ];
}

function ofPerson(before: MirrorState | null, after: MirrorState | null): Change[] {
  const [was, is] = [before?.directory_user, after?.directory_user];
  return [
    ...edited(m.name(), was?.name, is?.name),
    ...edited(m.work_email(), was?.email, is?.email),
    ...edited(m.status(), stateName(was?.state), stateName(is?.state)),
    ...edited(m.in_directory(), yesNo(was?.live), yesNo(is?.live)),
  ];
}

function ofAccess(before: MirrorState | null, after: MirrorState | null): Change[] {
  const [was, is] = [before?.access, after?.access];
  return [
    ...edited(m.may_enter(), yesNo(was?.active), yesNo(is?.active)),
    ...roles(was?.roles, is?.roles),
  ];
}

function ofMembership(before: MirrorState | null, after: MirrorState | null): Change[] {
  return edited(m.member_of_group(), yesNo(before?.member), yesNo(after?.member));
}

function ofGroup(before: MirrorState | null, after: MirrorState | null): Change[] {
  const [was, is] = [before?.group, after?.group];
  return [
    ...edited(m.group_name(), was?.name, is?.name),
    ...edited(m.in_directory(), yesNo(was?.live), yesNo(is?.live)),
    ...edited(m.members(), countOf(was?.members), countOf(is?.members)),
    ...roles(was?.roles, is?.roles),
  ];
}

function ofDirectory(before: MirrorState | null, after: MirrorState | null): Change[] {
  const [was, is] = [before?.directory, after?.directory];
  return [
    ...edited(m.name(), was?.name, is?.name),
    ...edited(m.connected(), yesNo(was?.live), yesNo(is?.live)),
    ...edited(m.people(), countOf(was?.people), countOf(is?.people)),
  ];
}

function roles(was: string[] = [], is: string[] = []): Change[] {
  return [
    ...is.filter((role) => !was.includes(role)).map((role) => added(m.role(), nameOf(role))),
    ...was.filter((role) => !is.includes(role)).map((role) => removed(m.role(), nameOf(role))),
  ];
}

function edited(what: string, was: Maybe<string>, is: Maybe<string>): Change[] {
  if ((was ?? undefined) === (is ?? undefined)) return [];
  if (was == null) return [added(what, is ?? "")];
  if (is == null) return [removed(what, was)];
  return [{ sign: "~", what, from: was, to: is }];
}

function added(what: string, to: string): Change {
  return { sign: "+", what, to };
}

function removed(what: string, from: string): Change {
  return { sign: "−", what, from };
}

/** A role of a later version has no name here. */
function nameOf(role: string): string {
  return role === "member" || role === "author" || role === "admin" ? roleName(role) : role;
}

function stateName(state: Maybe<string>): string | undefined {
  if (state === "active") return m.state_active();
  return state === "inactive" ? m.state_inactive() : (state ?? undefined);
}

function yesNo(value: Maybe<boolean>): string | undefined {
  if (value == null) return undefined;
  return value ? m.yes() : m.no();
}

function countOf(value: Maybe<number>): string | undefined {
  return value == null ? undefined : formatCount(value);
}
