/** Where one can go, in the order of the rail. */
import type { Me, Permission } from "#lib/api/me.ts";
import { may } from "#lib/session.ts";
import type { IconName } from "#lib/ui/icon-names.ts";
import { m } from "#lib/words/messages.js";

export interface Place {
  href: string;
  label: string;
  icon: IconName;
  /** After `g`. */
  key?: string;
  needs: Permission;
}

export function memberPlaces(): Place[] {
  return [
    { href: "/dashboard", label: m.posts(), icon: "notebook-text", key: "p", needs: "posts:read" },
    { href: "/dashboard/team", label: m.people(), icon: "users", key: "t", needs: "team:read" },
  ];
}

export function administrationPlaces(): Place[] {
  const needs = "administer";
  return [
    { href: "/dashboard/directory", label: m.directory(), icon: "folder-sync", key: "d", needs },
    { href: "/dashboard/events", label: m.events(), icon: "activity", key: "e", needs },
    { href: "/dashboard/roles", label: m.roles(), icon: "shield-check", key: "r", needs },
    { href: "/dashboard/audit", label: m.audit_log(), icon: "scroll-text", key: "a", needs },
    { href: "/dashboard/settings", label: m.settings(), icon: "settings", key: "s", needs },
  ];
}

export function placesOf(me: Me): Place[] {
  return [...memberPlaces(), ...administrationPlaces()].filter(({ needs }) => may(me, needs));
}

/** Within the notebook are its posts, within the people each person. */
const WITHIN: [RegExp, string][] = [
  [/^\/dashboard\/(new|posts)(\/|$)/, "/dashboard"],
  [/^\/dashboard\/people(\/|$)/, "/dashboard/team"],
];

export function isWithin(pathname: string, href: string): boolean {
  const home = WITHIN.find(([pattern]) => pattern.test(pathname))?.[1];
  if (home !== undefined) return home === href;
  return pathname === href || (href !== "/dashboard" && pathname.startsWith(`${href}/`));
}
