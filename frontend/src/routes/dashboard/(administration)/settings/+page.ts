import {
  listOrganizationTokens,
  listServiceAccounts,
  type OrganizationToken,
  type ServiceAccount,
} from "#lib/api/tokens.ts";
import { Lists } from "#lib/lists.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

const ofTokens = new Lists<OrganizationToken>();
const ofServiceAccounts = new Lists<ServiceAccount>();

export const load: PageLoad = async ({ url }) => {
  const [tokens, serviceAccounts] = await whenSignedIn(signInPath(url), () =>
    Promise.all([
      ofTokens.open(url, (cursor, limit) =>
        listOrganizationTokens({ cursor, ...(limit && { limit }) }),
      ),
      ofServiceAccounts.open(url, (cursor, limit) =>
        listServiceAccounts({ cursor, ...(limit && { limit }) }),
      ),
    ]),
  );
  return { tokens, serviceAccounts };
};
