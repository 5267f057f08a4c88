import { defineConfig } from "@playwright/test";

/** Another one where several run at the same time. */
const PORT = Number(process.env.FIKA_PLAYWRIGHT_PORT ?? 4317);

/** The built page with the scripted backend in the system's Chromium without a window, served with the app's content security policy. */
export default defineConfig({
  testDir: "tests/e2e",
  outputDir: "test-results",
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  // Generous, because builds may have the machine; nothing waits for these when all is well.
  timeout: 180_000,
  expect: { timeout: 60_000 },
  reporter: [["list"]],
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/Stockholm",
    launchOptions: {
      // Without the parts of a browser that nobody sees here, which take a third of the time.
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium-headless-shell",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        // As in the app, whose windows ring before anybody touches them.
        "--autoplay-policy=no-user-gesture-required",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  webServer: {
    command: `node tests/e2e/serve.mjs ${PORT}`,
    port: PORT,
    reuseExistingServer: false,
  },
});
