/** Lets the built page run under `default-src 'self'`: no inline script, no inline style. */
import { createHash } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import adapter from "@sveltejs/adapter-static";
import type { Adapter } from "@sveltejs/kit";
import type { Plugin } from "vite";

const PAGES = "build";
const FALLBACK = "index.html";
const FIRST_PAINT = "first-paint.js";
const FIRST_FONT = /^inter-latin-wght-normal\..+\.woff2$/;
const STYLESHEET = /\s*<link href="[^"]*\.css" rel="stylesheet">/g;
const OF_THE_FRAME = /\/(frame|0)\.[\w-]+\.css"/;
const INLINE_SCRIPT = /<script>([\s\S]*?)<\/script>/g;
const INLINE_STYLE = /\sstyle="[^"]*"/g;

/** A single-page build whose scripts are files, and whose first paint waits for none but a tiny one. */
export function singlePage(): Adapter {
  const inner = adapter({ pages: PAGES, fallback: FALLBACK });
  return {
    ...inner,
    async adapt(builder) {
      await inner.adapt(builder);
      const page = path.join(PAGES, FALLBACK);
      const folder = `${builder.getAppPath()}/immutable`;
      let html = await readFile(page, "utf8");
      html = await withoutInlineScript(html, folder);
      html = await withNamedFirstPaint(html, folder);
      html = withStylesFirst(html);
      await writeFile(page, await withFirstFont(html, `${folder}/assets`));
      await builder.compress(PAGES); // by Brotli and gzip, beside each file
    },
  };
}

async function withoutInlineScript(html: string, folder: string): Promise<string> {
  const [bootstrap, ...others] = html.matchAll(INLINE_SCRIPT);
  const code = bootstrap?.[1];
  if (code === undefined || others.length > 0) {
    throw new Error(`${FALLBACK} should have exactly one inline script`);
  }
  const file = `${folder}/bootstrap.${contentHash(code)}.js`;
  await writeFile(path.join(PAGES, file), code);
  return html.replace(INLINE_SCRIPT, () => `<script src="/${file}" defer></script>`);
}

/** Named by its content, it need not be asked for again. */
async function withNamedFirstPaint(html: string, folder: string): Promise<string> {
  const source = path.join(PAGES, FIRST_PAINT);
  const file = `${folder}/first-paint.${contentHash(await readFile(source, "utf8"))}.js`;
  await rename(source, path.join(PAGES, file));
  return html.replace(`/${FIRST_PAINT}`, `/${file}`);
}

/** The first paint waits for styles, so they are asked for first; those of what opens later come with it. */
function withStylesFirst(html: string): string {
  const styles = (html.match(STYLESHEET) ?? []).filter((link) => OF_THE_FRAME.test(link));
  if (styles.length !== 2) throw new Error("The frame should have two stylesheets");
  const rest = html.replace(STYLESHEET, "");
  return rest.replace('<script src="/', () => `${styles.join("").trim()}\n    <script src="/`);
}

/** Asked for with the page, and not when a style is found to need it. */
async function withFirstFont(html: string, folder: string): Promise<string> {
  const font = (await readdir(path.join(PAGES, folder))).find((file) => FIRST_FONT.test(file));
  if (font === undefined) throw new Error(`The build has no font like ${FIRST_FONT.source}`);
  const link = `<link href="/${folder}/${font}" rel="preload" as="font" type="font/woff2" crossorigin />`;
  return html.replace("</head>", () => `${link}</head>`);
}

function contentHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

/** SvelteKit hides its route announcer by an inline style; the base styles do it here. */
export function announcerWithoutStyle(): Plugin {
  return {
    name: "announcer-without-style",
    apply: "build",
    enforce: "pre",
    transform: {
      filter: { id: /@sveltejs\/kit\/src\/runtime\/components\/root\.svelte$/ },
      handler(code) {
        const stripped = code.replace(INLINE_STYLE, "");
        if (stripped === code) {
          this.error("SvelteKit's root.svelte has no inline style any more: drop this plugin");
        }
        return { code: stripped, map: null };
      },
    },
  };
}
