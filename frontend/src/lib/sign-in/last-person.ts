/** Who was signed in last in this browser: the first to be offered the next time. Signing out keeps it. */
import type { Me } from "#lib/api/me.ts";
import { remember, remembered } from "#lib/storage.ts";

export type LastPerson = Pick<Me, "name" | "email" | "organization">;

const KEY = "last-person";

export function rememberPerson({ name, email, organization }: LastPerson): void {
  const { id, name: organizationName } = organization;
  const told = JSON.stringify({ name, email, organization: { id, name: organizationName } });
  // Other tabs are told of every write.
  if (remembered(KEY) !== told) remember(KEY, told);
}

export function lastPerson(): LastPerson | undefined {
  try {
    const kept: unknown = JSON.parse(remembered(KEY) ?? "null");
    return isPerson(kept) ? kept : undefined;
  } catch {
    return undefined; // somebody else's
  }
}

/** Gives the way back. */
export function forgetPerson(): () => void {
  const person = lastPerson();
  remember(KEY, undefined);
  return () => {
    if (person) rememberPerson(person);
  };
}

function isPerson(kept: unknown): kept is LastPerson {
  if (!isRecord(kept)) return false;
  const { name, email, organization } = kept;
  return (
    typeof name === "string" &&
    (email === null || typeof email === "string") &&
    isRecord(organization) &&
    typeof organization["id"] === "string" &&
    typeof organization["name"] === "string"
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
