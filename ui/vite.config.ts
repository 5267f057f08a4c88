import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** `--mode fake` builds the page around the scripted backend: what the browser tests and design work look at. */
export default defineConfig(({ mode, command }) => ({
  define: {
    __FAKE__: JSON.stringify(
      mode === "fake" || mode === "test" || (command === "serve" && !process.env.TAURI_ENV_PLATFORM),
    ),
  },
  plugins: [
    // The unit tests read the messages that `npm run messages` has compiled; the plugin's watcher would keep them from ending.
    mode !== "test" &&
      paraglideVitePlugin({
        project: "./project.inlang",
        outdir: "./src/lib/paraglide",
        strategy: ["globalVariable", "baseLocale"],
      }),
    svelte(),
  ],
  clearScreen: false,
  server: { port: 5173, strictPort: true, host: "127.0.0.1" },
  build: {
    target: ["safari16", "chrome110"],
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  // Generous, because builds may have the machine.
  test: { include: ["tests/unit/**/*.test.ts"], environment: "node", testTimeout: 60_000 },
}));
