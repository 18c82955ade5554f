import { readReconciliation } from "#lib/api/reconciliations.ts";
import { signInPath, whenSignedIn } from "#lib/session.ts";
import type { PageLoad } from "./$types.d.ts";

export const load: PageLoad = async ({ params, url, depends }) => {
  depends("rollcall:reconciliation");
  return {
    reconciliation: await whenSignedIn(signInPath(url), () => readReconciliation(params.id)),
  };
};
