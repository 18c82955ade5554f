import type { ClientInit, HandleClientError } from "@sveltejs/kit/hooks";
import { ApiProblem, unreachable } from "#lib/api/problem.ts";
import "#lib/locale.ts";
import { m } from "#lib/words/messages.js";
import { getLocale } from "#lib/words/runtime.js";

export const init: ClientInit = () => {
  document.documentElement.lang = getLocale();
};

/** What an error page says when a page could not be loaded. */
export const handleError: HandleClientError = ({ kind, error }) => {
  if (kind === "app") return error;
  if (kind === "framework") {
    return error.status === 404
      ? { title: m.no_such_page(), message: m.no_such_page_detail(), retry: false }
      : { title: m.problem_unexpected(), message: error.message, retry: true };
  }
  const problem = isLostScript(error) ? unreachable() : error;
  if (problem instanceof ApiProblem) {
    return {
      status: problem.status || 503,
      title: problem.title,
      message: problem.detail,
      retry: problem.passing,
    };
  }
  console.error(error);
  return { title: m.problem_unexpected(), message: m.fault_of_ours(), retry: true };
};

/** A page's script or style did not come; each browser has its own words for it, and Vite has its. */
function isLostScript(error: unknown): boolean {
  return (
    error instanceof Error &&
    /dynamically imported module|importing a module script|preload CSS/i.test(error.message)
  );
}
