import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

const NO_SCRIPT = `<noscript>
  <h1>Open this link in Fika</h1>
  <p>Copy the whole address of this page, with the part after #, and paste it in Fika.</p>
  <h1 lang="sv">Öppna länken i Fika</h1>
  <p lang="sv">Kopiera hela sidans adress, med det som står efter #, och klistra in den i Fika.</p>
</noscript>`;

/** Beside each file of the guest's page the same in brotli: fika-server compresses nothing itself. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    transformIndexHtml: (html) => html.replace("<body>", `<body>${NO_SCRIPT}`),
    async writeBundle({ dir = "" }) {
      for (const file of await readdir(dir, { recursive: true })) {
        if (!/\.(html|js|css|svg)$/.test(file)) continue;
        await writeFile(join(dir, `${file}.br`), brotliCompressSync(await readFile(join(dir, file))));
      }
    },
  };
}

/** `--mode web` builds the page for a guest's browser, served by fika-server. `--mode fake` builds the page around the scripted backend: what the browser tests and design work look at. */
export default defineConfig(({ mode, command }) => ({
  define: {
    __WEB__: JSON.stringify(mode === "web"),
    __FAKE__: JSON.stringify(
      mode === "fake" || mode === "test" || (command === "serve" && !process.env.TAURI_ENV_PLATFORM),
    ),
  },
  plugins: [
    mode === "web" && compressed(),
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
