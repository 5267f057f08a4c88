/** No accessibility finding (WCAG 2.2 A and AA, best practice) on any screen or state, in both themes. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";
import type axe from "axe-core";

import { testIds } from "../../src/lib/testids";
import { extras } from "./extra";
import { INCOMING, OUTGOING, ringing } from "./extra-ring";
import { expect, open, openRinging, show, test, theme } from "./page";
import { calls, SMALL_WINDOW, stateNames } from "./states";

declare global {
  interface Window {
    axe: typeof axe;
  }
}
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const THEMES = ["dark", "light"] as const;

/** Through the debugger, because the content security policy forbids a script element. */
async function findings(page: Page, layered = false): Promise<string[]> {
  return page.evaluate(
    async ([runOnly, open]) => {
      // Menus, popovers and dialogs stand above the page's landmarks, at the end of the body.
      const rules = { region: { enabled: !open } };
      const { violations } = await window.axe.run(document, {
        runOnly: [...runOnly],
        rules,
        resultTypes: ["violations"],
      });
      return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
    },
    [RULES, layered] as const,
  );
}

for (const name of THEMES) {
  test(`every state in ${name}`, async ({ page }) => {
    await open(page, "home", { theme: name });
    await page.evaluate(AXE);
    for (const state of stateNames) {
      await show(page, state);
      expect.soft(await findings(page), state).toEqual([]);
    }
  });
}

for (const { name, state, reach } of extras) {
  test(name, async ({ page }) => {
    await open(page, state);
    await reach(page);
    await page.evaluate(AXE);
    for (const each of THEMES) {
      await theme(page, each);
      expect.soft(await findings(page, true), each).toEqual([]);
    }
  });
}

for (const name of THEMES) {
  test(`every call in the small window, ${name}`, async ({ page }) => {
    await page.setViewportSize(SMALL_WINDOW);
    // The way back has the focus, so its tooltip is shown.
    await open(page, "one-to-one", { theme: name, small: "" });
    await page.evaluate(AXE);
    for (const state of calls) {
      await show(page, state);
      expect.soft(await findings(page, true), state).toEqual([]);
    }
  });
}

test("the window of a call that comes in", async ({ page }) => {
  for (const ring of INCOMING) {
    await openRinging(page, ring);
    await page.evaluate(AXE);
    for (const each of THEMES) {
      await theme(page, each);
      expect.soft(await findings(page), `${ring}, ${each}`).toEqual([]);
    }
  }
  await page.getByTestId(testIds.declineMenu).click();
  for (const each of THEMES) {
    await theme(page, each);
    expect.soft(await findings(page), `its sentences, ${each}`).toEqual([]);
  }
});

test("the narrow window in Swedish", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 640 });
  await open(page, "home", { lang: "sv" });
  await page.evaluate(AXE);
  for (const state of ["home", "lobby-mine", "lobby-camera-busy", "alone", "grid-4", "muted", "ended"] as const) {
    await show(page, state);
    expect.soft(await findings(page), state).toEqual([]);
  }
  await show(page, "alone");
  for (const ring of OUTGOING) {
    await ringing(page, ring);
    expect.soft(await findings(page), ring).toEqual([]);
  }
  await show(page, "home");
  await ringing(page, "missed");
  expect.soft(await findings(page), "people").toEqual([]);
});
