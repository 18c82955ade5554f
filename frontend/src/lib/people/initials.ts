/** What stands for somebody without a picture. */

const HUES = 10;

/** Two letters: of the first and the last word of a name. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/u).filter((word) => /\p{L}|\p{N}/u.test(word));
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => firstLetter(word ?? "")).join("");
}

/** The same for the same name, everywhere. */
export function hueOf(name: string): number {
  let hash = 2_166_136_261;
  for (const letter of name) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16_777_619);
  return (hash >>> 8) % HUES;
}

function firstLetter(word: string): string {
  const letter = Array.from(word).find((character) => /\p{L}|\p{N}/u.test(character)) ?? "";
  return letter.toLocaleUpperCase();
}
