/** The language that somebody chose in this browser; without a choice it is the browser's own. */
import { remember, remembered } from "#lib/storage.ts";
import { baseLocale, getLocale, isLocale, type Locale } from "#lib/words/runtime.js";

const KEY = "language";

// Asked for with each word.
let known: { language: Locale | undefined } | undefined;

export function chosenLanguage(): Locale | undefined {
  if (known === undefined) {
    const language = remembered(KEY);
    known = { language: isLocale(language) ? language : undefined };
  }
  return known.language;
}

/** Then its own sentences can be shown, which know more of a case than its code. */
export function isServersLanguage(): boolean {
  return getLocale() === baseLocale;
}

/** All words are made anew, so the page is. */
export function chooseLanguage(language: Locale | undefined): void {
  remember(KEY, language);
  globalThis.location.reload();
}
