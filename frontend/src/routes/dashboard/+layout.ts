import type { Me } from "#lib/api/me.ts";
import { ApiProblem } from "#lib/api/problem.ts";
import { currentMe, lastMe, signInPath, whenSignedIn } from "#lib/session.ts";
import type { LayoutLoad } from "./$types.d.ts";

const NOBODY: Me = {
  id: "",
  name: "",
  email: null,
  organization: { id: "", name: "Rollcall" },
  roles: [],
  permissions: [],
};

/** Reading the path makes this run at every navigation: rights can have changed since the last. */
export const load: LayoutLoad = async ({ url, depends }) => {
  depends("rollcall:me");
  try {
    return { me: await whenSignedIn(signInPath(url), currentMe), problem: undefined };
  } catch (error) {
    // The frame stays while the server is away; what it holds asks the server itself.
    if (error instanceof ApiProblem && error.passing)
      return { me: lastMe() ?? NOBODY, problem: error };
    throw error;
  }
};
