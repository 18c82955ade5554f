import { error } from "@sveltejs/kit";
import { may } from "#lib/session.ts";
import { m } from "#lib/words/messages.js";
import type { LayoutLoad } from "./$types.d.ts";

/** The server refuses as well; this says it before any of these pages asks. */
export const load: LayoutLoad = async ({ parent }) => {
  const { me } = await parent();
  if (!may(me, "administer")) {
    error(403, m.for_admins_detail(), { title: m.for_admins(), retry: false });
  }
};
