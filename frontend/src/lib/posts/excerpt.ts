/** The beginning of a post as plain words: its Markdown without the marks. */

const MARKS: [RegExp, string][] = [
  [/^\s*(```|~~~).*$/gm, ""],
  [/^\s{0,3}(#{1,6}|>|[-*+]|\d{1,9}[.)])\s+/gm, ""],
  [/^\s*([-*_]\s*){3,}$/gm, ""],
  [/!?\[([^\]]*)\]\([^)]*\)/g, "$1"],
  [/(\*\*|__)(?=\S)(.+?)(?<=\S)\1/g, "$2"],
  [/(?<![\w*\\])([*_])(?=\S)([^*_\n\\]+?)(?<=\S)\1(?![\w*])/g, "$2"],
  [/(`+)([^`]+)\1/g, "$2"],
  [/\\([!-/:-@[-`{-~])/g, "$1"],
  [/\s*\n\s*/g, "\n"],
];

export function plain(markdown: string): string {
  return MARKS.reduce((text, [mark, words]) => text.replace(mark, words), markdown).trim();
}
