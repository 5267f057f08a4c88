/** Contacts on Home who show that they can be called. */
import type { Page } from "@playwright/test";

import { testIds } from "../../src/lib/testids";
import { ringing } from "./extra-ring";
import { expect, open, test } from "./page";

const names = (page: Page) => page.getByTestId(testIds.contact).filter({ has: page.getByTestId(testIds.present) });

test("who can be called has a mark and words, which come and go unannounced", async ({ page }) => {
  await open(page, "home", { ring: "contacts-many", reachable: "", presence: "" });
  await expect(names(page)).toHaveCount(0);
  await page.getByTestId(testIds.contactsAll).click();
  await ringing(page, "contacts-present");
  await expect(names(page)).toHaveCount(3);
  const amir = names(page).first();
  await expect(amir).toContainText("Can be called");
  await expect(amir.locator(".mark svg")).toBeVisible();
  await expect(amir.getByRole("button", { name: "Call Amir Rahimi, can be called" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Call Lars Nyström", exact: true })).toBeVisible();
  const announced = amir.locator("xpath=ancestor-or-self::*[@aria-live or @role='status' or @role='alert']");
  await expect(announced).toHaveCount(0);
  await ringing(page, "contacts-many");
  await expect(names(page)).toHaveCount(0);
  await expect(amir).toHaveCount(0);
});

test("the words fit where it is narrow, in both languages", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 640 });
  for (const [lang, words] of [
    ["en", "Can be called"],
    ["sv", "Går att ringa"],
  ] as const) {
    await open(page, "home", { ring: "contacts-present", reachable: "", presence: "", lang });
    await page.getByTestId(testIds.contactsAll).click();
    await expect(names(page).last()).toContainText(words);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBeLessThanOrEqual(360);
  }
});

test("whoever does not show themselves sees nobody", async ({ page }) => {
  await open(page, "home", { ring: "contacts-present", reachable: "", presence: "" });
  await expect(names(page)).toHaveCount(2);
  for (const count of [0, 2]) {
    await page.getByTestId(testIds.settings).click();
    await page.getByTestId(testIds.settingsTab("calls")).click();
    await page.getByTestId(testIds.presence).click();
    await page.getByTestId(testIds.closeSettings).click();
    await expect(names(page)).toHaveCount(count);
  }
});
