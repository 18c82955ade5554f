/** A post's text as people write it, shown: Markdown, of which no HTML and no picture comes through. */
import { micromark } from "micromark";
import {
  gfmAutolinkLiteral,
  gfmAutolinkLiteralHtml,
} from "micromark-extension-gfm-autolink-literal";

export interface Heading {
  id: string;
  text: string;
  level: number;
}

export interface Rendered {
  content: DocumentFragment;
  headings: Heading[];
}

export function render(markdown: string): Rendered {
  // HTML within it comes out escaped, and addresses with a protocol that runs something come out empty.
  const html = micromark(markdown, {
    extensions: [gfmAutolinkLiteral()],
    htmlExtensions: [gfmAutolinkLiteralHtml()],
  });
  // A template's content loads and runs nothing.
  const template = document.createElement("template");
  template.innerHTML = html;
  const { content } = template;
  for (const image of content.querySelectorAll("img")) image.replaceWith(linkTo(image));
  for (const link of content.querySelectorAll("a")) guard(link);
  for (const code of content.querySelectorAll("pre")) code.tabIndex = 0;
  return { content, headings: named(content) };
}

/** A picture of another host would tell it who reads, and the policy forbids it. */
function linkTo(image: HTMLImageElement): HTMLAnchorElement {
  const link = document.createElement("a");
  link.href = image.getAttribute("src") ?? "";
  link.textContent = image.alt || link.href;
  return link;
}

function guard(link: HTMLAnchorElement): void {
  const here = link.getAttribute("href")?.startsWith("#") ?? false;
  if (here) return;
  link.rel = "noopener noreferrer nofollow";
  if (URL.canParse(link.href) && new URL(link.href).origin !== location.origin)
    link.target = "_blank";
}

/** Below the page's own heading, and with a name to lead to. */
function named(content: DocumentFragment): Heading[] {
  const found: Heading[] = [];
  for (const heading of content.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const level = Math.min(Number(heading.tagName.slice(1)) + 1, 6);
    const lower = document.createElement(`h${String(level)}`);
    lower.append(...heading.childNodes);
    lower.id = `section-${String(found.length + 1)}`;
    lower.tabIndex = -1;
    heading.replaceWith(lower);
    found.push({ id: lower.id, text: lower.textContent, level });
  }
  return found;
}
