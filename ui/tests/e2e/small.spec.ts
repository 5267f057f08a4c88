/** The small window: what it shows, how the keyboard goes through it, and what leads back to the big one. */
import { testIds } from "../../src/lib/testids";
import { calls, expect, lastLayout, open, settled, show, test } from "./page";
import { SMALL_WINDOW } from "./states";

test("there and back, by keyboard alone", async ({ page }) => {
  await open(page, "one-to-one");
  const there = page.getByTestId(testIds.smallWindow);
  const back = page.getByTestId(testIds.bigWindow);
  await page.keyboard.press("F6");
  await there.focus();
  await page.keyboard.press("Enter");
  await page.setViewportSize(SMALL_WINDOW);
  await expect(back).toBeFocused();
  await expect(page.locator(".tools")).toHaveCSS("opacity", "1");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByTestId(testIds.leave)).toBeFocused();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId(testIds.toggleMic)).toHaveAttribute("aria-pressed", "false");
  await page.keyboard.press("Control+E");
  await expect(page.getByTestId(testIds.toggleCamera)).toHaveAttribute("aria-pressed", "false");
  // The tooltip is the top layer, then the small window.
  await expect(page.locator(".tip")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator(".tip")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(there).toBeFocused();
  expect(await calls(page)).toEqual([
    "setSmallWindow true",
    "setMicrophone false",
    "setCamera false",
    "setSmallWindow false",
  ]);
});

test("it shows who speaks, or who is pinned, and mine above", async ({ page }) => {
  await page.setViewportSize(SMALL_WINDOW);
  await open(page, "grid-3", { small: "" });
  await settled(page);
  const tiles = async () => (await lastLayout(page)).tiles.map(({ id }) => id);
  expect(await tiles()).toEqual(["sofia/camera", "me/camera"]);
  await show(page, "spotlight");
  await settled(page);
  expect(await tiles()).toEqual(["karin/camera", "me/camera"]);
  await show(page, "alone");
  await settled(page);
  expect(await tiles()).toEqual(["me/camera"]);
});

test("the controls lie over the picture only while they are looked for", async ({ page }) => {
  await open(page, "one-to-one", { video: "cut" });
  // By the pointer, which is then outside.
  await page.getByTestId(testIds.smallWindow).click();
  await page.setViewportSize(SMALL_WINDOW);
  const tools = page.locator(".tools");
  const declared = async () => {
    await settled(page);
    return (await lastLayout(page)).overlays.some(({ width }) => width === SMALL_WINDOW.width - 22);
  };
  await expect(tools).toHaveCSS("opacity", "0");
  expect(await declared()).toBe(false);
  await page.mouse.move(100, 60);
  await expect(tools).toHaveCSS("opacity", "1");
  expect(await declared()).toBe(true);
  await page.mouse.move(100, 400);
  await expect(tools).toHaveCSS("opacity", "0");
  await show(page, "muted");
  await expect(tools).toHaveCSS("opacity", "1");
});

test("what the small window has no room for brings the big one back", async ({ page }) => {
  await open(page, "host", { small: "" });
  await page.getByTestId(testIds.leave).click();
  await expect(page.getByTestId(testIds.endForAll)).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByTestId(testIds.smallWindow).click();
  await page.keyboard.press("Control+Alt+C");
  await expect(page.locator(".chat")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByTestId(testIds.smallWindow).click();
  await show(page, "ended");
  expect((await calls(page)).filter((call) => call.startsWith("setSmall"))).toEqual([
    "setSmallWindow false",
    "setSmallWindow true",
    "setSmallWindow false",
    "setSmallWindow true",
    "setSmallWindow false",
  ]);
});
