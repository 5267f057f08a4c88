/** The page in use: by keyboard alone, by pointer, by shortcut. */
import type { Page } from "@playwright/test";

import { testIds } from "../../src/lib/testids";
import { calls, expect, lastLayout, open, settled, test } from "./page";

const LINK = "http://192.168.1.5:7420/j/kafe-buls-tkrk-aqe2#BwcHBwcHBwcHBwcHBwcHBw";
const focused = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? "");

/** Presses Tab until the element has the focus: everything must be reachable. */
async function tabTo(page: Page, testId: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if ((await focused(page)) === testId) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${testId} is not reachable by Tab`);
}

test("a whole call by keyboard alone", async ({ page }) => {
  await open(page, "home");
  await tabTo(page, testIds.startCall);
  await page.keyboard.press("Enter");
  await expect(page.locator('[data-phase="lobby"]')).toBeVisible();
  await tabTo(page, testIds.toggleCamera);
  await page.keyboard.press("Space");
  await expect(page.getByTestId(testIds.toggleCamera)).toHaveAttribute("aria-pressed", "false");
  await tabTo(page, testIds.joinNow);
  await page.keyboard.press("Enter");
  await expect(page.locator('[data-phase="inCall"]')).toBeVisible();
  await tabTo(page, testIds.toggleMic);
  await page.keyboard.press("End");
  expect(await focused(page)).toBe(testIds.leave);
  await page.keyboard.press("ArrowLeft");
  expect(await focused(page)).toBe(testIds.more);
  await page.keyboard.press("Home");
  expect(await focused(page)).toBe(testIds.toggleMic);
  await page.keyboard.press("ArrowLeft");
  expect(await focused(page)).toBe(testIds.leave);
  await page.keyboard.press("Enter");
  await expect(page.getByTestId(testIds.ended)).toBeVisible();
  await tabTo(page, testIds.goHome);
  await page.keyboard.press("Enter");
  await expect(page.locator('[data-phase="home"]')).toBeVisible();
  expect(await calls(page)).toEqual(["newCall", "setCamera false", "join", "leave", "home"]);
});

test("a pasted link goes to the lobby", async ({ page }) => {
  await open(page, "home");
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData("text", text);
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, `Join me: ${LINK}.`);
  await expect(page.getByTestId(testIds.joinLinkInput)).toHaveValue(LINK);
  await page.keyboard.press("Enter");
  await expect(page.locator('[data-phase="lobby"]')).toBeVisible();
  expect(await calls(page)).toEqual([`openInvite ${LINK}`]);
});

test("a refused link says why, keeps the text and the focus", async ({ page }) => {
  await open(page, "home");
  const input = page.getByTestId(testIds.joinLinkInput);
  await input.fill("hello");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId(testIds.linkError)).toContainText("This is not a Fika link");
  await expect(input).toBeFocused();
  await expect(input).toHaveValue("hello");
  await expect(input).toHaveAttribute("aria-invalid", "true");
  await input.press("End");
  await page.keyboard.type("!");
  await expect(page.getByTestId(testIds.linkError)).toHaveCount(0);
});

test("shortcuts reach microphone, camera, people, help and leave", async ({ page }) => {
  await open(page, "one-to-one");
  await page.keyboard.press("Control+d");
  await expect(page.getByTestId(testIds.toggleMic)).toHaveText("Unmute");
  await page.keyboard.press("Control+e");
  await expect(page.getByTestId(testIds.toggleCamera)).toHaveText("Start video");
  await page.keyboard.press("Control+Alt+p");
  await expect(page.getByTestId(testIds.peoplePanel)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByTestId(testIds.peoplePanel)).toHaveCount(0);
  await page.keyboard.press("Control+/");
  await expect(page.getByRole("dialog")).toContainText("Keyboard shortcuts");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("Control+Shift+L");
  await expect(page.getByRole("dialog")).toContainText("Leave the call?");
  await page.keyboard.press("Escape");
  await expect(page.locator('[data-phase="inCall"]')).toBeVisible();
  await page.keyboard.press("Control+Shift+L");
  await page.getByTestId(testIds.confirmLeave).click();
  await expect(page.getByTestId(testIds.ended)).toBeVisible();
  expect(await calls(page)).toEqual(["setMicrophone false", "setCamera false", "leave"]);
});

test("push to talk opens the microphone while it is held", async ({ page }) => {
  await open(page, "muted");
  await page.keyboard.down("Control");
  await page.keyboard.down("Space");
  await expect(page.getByTestId(testIds.toggleMic)).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.up("Space");
  await page.keyboard.up("Control");
  await expect(page.getByTestId(testIds.toggleMic)).toHaveAttribute("aria-pressed", "false");
  expect(await calls(page)).toEqual(["setMicrophone true", "setMicrophone false"]);
});

test("full screen hides the controls until something moves", async ({ page }) => {
  await page.clock.install();
  await open(page, "one-to-one");
  const leave = page.getByTestId(testIds.leave);
  await page.keyboard.press("F11");
  await expect(leave).toBeVisible();
  await page.clock.fastForward(3100);
  await expect(leave).toBeHidden();
  expect((await page.locator(".stage").boundingBox())?.height).toBe(800);
  await page.mouse.move(300, 300);
  await expect(leave).toBeVisible();
  await leave.focus();
  await page.clock.fastForward(3100);
  await expect(leave).toBeVisible();
  // The first closes the button's tooltip, which is the top layer.
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  expect(await calls(page)).toEqual(["setFullscreen true", "setFullscreen false"]);
});

test("F6 goes around the regions", async ({ page }) => {
  await open(page, "one-to-one");
  await page.getByTestId(testIds.people).click();
  const region = () =>
    page.evaluate(() => document.activeElement?.closest<HTMLElement>("[data-region]")?.dataset.region);
  const seen = [];
  for (let step = 0; step < 4; step++) {
    await page.keyboard.press("F6");
    seen.push(await region());
  }
  expect([...seen].sort()).toEqual(["header", "panel", "stage", "toolbar"]);
  await page.keyboard.press("Shift+F6");
  expect(await region()).toBe(seen[2]);
});

test("dialogs keep the focus and give it back", async ({ page }) => {
  await open(page, "home");
  await tabTo(page, testIds.settings);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeVisible();
  for (let press = 0; press < 30; press++) {
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest('[role="dialog"]') !== null)).toBe(true);
  }
  await page.keyboard.press("Escape");
  await expect(page.getByTestId(testIds.settings)).toBeFocused();
});

test("settings take effect at once", async ({ page }) => {
  await open(page, "home");
  await page.getByTestId(testIds.settings).click();
  await page.getByTestId(testIds.settingsTab("appearance")).click();
  await page.getByTestId("theme-light").click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await page.getByTestId("contrast-more").click();
  await expect(page.locator("html")).toHaveAttribute("data-contrast", "more");
  await page.getByTestId(testIds.settingsTab("language")).click();
  await page.getByTestId("language-sv").click();
  await expect(page.locator("html")).toHaveAttribute("lang", "sv");
  await expect(page.getByRole("dialog")).toContainText("Inställningar");
  await page.getByTestId(testIds.closeSettings).click();
  await expect(page.getByTestId(testIds.startCall)).toHaveText("Starta ett samtal");
});

test("pictures are left to the page where the app draws them itself", async ({ page }) => {
  for (const [platform, shown] of [
    ["linux", 1],
    ["macos", 0],
  ] as const) {
    await open(page, "home", { platform });
    await page.getByTestId(testIds.settings).click();
    await page.getByTestId(testIds.settingsTab("appearance")).click();
    const setting = page.getByTestId("draw-in-page");
    await expect(setting).toHaveCount(shown);
    if (shown === 0) continue;
    await setting.click();
    await expect(setting).toHaveAttribute("aria-checked", "true");
    expect(await calls(page)).toEqual(["saveSettings"]);
  }
});

test("devices are picked and tested in the lobby", async ({ page }) => {
  await open(page, "lobby");
  await page.getByTestId(testIds.deviceSelect("camera")).click();
  await page.getByTestId(testIds.deviceOption("internal")).click();
  await expect(page.getByTestId(testIds.deviceSelect("camera"))).toContainText("Integrated Camera");
  await page.getByTestId(testIds.testSound).click();
  await expect(page.getByTestId(testIds.verdict)).toContainText("Played");
  await page.getByTestId(testIds.nameInput).fill("Elin");
  await page.keyboard.press("Tab");
  expect(await calls(page)).toEqual(["selectDevice camera internal", "playTestSound", "setName Elin"]);
});

test("the microphone meter moves", async ({ page }) => {
  await open(page, "lobby");
  const meter = page.getByTestId(testIds.microphoneMeter);
  const first = await meter.getAttribute("aria-valuenow");
  await expect(meter).not.toHaveAttribute("aria-valuenow", first ?? "");
});

test("a recent call is opened again from home", async ({ page }) => {
  await open(page, "one-to-one");
  await page.getByTestId(testIds.leave).click();
  await page.getByTestId(testIds.goHome).click();
  await page.getByTestId(testIds.recent).getByRole("button", { name: "Open the call again with Amir" }).click();
  await expect(page.locator('[data-phase="lobby"]')).toBeVisible();
  expect(await calls(page)).toEqual(["leave", "home", `openInvite ${LINK}`]);
});

test("a call is rated, and the report that is copied names nobody", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(page, "one-to-one");
  await page.evaluate(() => {
    for (let second = 1451; second <= 1560; second++) window.fika?.view({ connectedForMs: second * 1000 });
  });
  await page.getByTestId(testIds.leave).click();
  await expect(page.getByTestId(testIds.qualityCard)).toContainText("Good all the way");
  await expect(page.getByTestId(testIds.copyReport)).toHaveCount(0);
  await page.getByTestId(testIds.rating("bad")).click();
  await expect(page.getByTestId(testIds.rating("bad"))).toHaveAttribute("aria-pressed", "true");
  await page.getByTestId(testIds.copyReport).click();
  await expect(page.getByTestId(testIds.toast)).toContainText("Report copied");
  const report = await page.evaluate(() => navigator.clipboard.readText());
  expect(JSON.parse(report)).toMatchObject({
    rating: "bad",
    seconds: 1560,
    people: 2,
    minutes: [
      [24, 50, 0, 0],
      [25, 60, 0, 0],
      [26, 1, 0, 0],
    ],
  });
  expect(report).not.toMatch(/amir|elin|192\.168|http/i);
});

test("my picture is in the settings while they are open, and then on the stage again", async ({ page }) => {
  for (const video of ["", "cut", "blend"]) {
    await open(page, "one-to-one", video ? { video } : {});
    const tiles = async () => {
      await settled(page);
      return (await lastLayout(page)).tiles.filter(({ id }) => id === "me/camera");
    };
    const before = await tiles();
    await page.getByTestId(testIds.more).click();
    await page.getByTestId(testIds.settings).click();
    await page.getByTestId(testIds.settingsTab("devices")).click();
    const preview = page.locator('.settings [data-tile="me/camera"]');
    await expect(preview).toHaveAttribute("data-picture", "true");
    const box = await preview.boundingBox();
    expect((await tiles()).map(({ x, z }) => [x, z])).toEqual([[box?.x, 101]]);
    await page.getByTestId(testIds.closeSettings).click();
    expect(await tiles()).toEqual(before);
    await expect(page.locator('[data-tile="me/camera"]')).toHaveAttribute("data-picture", "true");
  }
});

test("a busy camera is retried, and joining works without it", async ({ page }) => {
  await open(page, "lobby-camera-busy");
  await expect(page.getByTestId(testIds.verdict)).toContainText("One thing to fix");
  await expect(page.getByTestId(testIds.joinNow)).toHaveText("Join without camera");
  await page.getByTestId(testIds.retryCamera).click();
  await expect(page.getByTestId(testIds.joinNow)).toHaveText("Join now");
  await expect(page.locator('[data-tile="me/camera"] canvas')).toBeVisible();
});

test("a lost connection offers to join again", async ({ page }) => {
  await open(page, "lost");
  await page.getByTestId(testIds.rejoin).click();
  expect(await calls(page)).toEqual(["rejoin"]);
  await expect(page.getByTestId(testIds.banner)).toHaveCount(0);
});

test("a server that does not answer is tried again, a room that opens shows it", async ({ page }) => {
  await open(page, "no-server");
  await page.getByTestId(testIds.rejoin).click();
  expect(await calls(page)).toEqual(["newCall"]);
  await open(page, "home-opening");
  await expect(page.getByTestId(testIds.startCall)).toHaveAttribute("aria-busy", "true");
  await page.getByTestId(testIds.startCall).focus();
  await page.keyboard.press("Enter");
  expect(await calls(page)).toEqual([]);
});

test("while reconnecting the banner, header and toolbar take the focus, and leaving works", async ({ page }) => {
  await open(page, "reconnecting");
  const visited = new Set<string | undefined>();
  for (let press = 0; press < 12; press++) {
    await page.keyboard.press("Tab");
    visited.add(
      await page.evaluate(() => document.activeElement?.closest<HTMLElement>("[data-region]")?.dataset.region),
    );
  }
  visited.delete(undefined);
  expect([...visited].sort()).toEqual(["header", "stage", "toolbar"]);
  await page.getByTestId(testIds.bannerAction).click();
  expect(await calls(page)).toEqual(["rejoin"]);
  await open(page, "reconnecting");
  await page.getByTestId(testIds.leave).click();
  await expect(page.getByTestId(testIds.ended)).toBeVisible();
});

test("at most two messages, the oldest gives way", async ({ page }) => {
  await page.clock.install();
  await open(page, "one-to-one");
  await page.clock.pauseAt(Date.now() + 3_600_000);
  await page.evaluate(() => {
    for (const name of ["Amir", "Sofia", "Jonas"]) window.fika?.notify({ type: "joined", name });
  });
  await expect(page.getByTestId(testIds.toast)).toHaveCount(2);
  await expect(page.getByTestId(testIds.toast)).toContainText(["Sofia came in", "Jonas came in"]);
  await page.clock.runFor(3000);
  await expect(page.getByRole("status").filter({ hasText: "Amir, Sofia and Jonas came in" })).toBeAttached();
  await page.clock.runFor(2000);
  await expect(page.getByTestId(testIds.toast)).toHaveCount(0);
});

test("the time in the call goes on between snapshots", async ({ page }) => {
  await open(page, "one-to-one");
  const elapsed = page.getByTestId(testIds.elapsed);
  await expect(elapsed).toHaveText(/^24:1\d$/);
  const first = await elapsed.textContent();
  await expect(elapsed).not.toHaveText(first ?? "");
});
