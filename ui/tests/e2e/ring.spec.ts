/** Calls that ring: the window of one that comes in, who is called from home, and how that goes. */
import type { Page } from "@playwright/test";

import type { RingName } from "../../src/lib/backend/fake/ring";
import { testIds } from "../../src/lib/testids";
import { ringing } from "./extra-ring";
import { calls, expect, layouts, open, openRinging, RINGING_WINDOW, test } from "./page";

const focused = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? "");

/** Counts what would be heard. */
async function listen(page: Page): Promise<() => Promise<number>> {
  await page.addInitScript(() => {
    const open = new Set<object>();
    Object.assign(window, { fikaOpen: open });
    window.AudioContext = class extends AudioContext {
      constructor() {
        super();
        open.add(this);
      }
      override close() {
        open.delete(this);
        return super.close();
      }
    };
  });
  return () => page.evaluate(() => (window as unknown as { fikaOpen: Set<object> }).fikaOpen.size);
}

test.describe("the window of a call that comes in", () => {
  test("says who calls, takes no focus, and no key answers by accident", async ({ page }) => {
    await openRinging(page, "incoming");
    const dialog = page.getByRole("alertdialog", { name: "Amir Rahimi" });
    await expect(dialog).toContainText("is calling you with video");
    await expect(dialog.getByRole("img", { name: "Verified" })).toBeVisible();
    await expect(page.getByRole("alert")).toHaveText("Amir Rahimi is calling you with video");
    await expect(page).toHaveTitle("Amir Rahimi is calling you with video · Fika");
    expect(await focused(page)).toBe("");
    for (const key of ["Enter", "Space", "Escape", "y"]) await page.keyboard.press(key);
    expect(await calls(page)).toEqual([]);
    expect(await layouts(page)).toEqual([]);
  });

  test("is answered by a press, or by keys that were moved there", async ({ page }) => {
    await openRinging(page, "incoming");
    await page.getByTestId(testIds.answer).click();
    await expect(page.getByTestId(testIds.ringing)).toHaveCount(0);
    await expect(page.locator("main")).toBeEmpty();
    expect(await calls(page)).toEqual(["ring.answer 1"]);
    await openRinging(page, "incoming-sound");
    const seen = [];
    for (let press = 0; press < 3; press++) {
      await page.keyboard.press("Tab");
      seen.push(await focused(page));
    }
    expect(seen).toEqual([testIds.declineMenu, testIds.decline, testIds.answer]);
    await page.keyboard.press("Enter");
    expect(await calls(page)).toEqual(["ring.answer 1"]);
  });

  test("a key that is held down presses nothing", async ({ page }) => {
    await openRinging(page, "incoming");
    const repeat = (testId: string) =>
      page.getByTestId(testId).evaluate((button) => {
        const event = new KeyboardEvent("keydown", { key: "Enter", repeat: true, bubbles: true, cancelable: true });
        return button.dispatchEvent(event);
      });
    expect(await repeat(testIds.answer)).toBe(false);
  });

  test("somebody who is not saved is named as that", async ({ page }) => {
    await openRinging(page, "incoming-stranger");
    const dialog = page.getByTestId(testIds.ringing);
    await expect(dialog).toContainText("Not one of your contacts");
    await expect(dialog).toContainText("The call goes through a server, so they do not learn where you are.");
    await expect(page.getByRole("alert")).toContainText("Not one of your contacts");
    await page.getByTestId(testIds.decline).click();
    expect(await calls(page)).toEqual(["ring.decline 1 "]);
  });

  test("a sentence declines, ready or one's own", async ({ page }) => {
    await openRinging(page, "incoming");
    await page.getByTestId(testIds.declineMenu).click();
    await page.getByRole("button", { name: "I am in a meeting." }).click();
    expect(await calls(page)).toEqual(["ring.decline 1 I am in a meeting."]);
    await openRinging(page, "incoming");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Decline with a message" })).toBeFocused();
    // Nothing that is typed on goes to whoever calls.
    await page.keyboard.type("hello");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await expect(page.getByTestId(testIds.declineMenu)).toBeFocused();
    await page.keyboard.press("Enter");
    for (let press = 0; press < 4; press++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await calls(page)).toEqual([]);
    await page.keyboard.type(`${"x".repeat(250)}`);
    await page.keyboard.press("Enter");
    expect(await calls(page)).toEqual([`ring.decline 1 ${"x".repeat(200)}`]);
  });

  test("rings until it is over, or not at all", async ({ page }) => {
    const sounding = await listen(page);
    await openRinging(page, "incoming");
    expect(await sounding()).toBe(1);
    await ringing(page, "contacts");
    await expect(page.getByTestId(testIds.ringing)).toHaveCount(0);
    expect(await sounding()).toBe(0);
    await openRinging(page, "incoming", { "no-ring-sound": "" });
    expect(await sounding()).toBe(0);
  });

  for (const zoom of [1.5, 2]) {
    test(`at ${zoom * 100} % the name can be read and the answers stay in sight`, async ({ page }) => {
      await openRinging(page, "incoming-stranger", { lang: "sv" });
      const { width, height } = RINGING_WINDOW;
      const size = { width: Math.floor(width / zoom), height: Math.floor(height / zoom) };
      await page.setViewportSize(size);
      const name = await page.getByRole("heading", { name: "Maja Sund" }).boundingBox();
      expect(name?.y).toBeGreaterThanOrEqual(0);
      for (const testId of [testIds.declineMenu, testIds.decline, testIds.answer]) {
        const button = await page.getByTestId(testId).boundingBox();
        expect((button?.y ?? NaN) + (button?.height ?? NaN), testId).toBeLessThanOrEqual(size.height);
        expect(button?.y, testId).toBeGreaterThanOrEqual((name?.y ?? NaN) + (name?.height ?? NaN));
      }
    });
  }

  for (const ring of ["incoming-stranger", "incoming-long"] as const) {
    test(`all of it fits in Swedish: ${ring}`, async ({ page }) => {
      await openRinging(page, ring, { lang: "sv" });
      const fits = () =>
        page
          .getByTestId(testIds.ringing)
          .evaluate((box) => box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth);
      expect(await fits()).toBe(true);
      await page.getByTestId(testIds.declineMenu).click();
      expect(await fits()).toBe(true);
    });
  }
});

test.describe("home", () => {
  test("shows nothing of people while there are none", async ({ page }) => {
    await open(page, "home");
    for (const testId of [testIds.contacts, testIds.missed, testIds.reach]) {
      await expect(page.getByTestId(testId)).toHaveCount(0);
    }
  });

  test("a contact is called by keyboard, with picture or with sound alone", async ({ page }) => {
    await open(page, "home", { ring: "contacts" });
    await page.getByRole("button", { name: "Call Amir Rahimi" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByTestId(testIds.outgoing)).toContainText("Calling Amir Rahimi");
    await page.getByTestId(testIds.cancelCall).click();
    await expect(page.locator('[data-phase="home"]')).toBeVisible();
    const sofia = page.locator('[data-contact="sofia-key"]');
    await sofia.getByTestId(testIds.contactMenu).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await expect(page.getByTestId(testIds.outgoing)).toContainText("You hear each other when they answer.");
    expect(await calls(page)).toEqual(["ring.call amir-key true", "ring.cancel", "ring.call sofia-key false"]);
  });

  test("a contact gets another name, or goes", async ({ page }) => {
    await open(page, "home", { ring: "contacts" });
    const row = page.locator('[data-contact="lars-key"]');
    await row.getByTestId(testIds.contactMenu).click();
    await page.getByTestId(testIds.renameContact).click();
    await expect(page.getByTestId(testIds.contactName)).toBeFocused();
    await expect(page.getByTestId(testIds.contactName)).toHaveValue("Lars Nyström");
    await page.keyboard.type("Lasse");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(row).toContainText("Lasse");
    await expect(row.getByTestId(testIds.contactMenu)).toBeFocused();
    await row.getByTestId(testIds.contactMenu).click();
    await page.getByTestId(testIds.removeContact).click();
    await expect(page.getByRole("dialog", { name: "Remove Lasse?" })).toBeVisible();
    await page.getByTestId(testIds.confirmRemoveContact).click();
    await expect(page.getByTestId(testIds.contact)).toHaveCount(2);
    expect(await calls(page)).toEqual(["ring.rename lars-key Lasse", "ring.forget lars-key"]);
  });

  test("missed calls stand on top, are called back, and cleared", async ({ page }) => {
    await open(page, "home", { ring: "missed" });
    const rows = page.getByTestId(testIds.missedCall);
    await expect(rows).toHaveCount(3);
    await expect(rows.nth(1)).toContainText("Not one of your contacts");
    const above = await page.getByTestId(testIds.missed).boundingBox();
    const below = await page.getByTestId(testIds.contacts).boundingBox();
    expect(above?.y ?? NaN).toBeLessThan(below?.y ?? NaN);
    await page.getByRole("button", { name: "Call back Sofia Marin" }).click();
    await page.getByTestId(testIds.cancelCall).click();
    await page.getByTestId(testIds.clearMissed).click();
    await expect(page.getByTestId(testIds.missed)).toHaveCount(0);
    await expect(page.getByTestId(testIds.contacts)).toBeVisible();
    expect(await calls(page)).toEqual(["ring.call sofia-key false", "ring.cancel", "ring.clearMissed"]);
  });

  test("says when nobody can ring, and leads to the setting", async ({ page }) => {
    await open(page, "home", { ring: "contacts-failed", reachable: "" });
    const reach = page.getByTestId(testIds.reach);
    await expect(reach).toHaveText("Nobody can ring you just now. Check your network.");
    await ringing(page, "contacts");
    await expect(reach).toHaveCount(0);
    await open(page, "home", { ring: "contacts-no-server", reachable: "" });
    await expect(reach).toContainText("Name a meeting server under Privacy first.");
    await ringing(page, "contacts-nearby");
    await expect(reach).toHaveCount(0);
    await open(page, "home", { ring: "contacts-nearby-failed", nearby: "" });
    await expect(reach).toHaveText("Nobody on this network can ring you just now. Check that you are connected.");
    await open(page, "home", { ring: "contacts-off", nearby: "" });
    await page.getByTestId(testIds.contacts).waitFor();
    await expect(reach).toHaveCount(0);
    await open(page, "home", { ring: "contacts-off" });
    await expect(reach).toContainText("Nobody can ring you yet.");
    await page.getByTestId(testIds.letRing).click();
    await page.getByTestId(testIds.reachable).click();
    await expect(page.getByTestId(testIds.reachable)).toHaveAttribute("aria-checked", "true");
    await page.getByTestId(testIds.closeSettings).click();
    await expect(reach).toHaveCount(0);
  });
});

test.describe("a call that goes out", () => {
  const told = (page: Page) => page.getByRole("status").filter({ hasText: /\S/ });

  test("is told on the stage and to a screen reader, and keeps the focus", async ({ page }) => {
    await open(page, "alone", { ring: "calling" });
    const stage = page.getByTestId(testIds.outgoing);
    await page.getByTestId(testIds.cancelCall).focus();
    for (const [ring, words] of [
      ["ringing", "Ringing at Amir Rahimi's"],
      ["answered", "Amir Rahimi answered"],
      ["declined", "Amir Rahimi said no this time"],
      ["busy", "Amir Rahimi is in another call"],
      ["no-answer", "Amir Rahimi does not answer"],
      ["unreachable", "Amir Rahimi cannot be reached now"],
      ["failed", "Could not ring"],
    ] as const) {
      await ringing(page, ring);
      await expect(stage.getByRole("heading")).toHaveText(words);
      await expect(told(page)).toContainText([words]);
      await expect(page.getByTestId(testIds.cancelCall)).toBeFocused();
    }
    await expect(page.getByTestId(testIds.linkText)).toHaveCount(0);
  });

  test("shows the words of whoever declined, and then the next thing to do", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await open(page, "alone", { ring: "declined-message" });
    await expect(page.getByTestId(testIds.outgoingMessage)).toHaveText("I am in a meeting. Can we talk after lunch?");
    await expect(page.getByTestId(testIds.callAgain)).toHaveCount(0);
    await page.getByTestId(testIds.outgoingLink).click();
    await expect(page.getByTestId(testIds.toast)).toContainText("Link copied");
    await ringing(page, "no-answer");
    await page.getByTestId(testIds.callAgain).click();
    await expect(page.getByTestId(testIds.outgoing)).toHaveAttribute("data-outgoing", "calling");
    expect(await calls(page)).toEqual(["ring.call amir-key true"]);
  });

  test("gives way to whoever comes in, and comes back to the invitation when it is over", async ({ page }) => {
    await open(page, "alone", { ring: "ringing" });
    await page.evaluate(() => window.fika?.show("one-to-one"));
    await expect(page.getByTestId(testIds.outgoing)).toHaveCount(0);
    await page.evaluate(() => window.fika?.show("alone"));
    await ringing(page, "contacts");
    await expect(page.getByTestId(testIds.linkText)).toBeVisible();
  });

  test("is heard while it rings there and nobody is here", async ({ page }) => {
    const sounding = await listen(page);
    const expectSound = async (ring: RingName, count: number) => {
      await ringing(page, ring);
      expect(await sounding(), ring).toBe(count);
    };
    await open(page, "alone", { ring: "calling" });
    await expectSound("calling", 0);
    await expectSound("ringing", 1);
    await page.evaluate(() => window.fika?.show("one-to-one"));
    await expect(page.locator('[data-tile="amir/camera"]')).toBeVisible();
    expect(await sounding()).toBe(0);
    await page.evaluate(() => window.fika?.show("alone"));
    await expect(page.getByTestId(testIds.outgoing)).toBeVisible();
    expect(await sounding()).toBe(1);
    await expectSound("busy", 0);
    await open(page, "alone", { ring: "ringing", "no-ring-sound": "" });
    expect(await sounding()).toBe(0);
  });
});

test("somebody in the call is saved under a name of mine, once", async ({ page }) => {
  await open(page, "one-to-one");
  const menu = async () => {
    await page.locator('[data-hit="amir"]').click({ button: "right" });
    await page.locator(".menu").waitFor();
  };
  await menu();
  await page.getByTestId(testIds.personItem("save")).click();
  await expect(page.getByTestId(testIds.contactName)).toBeFocused();
  await page.keyboard.type("Amir from work");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId(testIds.toast)).toContainText("Amir from work is one of your contacts now.");
  expect(await calls(page)).toEqual(["ring.save amir Amir from work"]);
  await menu();
  await expect(page.getByTestId(testIds.personItem("save"))).toHaveCount(0);
});

test("nobody is offered to be saved whose key is another's, or does not last", async ({ page }) => {
  for (const state of ["key-changed", "guest-words", "not-verifiable"] as const) {
    await open(page, state);
    await page.locator('[data-hit="amir"]').click({ button: "right" });
    await page.locator(".menu").waitFor();
    await expect(page.getByTestId(testIds.personItem("save")), state).toHaveCount(0);
  }
});

test("the settings say who may ring, and list the contacts", async ({ page }) => {
  await open(page, "home", { ring: "contacts" });
  await page.getByTestId(testIds.settings).click();
  await page.getByTestId(testIds.settingsTab("calls")).click();
  const reach = page.locator(".settings").getByTestId(testIds.reach);
  const nearby = page.locator(".settings").getByTestId(testIds.nearbyReach);
  await expect(reach).toBeEmpty();
  await expect(nearby).toBeEmpty();
  const switches = [
    [testIds.reachable, "false"],
    [testIds.nearby, "false"],
    [testIds.strangersMayRing, "true"],
    [testIds.presence, "false"],
    [testIds.ringSound, "true"],
  ] as const;
  for (const [testId, before] of switches) {
    const control = page.getByTestId(testId);
    await expect(control).toHaveAttribute("aria-checked", before);
    await control.click();
    await expect(control).toHaveAttribute("aria-checked", before === "true" ? "false" : "true");
  }
  await expect(reach).toHaveText("People can ring you now.");
  await expect(nearby).toHaveText("Contacts on this network can ring you now.");
  const row = page.locator('.settings [data-contact="sofia-key"]');
  await row.getByTestId(testIds.renameContact).click();
  await expect(page.getByTestId(testIds.contactName)).toBeFocused();
  await page.keyboard.type("Sofi");
  await page.keyboard.press("Enter");
  await expect(row).toContainText("Sofi");
  await row.getByTestId(testIds.removeContact).click();
  // Only the question goes with Escape, not the settings.
  await page.keyboard.press("Escape");
  await expect(page.getByTestId(testIds.confirmRemoveContact)).toHaveCount(0);
  await row.getByTestId(testIds.removeContact).click();
  await page.getByTestId(testIds.confirmRemoveContact).click();
  await expect(row).toHaveCount(0);
  expect(await calls(page)).toEqual([
    ...switches.map(() => "saveSettings"),
    "ring.rename sofia-key Sofi",
    "ring.forget sofia-key",
  ]);
});
