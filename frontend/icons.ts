/** Lucide's shapes as the module `virtual:icons`: the outline of each icon that the pages name. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Plugin } from "vite";
import { ICONS } from "./src/lib/ui/icon-names.ts";

const MODULE = "virtual:icons";
const RESOLVED = `\0${MODULE}`;
const SHAPE = /<(path|circle|line|rect|polyline|polygon|ellipse)\s([^>]*?)\/>/g;
const ATTRIBUTE = /([a-z\d]+)="([^"]*)"/g;

export function icons(): Plugin {
  const { resolve } = createRequire(import.meta.url);
  return {
    name: "icons",
    resolveId: (id) => (id === MODULE ? RESOLVED : undefined),
    async load(id) {
      if (id !== RESOLVED) return undefined;
      const outlines = await Promise.all(
        ICONS.map(async (name) => {
          const svg = await readFile(resolve(`lucide-static/icons/${name}.svg`), "utf8");
          return [name, outlineOf(svg)];
        }),
      );
      return `export default ${JSON.stringify(Object.fromEntries(outlines))}`;
    },
  };
}

function outlineOf(svg: string): string {
  return Array.from(svg.matchAll(SHAPE), ([, tag, text]) => {
    const attributes = Object.fromEntries(
      Array.from((text ?? "").matchAll(ATTRIBUTE), ([, name, value]) => [name, value]),
    ) as Record<string, string>;
    return pathOf(tag ?? "", attributes);
  }).join("");
}

function pathOf(tag: string, attributes: Record<string, string>): string {
  const number = (name: string): number => Number(attributes[name] ?? 0);
  switch (tag) {
    case "path":
      // Alone, a first `m` is of the origin; after another shape it would be of that one's end.
      return `M0 0${attributes["d"] ?? ""}`;
    case "line":
      return path("M", number("x1"), number("y1"), "L", number("x2"), number("y2"));
    case "circle": {
      const r = number("r");
      return path("M", number("cx") - r, number("cy"), arc(r, 2 * r, 0), arc(r, -2 * r, 0));
    }
    case "rect": {
      const r = number("rx");
      const [w, h] = [number("width") - 2 * r, number("height") - 2 * r];
      const right = path("h", w, arc(r, r, r), "v", h, arc(r, -r, r));
      const left = path("h", -w, arc(r, -r, -r), "v", -h, arc(r, r, -r));
      return path("M", number("x") + r, number("y"), right, left, "z");
    }
    default:
      throw new Error(`An icon has a <${tag}>, which icons.ts cannot make a path of yet`);
  }
}

function arc(radius: number, x: number, y: number): string {
  return path("a", radius, radius, 0, 0, 1, x, y);
}

function path(...parts: (string | number)[]): string {
  return parts.join(" ");
}
