import { readRoles } from "#lib/api/roles.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ url }) => ({
  roles: await whenSignedIn(signInPath(url), readRoles),
});
