/** Lets the built page run under `default-src 'self'`: no inline script, no inline style. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import adapter from "@sveltejs/adapter-static";
import type { Adapter } from "@sveltejs/kit";
import type { Plugin } from "vite";

const PAGES = "build";
const FALLBACK = "index.html";
const INLINE_SCRIPT = /<script>([\s\S]*?)<\/script>/g;
const INLINE_STYLE = /\sstyle="[^"]*"/g;

/** A single-page build whose bootstrap script is a file of its own. */
export function singlePage(): Adapter {
  const inner = adapter({ pages: PAGES, fallback: FALLBACK });
  return {
    ...inner,
    async adapt(builder) {
      await inner.adapt(builder);
      await moveInlineScript(path.join(PAGES, FALLBACK), builder.getAppPath());
    },
  };
}

async function moveInlineScript(page: string, appPath: string): Promise<void> {
  const html = await readFile(page, "utf8");
  const [bootstrap, ...others] = html.matchAll(INLINE_SCRIPT);
  const code = bootstrap?.[1];
  if (code === undefined || others.length > 0) {
    throw new Error(`${page} should have exactly one inline script`);
  }
  const hash = createHash("sha256").update(code).digest("hex").slice(0, 12);
  const file = `${appPath}/immutable/bootstrap.${hash}.js`;
  await writeFile(path.join(PAGES, file), code);
  await writeFile(
    page,
    html.replace(INLINE_SCRIPT, () => `<script src="/${file}"></script>`),
  );
}

/** SvelteKit hides its route announcer by an inline style; app.css does it here. */
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
