import { redirect } from "@sveltejs/kit";
import { newDraftId } from "#lib/drafts.svelte.ts";
import { draftAddress } from "#lib/posts/addresses.ts";
import type { PageLoad } from "./$types.d.ts";

/** Each new post is a draft of its own, so that two tabs do not write into one. */
export const load: PageLoad = ({ url }) => {
  const draft = url.searchParams.get("draft");
  if (!draft) redirect(307, draftAddress(newDraftId()));
  return { draft };
};
