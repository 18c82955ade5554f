import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";
import { icons } from "./icons.ts";
import { announcerWithoutStyle, singlePage } from "./strict-csp.ts";
import { withSwaggerUi } from "./swagger-ui.ts";

const BACKEND = "http://localhost:3000";
const OF_THE_BACKEND = [
  ...["auth", "invitations", "me", "posts", "team", "people", "directory", "live"],
  ...["sessions", "tokens", "organization", "service-accounts"],
  ...["docs", "swagger-ui", "openapi\\.json"],
].join("|");

export default defineConfig({
  plugins: [
    announcerWithoutStyle(),
    icons(),
    // The same as in the script `words`, which writes them for those who only check.
    !process.env["VITEST"] &&
      paraglideVitePlugin({
        project: "./project.inlang",
        outdir: "./src/lib/words",
        strategy: ["preferredLanguage", "baseLocale"],
        isServer: "false",
        emitTsDeclarations: true,
        emitReadme: false,
      }),
    sveltekit({
      adapter: withSwaggerUi(singlePage()),
      version: { pollInterval: 0 },
    }),
  ],
  server: {
    proxy: { [`^/(${OF_THE_BACKEND})(?=[/?]|$)`]: BACKEND },
  },
});
