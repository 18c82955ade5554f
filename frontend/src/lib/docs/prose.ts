/** As much Markdown as the description has: paragraphs, indented code, code, links. */

export type Span = { text: string } | { code: string } | { link: string; text: string };
export type Block = { code: string } | { text: string };

const SPAN = /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;
const INDENTED = /^ {4}/;

export function blocksOf(markdown: string): Block[] {
  return markdown
    .split(/\n\s*\n/)
    .map((block) => block.replace(/^\n+|\s+$/g, ""))
    .filter(Boolean)
    .map((block) => {
      const lines = block.split("\n");
      return lines.every((line) => INDENTED.test(line))
        ? { code: lines.map((line) => line.replace(INDENTED, "")).join("\n") }
        : { text: lines.join(" ") };
    });
}

export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const found of text.matchAll(SPAN)) {
    const [whole, code, words, link] = found;
    if (found.index > end) spans.push({ text: text.slice(end, found.index) });
    end = found.index + whole.length;
    if (code !== undefined) spans.push({ code });
    else if (isLink(link)) spans.push({ link, text: words ?? link });
    else spans.push({ text: whole });
  }
  if (end < text.length) spans.push({ text: text.slice(end) });
  return spans;
}

/** Without marks, where nothing but text can be. */
export function plain(text: string): string {
  return text.replaceAll("`", "");
}

function isLink(link: string | undefined): link is string {
  return link !== undefined && /^(\/(?!\/)|#|https:\/\/)/.test(link);
}
