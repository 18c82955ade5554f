import { readAcceptedInvitation } from "#lib/api/me.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url }) => {
  const id = url.searchParams.get("invitation");
  if (id === null) return { invitation: undefined };
  return { invitation: await whenSignedIn(signInPath(url), () => readAcceptedInvitation(id)) };
};
