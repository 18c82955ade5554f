/** One action at a time, and why the last one failed. */
import { goto, refreshAll } from "$app/navigation";
import { page } from "$app/state";
import { ApiProblem } from "#lib/api/problem.ts";
import { signInPath } from "#lib/session.ts";

export class Attempt {
  busy = $state(false);
  problem: ApiProblem | undefined = $state();

  /** Someone no longer signed in is sent to the sign-in page. */
  async run(action: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = undefined;
    try {
      await action();
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (error.signedOut) await goto(signInPath(page.url));
      else this.problem = error;
    } finally {
      this.busy = false;
    }
  }

  /** As `run`; a refusal also reads the page again, whose rights or rows have changed meanwhile. */
  async runAndRefresh(action: () => Promise<void>): Promise<void> {
    await this.run(action);
    if (this.problem?.outdated) await refreshAll();
  }
}
