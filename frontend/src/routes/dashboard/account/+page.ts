import { listSessions } from "#lib/api/sessions.ts";
import { listTokens } from "#lib/api/tokens.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url }) => {
  const [sessions, tokens] = await whenSignedIn(signInPath(url), () =>
    Promise.all([listSessions(), listTokens()]),
  );
  return { sessions, tokens };
};
