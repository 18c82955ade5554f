import {
  countAdmins,
  readBreakGlassOwner,
  readOrganization,
  readSeats,
  readStatus,
} from "#lib/api/organization.ts";
import { readPerson } from "#lib/api/person.ts";
import { readRoles } from "#lib/api/roles.ts";
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
  const [tokens, serviceAccounts, organization, status, seats, owner, roles, admins] =
    await whenSignedIn(signInPath(url), () =>
      Promise.all([
        ofTokens.open(url, (cursor, limit) =>
          listOrganizationTokens({ cursor, ...(limit && { limit }) }),
        ),
        ofServiceAccounts.open(url, (cursor, limit) =>
          listServiceAccounts({ cursor, ...(limit && { limit }) }),
        ),
        readOrganization(),
        readStatus(),
        readSeats(),
        readOwner(),
        readRoles(),
        countAdmins(),
      ]),
    );
  return { tokens, serviceAccounts, organization, status, seats, owner, roles, admins };
};

async function readOwner(): Promise<{ id: string; name: string } | undefined> {
  const id = await readBreakGlassOwner();
  return id === null ? undefined : readPerson(id);
}
