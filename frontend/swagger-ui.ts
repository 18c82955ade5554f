/** Puts Swagger UI beside the pages, so that /docs needs nobody else's server. */
import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import type { Adapter } from "@sveltejs/kit";

const TARGET = "build/swagger-ui";
const FILES = ["swagger-ui-bundle.js", "swagger-ui.css"];

export function withSwaggerUi(adapter: Adapter): Adapter {
  return {
    ...adapter,
    async adapt(builder) {
      await adapter.adapt(builder);
      const { resolve } = createRequire(import.meta.url);
      await mkdir(TARGET, { recursive: true });
      for (const file of FILES) {
        await copyFile(resolve(`swagger-ui-dist/${file}`), path.join(TARGET, file));
      }
    },
  };
}
