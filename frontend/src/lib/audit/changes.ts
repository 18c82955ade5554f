/** What an entry says has changed: the states before and after, laid side by side. */
import type { AuditEntry } from "#lib/api/audit.ts";

export interface Change {
  path: string;
  before: string | undefined;
  after: string | undefined;
}

export function changesOf({ before, after }: AuditEntry["detail"]): Change[] {
  const [old, young] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...young.keys()])]
    .map((path) => ({ path, before: old.get(path), after: young.get(path) }))
    .filter((change) => change.before !== change.after);
}

function flat(state: unknown, path = ""): Map<string, string> {
  if (state === null || state === undefined) return new Map();
  if (Array.isArray(state)) return new Map([[path, state.map(String).join(", ") || "—"]]);
  if (typeof state !== "object") return new Map([[path, shown(state)]]);
  const entries = Object.entries(state);
  return new Map(
    entries.flatMap(([name, value]) => [...flat(value, path === "" ? name : `${path}.${name}`)]),
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
