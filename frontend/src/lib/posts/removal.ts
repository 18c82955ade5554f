/** A deletion is done at once, and can be taken back for as long as that is offered. */
import { deletePost, restorePost, type PostSummary } from "#lib/api/posts.ts";
import { say } from "#lib/toasts.svelte.ts";
import { takenBack } from "#lib/undo.ts";
import { m } from "#lib/words/messages.js";

/** Raises what the server refuses. */
export async function deleteWithUndo(
  { id, title, version }: Pick<PostSummary, "id" | "title" | "version">,
  onrestored: () => void | Promise<void>,
): Promise<void> {
  await deletePost(id, version);
  say(m.post_deleted({ title }), async () => {
    if (!(await takenBack(() => restorePost(id)))) return;
    await onrestored();
    say(m.post_restored({ title }));
  });
}
