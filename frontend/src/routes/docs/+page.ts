import { readDescription } from "#lib/api/description.ts";
import type { PageLoad } from "./$types.d.ts";

/** For everybody: whoever is not signed in reads it, too. */
export const load: PageLoad = async () => ({ description: await readDescription() });
