import { error } from "@sveltejs/kit";
import { m } from "#lib/words/messages.js";

/** Here, and not at the root, so that the frame stays. */
export function load(): never {
  error(404, m.no_such_page_detail(), { title: m.no_such_page(), retry: false });
}
