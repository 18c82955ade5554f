import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";
import { icons } from "./icons.ts";
import { announcerWithoutStyle, singlePage } from "./strict-csp.ts";

const BACKEND = "http://localhost:3000";
const OF_THE_BACKEND = [
  ...["auth", "invitations", "me", "posts", "team", "people", "directory", "live"],
  ...["sessions", "tokens", "organization", "service-accounts"],
  ...["audit", "healthz", "readyz", "metrics", "openapi\\.json"],
].join("|");

/** SvelteKit reads its payload when its client is evaluated: this has to be there before. */
const BEFORE = /preload-helper|\/runtime\/client\/payload\.js/;

/** What every page within the frame needs comes in one piece, and not in forty. */
const FRAME =
  /\/src\/(routes\/dashboard\/\+layout|lib\/(shell\/(Rail|BottomBar|PersonMenu|TopBar|ErrorPage)|ui\/(Button|MoreRows|EmptyState|ProblemNotice|Time|Menu)))\./;

export default defineConfig({
  plugins: [
    announcerWithoutStyle(),
    icons(),
    // The same as in the script `words`, which writes them for those who only check.
    !process.env["VITEST"] &&
      paraglideVitePlugin({
        project: "./project.inlang",
        outdir: "./src/lib/words",
        strategy: ["custom-chosen", "preferredLanguage", "baseLocale"],
        isServer: "false",
        emitTsDeclarations: true,
        emitReadme: false,
      }),
    sveltekit({
      adapter: singlePage(),
      version: { pollInterval: 0 },
    }),
  ],
  build: {
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "before", test: BEFORE, priority: 1 },
            { name: "frame", test: FRAME },
          ],
        },
      },
    },
  },
  server: {
    proxy: { [`^/(${OF_THE_BACKEND})(?=[/?]|$)`]: BACKEND },
  },
});
