/** States of calls that ring in the app's own window: on home, on the stage, in the settings. */
import type { Page } from "@playwright/test";

import type { RingName } from "../../src/lib/backend/fake/ring";
import type { StateName } from "../../src/lib/backend/fake/states";
import { testIds } from "../../src/lib/testids";
import type { Extra } from "./extra";
import { still } from "./page";

/** Changes who calls, or how a call that goes out stands. */
export async function ringing(page: Page, name: RingName): Promise<void> {
  await page.evaluate((ring) => window.fika?.ring(ring), name);
  await still(page);
}

const shown = (name: string, state: StateName, ring: RingName, testId: string): Extra => ({
  name,
  state,
  reach: async (page) => {
    await ringing(page, ring);
    await page.getByTestId(testId).first().waitFor();
  },
});
const then = ({ name, state, reach }: Extra, rest: string, ...testIdsToClick: string[]): Extra => ({
  name: `${name}-${rest}`,
  state,
  reach: async (page) => {
    await reach(page);
    for (const testId of testIdsToClick) await page.getByTestId(testId).first().click();
    await page.locator(rest === "menu" ? ".menu" : ".dialog").waitFor();
  },
});

/** Each state of a call that goes out. */
export const OUTGOING = [
  "calling",
  "ringing",
  "ringing-sound",
  "answered",
  "declined",
  "declined-message",
  "busy",
  "no-answer",
  "unreachable",
  "failed",
] as const satisfies RingName[];
/** What the window of a call that comes in can show. */
export const INCOMING = [
  "incoming",
  "incoming-sound",
  "incoming-stranger",
  "incoming-long",
] as const satisfies RingName[];

const home = shown("contacts", "home", "missed", testIds.missed);
const inSettings = (
  ring: "nobody" | "contacts-failed" | "contacts-no-server" | "contacts-nearby" | "contacts-nearby-failed",
): Extra => ({
  name: `settings-calls-${ring}`,
  state: "home",
  reach: async (page) => {
    await ringing(page, ring);
    await page.getByTestId(testIds.settings).click();
    await page.getByTestId(testIds.settingsTab("calls")).click();
    await page.getByTestId(testIds.reachable).click();
    if (ring.startsWith("contacts-nearby")) await page.getByTestId(testIds.nearby).click();
  },
});

export const ringExtras: Extra[] = [
  home,
  then(home, "menu", testIds.contactMenu),
  then(home, "rename", testIds.contactMenu, testIds.renameContact),
  then(home, "remove", testIds.contactMenu, testIds.removeContact),
  shown("contacts-off", "home", "contacts-off", testIds.letRing),
  shown("contacts-many", "home", "contacts-many", testIds.contactsAll),
  {
    name: "contacts-present",
    state: "home",
    reach: async (page) => {
      await ringing(page, "contacts-present");
      await page.getByTestId(testIds.contactsAll).click();
    },
  },
  shown("contacts-missed-only", "home", "missed-only", testIds.missed),
  inSettings("nobody"),
  inSettings("contacts-failed"),
  inSettings("contacts-no-server"),
  inSettings("contacts-nearby"),
  inSettings("contacts-nearby-failed"),
  ...OUTGOING.map((ring) => shown(`outgoing-${ring}`, "alone", ring, testIds.outgoing)),
  {
    name: "save-contact",
    state: "room",
    reach: async (page) => {
      await page.getByTestId(testIds.people).click();
      await page.getByTestId(testIds.personMenu("mei")).click();
      await page.getByTestId(testIds.personItem("save")).click();
      await page.getByTestId(testIds.contactName).waitFor();
    },
  },
];
