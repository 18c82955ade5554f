/** A page that is open while a new release comes. */
import { dev, version } from "$app/env";
import { updated } from "$app/state";

const RELOADED = "reloaded";

let newer = $state(false);

/** By an answer of the API; one that names none is not ours, or comes from a server without pages. */
export function heardOfBuild(build: string | null): void {
  if (build !== null && build !== version && !dev) newer = true;
}

export function hasNewVersion(): boolean {
  return newer;
}

/** A script of the page, wanted late. One that a new release took away: then the page is loaded anew, once. */
export async function late<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!dev && sessionStorage.getItem(RELOADED) !== version && (await updated.check())) {
      sessionStorage.setItem(RELOADED, version);
      location.reload();
    }
    throw error;
  }
}
