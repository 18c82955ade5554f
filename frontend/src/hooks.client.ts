import type { HandleClientError } from "@sveltejs/kit/hooks";
import { ApiProblem } from "#lib/api/problem.ts";

/** What an error page says when a page could not be loaded. */
export const handleError: HandleClientError = ({ kind, error }) => {
  if (kind === "framework") {
    return error.status === 404
      ? {
          title: "There is no such page",
          message: "The address may be mistyped, or the page has moved.",
          retry: false,
        }
      : { title: "That did not work", message: error.message, retry: true };
  }
  if (error instanceof ApiProblem) {
    return {
      status: error.status || 503,
      title: error.title,
      message: error.detail,
      retry: error.passing,
    };
  }
  console.error(error);
  return {
    title: "That did not work",
    message: "Rollcall's page ran into a fault of its own. Loading it again may help.",
    retry: true,
  };
};
