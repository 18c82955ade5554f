import { redirect } from "@sveltejs/kit";
import { HOME, localPath, meIfSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url }) => {
  const code = url.searchParams.get("error") ?? undefined;
  const returnTo = localPath(url.searchParams.get("return_to"), url.origin);
  const me = await meIfSignedIn();
  if (me && code === undefined) redirect(307, returnTo ?? HOME);
  return { me, code, returnTo };
};
