/** What the page reports of its tiles, and that everything fits. */
import { testIds } from "../../src/lib/testids";
import { calls, expect, lastLayout, layouts, open, settled, show, test } from "./page";
import { calls as inCall, SMALL_WINDOW, stateNames } from "./states";

test("tiles are reported where they stand, the self view above", async ({ page }) => {
  await open(page, "one-to-one");
  await settled(page);
  const { tiles, overlays, devicePixelRatio } = await lastLayout(page);
  expect(devicePixelRatio).toBe(1);
  expect(tiles.map(({ id, mirror, z, fit }) => ({ id, mirror, z, fit }))).toEqual([
    { id: "amir/camera", mirror: false, z: 0, fit: "cover" },
    { id: "me/camera", mirror: true, z: 1, fit: "cover" },
  ]);
  for (const tile of tiles) {
    const box = await page.locator(`[data-tile="${tile.id}"] .picture`).boundingBox();
    expect([tile.x, tile.y, tile.width, tile.height].map((v) => Math.round(v ?? -1))).toEqual(
      [box?.x, box?.y, box?.width, box?.height].map((v) => Math.round(v ?? -2)),
    );
    expect(tile.radius).toBe(tile.id === "me/camera" ? 18 : 26);
  }
  // Two name labels and the menu button of the self view lie over video.
  expect(overlays.length).toBeGreaterThanOrEqual(2);
});

test("menus over video are declared while they are open", async ({ page }) => {
  await open(page, "one-to-one");
  await page.getByTestId(testIds.view).click();
  await page.locator(".menu").waitFor();
  await settled(page);
  const box = await page.locator(".menu").boundingBox();
  const declared = async () =>
    (await lastLayout(page)).overlays.some(
      ({ x, width }) => Math.abs((x ?? 0) - (box?.x ?? -1)) < 1 && Math.abs((width ?? 0) - (box?.width ?? -1)) < 1,
    );
  expect(await declared()).toBe(true);
  await page.keyboard.press("Escape");
  await settled(page);
  expect(await declared()).toBe(false);
});

test("a still call reports nothing, whatever the levels do", async ({ page }) => {
  await open(page, "one-to-one");
  await settled(page);
  const before = (await layouts(page)).length;
  const elapsed = page.getByTestId(testIds.elapsed);
  const now = await elapsed.textContent();
  await expect(elapsed).not.toHaveText(now ?? "");
  expect((await layouts(page)).length).toBe(before);
});

test("a camera that is off is no tile", async ({ page }) => {
  await open(page, "muted");
  await settled(page);
  expect((await lastLayout(page)).tiles).toEqual([]);
});

test("the self view is dragged to a corner and sent there by menu", async ({ page }) => {
  await open(page, "one-to-one");
  const tile = page.locator('[data-tile="me/camera"]');
  const box = await tile.boundingBox();
  if (!box) throw new Error("no self view");
  await page.mouse.move(box.x + 60, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(200, 160, { steps: 4 });
  await page.mouse.up();
  await settled(page);
  const moved = (await lastLayout(page)).tiles.find(({ id }) => id === "me/camera");
  expect([moved?.x, moved?.y].map((v) => Math.round(v ?? -1))).toEqual([30, 74]);
  await page.getByTestId(testIds.selfViewMenu).click();
  await page.getByRole("menuitemradio", { name: "Top right" }).click();
  await settled(page);
  const sent = (await lastLayout(page)).tiles.find(({ id }) => id === "me/camera");
  expect(sent?.x).toBeGreaterThan(900);
  expect(await calls(page)).toEqual(["saveSettings", "saveSettings"]);
  await page.getByTestId(testIds.view).click();
  await page.getByRole("menuitemcheckbox", { name: "Show my picture" }).click();
  await expect(tile).toHaveCount(0);
});

const windows = [
  { name: "360 × 640", size: { width: 360, height: 640 } },
  { name: "200 % of 1280 × 800", size: { width: 640, height: 400 } },
  { name: "1024 × 700", size: { width: 1024, height: 700 } },
];
for (const { name, size } of windows) {
  for (const lang of ["en", "sv"] as const) {
    test(`everything fits in ${name}, ${lang}`, async ({ page }) => {
      await page.setViewportSize(size);
      await open(page, "home", { lang });
      for (const state of stateNames) {
        await show(page, state);
        expect.soft(await page.evaluate(overflows), state).toEqual([]);
      }
    });
  }
}

test("everything fits in the small window", async ({ page }) => {
  await page.setViewportSize(SMALL_WINDOW);
  await open(page, "one-to-one", { lang: "sv", small: "" });
  for (const state of inCall) {
    await show(page, state);
    expect.soft(await page.evaluate(overflows), state).toEqual([]);
  }
});

/** Elements that stick out of the window sideways, and buttons whose words are cut. */
function overflows(): string[] {
  const found: string[] = [];
  for (const element of document.querySelectorAll<HTMLElement>("#app *")) {
    const { left, right, width } = element.getBoundingClientRect();
    if (width > 1 && !element.closest(".vh, .toasts, .meter") && getComputedStyle(element).visibility === "visible") {
      if (left < -1 || right > innerWidth + 1)
        found.push(`${element.tagName}.${element.className} ${left} to ${right}`);
    }
    if (element.tagName === "BUTTON" && element.scrollWidth > element.clientWidth + 1 && width > 60) {
      found.push(`cut: ${element.textContent?.trim()}`);
    }
  }
  return found;
}
