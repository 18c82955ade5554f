/** Who is signed in, what they may do, and where they go when they are not. */
import { redirect } from "@sveltejs/kit";
import { readMe, type Me, type Permission, type Role } from "#lib/api/me.ts";
import { ApiProblem } from "#lib/api/problem.ts";

export const HOME = "/dashboard";

export function may(me: Me, permission: Permission): boolean {
  return me.permissions.includes(permission);
}

let last: Me | undefined;

/** Who it was when that was last asked; undefined until it was. */
export function lastMe(): Me | undefined {
  return last;
}

/** Asks anew. */
export async function currentMe(): Promise<Me> {
  last = await readMe();
  return last;
}

const FROM_HIGHEST: Role[] = ["admin", "author", "member"];

export function highestRole(roles: readonly Role[]): Role | undefined {
  return FROM_HIGHEST.find((role) => roles.includes(role));
}

/** Of what is only read, nothing is limited but sessions that are nobody's. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiProblem && (error.signedOut || error.code === "rate_limited");
}

export async function meIfSignedIn(): Promise<Me | undefined> {
  try {
    return await readMe();
  } catch (error) {
    if (isSignedOut(error)) return undefined;
    throw error;
  }
}

/** Loads what a page needs; someone not signed in signs in first and comes back. */
export async function whenSignedIn<T>(signIn: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (isSignedOut(error)) redirect(307, signIn);
    throw error;
  }
}

export function signInPath(from: Pick<URL, "pathname" | "search">): string {
  return `/?${new URLSearchParams({ return_to: from.pathname + from.search }).toString()}`;
}

interface SignIn {
  /** Its id; without one it is found by the address. */
  organization?: string;
  email?: string | null;
  returnTo: string | undefined;
}

/** Where a sign-in begins: the backend sends the browser on to the identity provider. */
export function authPath({ organization, email, returnTo }: SignIn): string {
  const query = new URLSearchParams();
  if (organization) query.set("organization", organization);
  if (email) query.set("email", email);
  if (returnTo !== undefined) query.set("return_to", returnTo);
  return query.size > 0 ? `/auth?${query.toString()}` : "/auth";
}

/** The path to return to, if it is one of this site. */
export function localPath(value: string | null, origin: string): string | undefined {
  if (!value?.startsWith("/") || !URL.canParse(value, origin)) return undefined;
  const url = new URL(value, origin);
  return url.origin === origin ? url.pathname + url.search + url.hash : undefined;
}
