/**
 * For an `$effect`: begins what not everybody downloads, once it is here, and gives the way to end
 * it. Where a new release took the script away, it does not begin; the page is then offered anew.
 */
export function onceFetched(load: () => Promise<() => () => void>): () => void {
  let end: (() => void) | undefined;
  let gone = false;
  void load().then(
    (begin) => {
      if (!gone) end = begin();
    },
    () => undefined,
  );
  return () => {
    gone = true;
    end?.();
  };
}
