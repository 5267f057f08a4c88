import { expect, test as base, type Page } from "@playwright/test";

import type { Layout } from "../../src/lib/backend";
import type { RingName } from "../../src/lib/backend/fake/ring";
import { STATES, type StateName } from "../../src/lib/backend/fake/states";

export type Options = {
  theme?: "light" | "dark";
  contrast?: "more" | "normal";
  lang?: "en" | "sv";
  name?: string;
  platform?: string;
  /** `cut` and `blend`: as painted by the window. */
  video?: string;
  arrangement?: "auto" | "grid" | "speaker";
  /** The microphone's level does not move. */
  quiet?: "";
  /** The meeting server of the settings. */
  server?: string;
  /** The small window. */
  small?: "";
  /** Who can be called, and who calls. */
  ring?: RingName;
  /** Others may ring. */
  reachable?: "";
  nearby?: "";
  /** Contacts see that we can be called. */
  presence?: "";
  "no-ring-sound"?: "";
};

/** The window of a call that comes in. */
export const RINGING_WINDOW = { width: 360, height: 200 };

/** Opens the window of a call that comes in. */
export async function openRinging(page: Page, ring: RingName, options: Options = {}): Promise<void> {
  await page.setViewportSize(RINGING_WINDOW);
  await page.goto(`/?${new URLSearchParams({ ringing: "", ring, theme: "dark", lang: "en", ...options })}`);
  await expect(page.getByRole("alertdialog")).toBeVisible();
  await page.evaluate(async () => void (await document.fonts.ready));
}

/** Opens a state and waits until its screen and its pictures are there. */
export async function open(page: Page, state: StateName, options: Options = {}): Promise<void> {
  const query = new URLSearchParams({ state, theme: "dark", lang: "en", ...options });
  await page.goto(`/?${query}`);
  await expect(page.locator("[data-phase]")).toBeVisible();
  await page.evaluate(async () => void (await document.fonts.ready));
  await pictures(page);
}

/** Changes to another state without loading the page again. */
export async function show(page: Page, state: StateName): Promise<void> {
  await page.evaluate((name) => window.fika?.show(name), state);
  await expect(page.locator(`[data-phase="${STATES[state].phase}"]`)).toBeVisible();
  await pictures(page);
  await still(page);
}

export async function theme(page: Page, name: "light" | "dark"): Promise<void> {
  await page.evaluate((value) => void (document.documentElement.dataset.theme = value), name);
  await still(page);
}

/** Until transitions have ended: colours change over `--fast`, and a check in between would measure a mixture. */
export async function still(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    document
      .getAnimations()
      .every(({ playState, effect }) => playState !== "running" || effect?.getTiming().iterations === Infinity),
  );
}

async function pictures(page: Page): Promise<void> {
  await expect(page.locator('[data-tile]:has(.picture)[data-picture="false"]')).toHaveCount(0);
}

export const layouts = (page: Page): Promise<Layout[]> => page.evaluate(() => window.fika?.layouts ?? []);

export async function lastLayout(page: Page): Promise<Layout> {
  const layout = (await layouts(page)).at(-1);
  if (!layout) throw new Error("no layout was reported");
  return layout;
}

/** Until nothing has been reported for a while of frames. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        let quiet = 0;
        let seen = window.fika?.layouts.length;
        const check = () => {
          quiet = window.fika?.layouts.length === seen ? quiet + 1 : 0;
          seen = window.fika?.layouts.length;
          if (quiet > 20) resolve();
          else requestAnimationFrame(check);
        };
        check();
      }),
  );
}

export const calls = (page: Page): Promise<string[]> => page.evaluate(() => window.fika?.calls ?? []);

/** Each test fails on a violation of the content security policy and on any error in the console. */
export const test = base.extend<{ clean: undefined }>({
  clean: [
    async ({ page }, use) => {
      const faults: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
      });
      page.on("pageerror", (error) => faults.push(String(error)));
      await page.addInitScript(() => {
        // As the app's shell does it.
        Object.freeze(Object.prototype);
        addEventListener("securitypolicyviolation", (event) =>
          // eslint-disable-next-line no-console
          console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
        );
      });
      await use(undefined);
      expect(faults).toEqual([]);
    },
    { auto: true },
  ],
});
export { expect };
