import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";
import { announcerWithoutStyle, singlePage } from "./strict-csp.ts";
import { withSwaggerUi } from "./swagger-ui.ts";

const BACKEND = "http://localhost:3000";

export default defineConfig({
  plugins: [
    announcerWithoutStyle(),
    sveltekit({
      adapter: withSwaggerUi(singlePage()),
      output: { bundleStrategy: "single" },
      version: { pollInterval: 0 },
    }),
  ],
  server: {
    proxy: { "^/(auth|invitations|me|posts|team|docs|openapi\\.json)(?=[/?]|$)": BACKEND },
  },
});
