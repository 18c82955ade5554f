/** For admins, on every page: whether the directory wants their attention. */
import { readDirectory } from "#lib/api/directory.ts";
import { ApiProblem } from "#lib/api/problem.ts";
import { whenever } from "#lib/whenever.ts";
import { callForAttention } from "#lib/shell/attention.svelte.ts";

async function look(): Promise<void> {
  try {
    const { attention } = await readDirectory({ counts: false });
    callForAttention("/dashboard/directory", attention);
  } catch (error) {
    // Whatever is the matter, the page that is shown says so itself.
    if (!(error instanceof ApiProblem)) throw error;
  }
}

export function watchDirectory(): () => void {
  void look();
  return whenever("attention", look);
}
