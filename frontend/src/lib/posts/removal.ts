/** A deletion is done at once, and can be taken back for as long as that is offered. */
import { deletePost, restorePost, type PostSummary } from "#lib/api/posts.ts";
import { ApiProblem } from "#lib/api/problem.ts";
import { say } from "#lib/toasts.svelte.ts";
import { m } from "#lib/words/messages.js";

/** Raises what the server refuses. */
export async function deleteWithUndo(
  { id, title, version }: Pick<PostSummary, "id" | "title" | "version">,
  onrestored: () => void | Promise<void>,
): Promise<void> {
  await deletePost(id, version);
  say(m.post_deleted({ title }), async () => {
    try {
      await restorePost(id);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      say(error.detail);
      return;
    }
    await onrestored();
    say(m.post_restored({ title }));
  });
}
