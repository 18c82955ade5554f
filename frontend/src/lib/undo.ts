/** Whether what was done could be taken back; if not, it is said why. */
import { ApiProblem } from "#lib/api/problem.ts";
import { say } from "#lib/toasts.svelte.ts";

export async function takenBack(restore: () => Promise<unknown>): Promise<boolean> {
  try {
    await restore();
    return true;
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    say(error.detail);
    return false;
  }
}
