/** What may be done with a token. */
import type { TokenScope } from "#lib/api/tokens.ts";
import { m } from "#lib/words/messages.js";

export const SCOPES: TokenScope[] = ["read", "write"];

export function scopeName(scope: TokenScope): string {
  return { read: m.scope_read, write: m.scope_write }[scope]();
}

export function scopeDetail(scope: TokenScope): string {
  return { read: m.scope_read_detail, write: m.scope_write_detail }[scope]();
}

/** Days that are offered; the organization may allow fewer. */
export const LIFETIMES = [7, 30, 90, 365];
export const USUAL_LIFETIME = 90;

const SOON_MS = 7 * 24 * 60 * 60 * 1000;

export function endsSoon(until: string, now: number): boolean {
  return new Date(until).getTime() - now < SOON_MS;
}
