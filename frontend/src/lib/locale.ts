/** In which language the words are, and how dates, numbers and names are written and sorted. */
import { chosenLanguage } from "#lib/language.ts";
import { defineCustomClientStrategy, getLocale } from "#lib/words/runtime.js";

// Here, for nothing asks which language it is before this module does.
defineCustomClientStrategy("custom-chosen", {
  getLocale: chosenLanguage,
  setLocale: () => undefined,
});

/** The browser's own way (British or American dates), where it is of the words' language. */
export function regionalLocale(
  words: string = getLocale(),
  preferred: readonly string[] = globalThis.navigator.languages,
): string {
  return preferred.find((locale) => locale.split("-")[0] === words) ?? words;
}

const counts = new Intl.NumberFormat(regionalLocale());

export function formatCount(count: number): string {
  return counts.format(count);
}

export const { compare: compareNames } = new Intl.Collator(regionalLocale());
