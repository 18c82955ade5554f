/** The only module that fetches. A call gives its data or raises an ApiProblem. */
import createClient from "openapi-fetch";
import { ApiProblem, problemFrom, unreachable } from "./problem.ts";
import type { components, paths } from "./schema.d.ts";
import { heardOfBuild } from "#lib/release.svelte.ts";
import { m } from "#lib/words/messages.js";

export type Schemas = components["schemas"];

/** A part of a list, and where the next one begins. */
export interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
}

// Access can change between two requests, so no answer may come from a cache.
export const api = createClient<paths>({ cache: "no-store" });

api.use({
  onResponse: async ({ response }) => {
    heardOfBuild(response.headers.get("rollcall-build"));
    if (!response.ok) throw await problemFrom(response);
  },
  onError: unreachable,
});

export function present<T>(answer: { data?: T }): T {
  if (answer.data === undefined) {
    throw new ApiProblem({
      status: 502,
      code: "unexpected_answer",
      title: m.problem_unexpected(),
      detail: m.problem_empty(),
    });
  }
  return answer.data;
}

/** As it is written, refusals included: for whoever tries the API by hand. */
export async function send(path: string, request: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(path, { cache: "no-store", ...request });
  } catch {
    throw unreachable();
  }
}
