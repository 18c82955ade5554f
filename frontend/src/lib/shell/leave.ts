/** Signing out, and leaving nothing behind for the next person in this browser. */
import { goto } from "$app/navigation";
import { signOut } from "#lib/api/me.ts";
import { ApiProblem } from "#lib/api/problem.ts";
import { dropAllDrafts } from "#lib/drafts.svelte.ts";
import { forgetLists } from "#lib/lists.ts";
import { say } from "#lib/toasts.svelte.ts";
import { dropAllTyped } from "#lib/typed.svelte.ts";
import { m } from "#lib/words/messages.js";

export async function leave(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    if (!error.signedOut) {
      say(m.still_signed_in({ detail: error.detail }));
      return;
    }
  }
  dropAllDrafts();
  dropAllTyped();
  forgetLists();
  await goto("/");
}
