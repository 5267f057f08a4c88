/**
 * Where the window paints the pictures over the page, a thing that is not declared is invisible. So in every state, menu,
 * dialog and message everything over video must be declared, and these checks must be able to fail.
 */
import type { Page } from "@playwright/test";

import { testIds } from "../../src/lib/testids";
import { painted, uncovered } from "./covered";
import { extras } from "./extra";
import { OUTGOING, ringing } from "./extra-ring";
import { expect, lastLayout, open, settled, show, test, type Options } from "./page";
import { calls, SMALL_WINDOW, stateNames } from "./states";

async function expectCovered(page: Page, what: string): Promise<void> {
  await settled(page);
  if ((await lastLayout(page)).tiles.length === 0) return;
  expect.soft(await uncovered(page), what).toEqual([]);
  expect.soft(await painted(page), `${what}, pixels`).toEqual([]);
}

const windows: { name: string; size: { width: number; height: number }; options: Options }[] = [
  { name: "1280 × 800", size: { width: 1280, height: 800 }, options: {} },
  { name: "light, more contrast", size: { width: 1280, height: 800 }, options: { theme: "light", contrast: "more" } },
  { name: "360 × 640, Swedish", size: { width: 360, height: 640 }, options: { lang: "sv" } },
  { name: "200 %", size: { width: 640, height: 400 }, options: {} },
];
for (const { name, size, options } of windows) {
  test(`every state, ${name}`, async ({ page }) => {
    test.slow();
    await page.setViewportSize(size);
    await open(page, "home", { ...options, video: "cut" });
    let tiles = 0;
    for (const state of stateNames) {
      await show(page, state);
      await expectCovered(page, state);
      tiles += (await lastLayout(page)).tiles.length;
    }
    expect(tiles).toBeGreaterThan(20);
  });
}

for (const options of [{}, { theme: "light", contrast: "more", lang: "sv" }] as const) {
  test(`every call in the small window, ${JSON.stringify(options)}`, async ({ page }) => {
    await page.setViewportSize(SMALL_WINDOW);
    await open(page, "one-to-one", { ...options, small: "", video: "cut" });
    for (const state of calls) {
      await show(page, state);
      await expectCovered(page, state);
      await page.locator("main.small").hover({ position: { x: 100, y: 60 } });
      await expectCovered(page, `${state}, under the pointer`);
      await page.mouse.move(0, 0);
    }
    await show(page, "alone");
    for (const ring of OUTGOING) {
      await ringing(page, ring);
      await expectCovered(page, ring);
    }
    await show(page, "speaking");
    await page.keyboard.press("Tab");
    await page.getByTestId(testIds.leave).focus();
    await expectCovered(page, "by the keyboard");
  });
}

for (const { name, state, reach } of extras) {
  test(name, async ({ page }) => {
    await open(page, state, { video: "cut" });
    await reach(page);
    await expectCovered(page, name);
  });
}

for (const testId of [testIds.view, testIds.micMenu, testIds.leave, testIds.qualityChip]) {
  test(`focus and tooltip of ${testId}`, async ({ page }) => {
    await open(page, "one-to-one", { video: "cut" });
    await page.keyboard.press("Tab");
    await page.getByTestId(testId).focus();
    await expectCovered(page, testId);
  });
}

test("the focus ring around a switch on the picture", async ({ page }) => {
  await open(page, "lobby", { video: "cut" });
  const before = (await lastLayout(page)).overlays;
  await page.keyboard.press("Tab");
  await page.getByTestId(testIds.toggleCamera).focus();
  await expectCovered(page, "focused");
  const { overlays } = await lastLayout(page);
  // The ring is 2.5 px wide (Chromium rounds it) and 2 px away, on each side.
  const widths = (all: typeof overlays) =>
    all.map(({ width }) => width ?? 0).filter((width) => width > 50 && width < 70);
  expect(widths(before)).toEqual([56, 56]);
  expect(widths(overlays)).toHaveLength(2);
  expect(Math.max(...widths(overlays))).toBeGreaterThan(63);
});

test("what shows up under the pointer", async ({ page }) => {
  await open(page, "one-to-one", { video: "cut" });
  const count = async () => {
    await settled(page);
    return (await lastLayout(page)).overlays.length;
  };
  const before = await count();
  await page.locator('[data-tile="me/camera"]').hover();
  expect(await count()).toBe(before + 1);
  await expectCovered(page, "hovered");
  // Over the other's picture there is a menu too; over the header there is none.
  await page.mouse.move(640, 5);
  expect(await count()).toBe(before);
});

test("my picture while it is dragged, and in each corner", async ({ page }) => {
  await open(page, "one-to-one", { video: "cut" });
  for (const [x, y] of [
    [100, 100],
    [1200, 100],
    [100, 640],
    [640, 400],
  ] as const) {
    const box = await page.locator('[data-tile="me/camera"]').boundingBox();
    if (!box) throw new Error("no self view");
    await page.mouse.move(box.x + 60, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(x, y, { steps: 3 });
    await expectCovered(page, `dragged to ${x}, ${y}`);
    await page.mouse.up();
    await expectCovered(page, `dropped at ${x}, ${y}`);
  }
});

test("what moves because something else changes", async ({ page }) => {
  await open(page, "lobby", { video: "cut" });
  await settled(page);
  const place = async () => {
    await settled(page);
    const { tiles } = await lastLayout(page);
    const box = await page.locator(".picture").boundingBox();
    expect(tiles[0]?.y).toBeCloseTo(box?.y ?? NaN, 1);
    return tiles[0]?.y;
  };
  const before = await place();
  // The card of the own room makes the other column longer, and both stand in the middle.
  await show(page, "lobby-mine");
  await page.setViewportSize({ width: 1280, height: 1000 });
  const wide = await place();
  await show(page, "lobby-sound-missing");
  const after = await place();
  expect(new Set([before, wide, after]).size).toBe(3);
  await expectCovered(page, "moved");
});

test("the lobby and the stage scrolled under their bars", async ({ page }) => {
  await page.setViewportSize({ width: 640, height: 400 });
  for (const [state, scroller] of [
    ["lobby-mine", ".lobby"],
    ["alone", ".alone"],
  ] as const) {
    await open(page, state, { video: "cut" });
    for (const top of [40, 120, 1000]) {
      await page.locator(scroller).evaluate((element, to) => (element.scrollTop = to), top);
      await expectCovered(page, `${state} at ${top}`);
    }
  }
});

test("full screen, with and without its controls", async ({ page }) => {
  await page.clock.install();
  for (const state of ["one-to-one", "speaking", "grid-4", "reconnecting"] as const) {
    await open(page, state, { video: "cut" });
    await page.keyboard.press("F11");
    await expectCovered(page, `${state} with controls`);
    await page.clock.fastForward(3100);
    await expect(page.getByTestId(testIds.leave)).toBeHidden();
    await expectCovered(page, `${state} without controls`);
  }
});

test.describe("the checks find", () => {
  test("a thing that nobody has declared", async ({ page }) => {
    await open(page, "one-to-one", { video: "cut" });
    await settled(page);
    await page.evaluate(() => {
      const badge = document.createElement("b");
      badge.className = "undeclared";
      badge.textContent = "New";
      document.querySelector('[data-tile="amir/camera"]')?.append(badge);
      Object.assign(badge.style, { position: "absolute", left: "300px", top: "200px" });
    });
    expect(await uncovered(page)).toEqual(["b.undeclared over amir/camera"]);
    expect(await painted(page)).toEqual([expect.stringContaining("pixels over amir/camera")]);
  });

  test("an overlay that is missing, lies too low, too far away, or is too faint", async ({ page }) => {
    await open(page, "one-to-one", { video: "cut" });
    await page.getByTestId(testIds.view).click();
    await page.locator(".menu").waitFor();
    await settled(page);
    const layout = await lastLayout(page);
    expect(await uncovered(page, layout)).toEqual([]);
    const spoilt = (change: (menu: (typeof layout.overlays)[number]) => object | null) => ({
      ...layout,
      overlays: layout.overlays.flatMap((overlay) => {
        const next = overlay.z === 255 ? change(overlay) : {};
        return next ? [{ ...overlay, ...next }] : [];
      }),
    });
    for (const change of [
      () => null,
      () => ({ z: -1 }),
      ({ x }: { x: number | null }) => ({ x: (x ?? 0) + 20 }),
      () => ({ opacity: 0.9 }),
    ]) {
      expect(await uncovered(page, spoilt(change))).toContainEqual(expect.stringMatching(/over amir\/camera/));
    }
  });

  test("a chip whose overlay lies under its own tile", async ({ page }) => {
    await open(page, "one-to-one", { video: "cut" });
    await settled(page);
    const layout = await lastLayout(page);
    const low = { ...layout, overlays: layout.overlays.map((overlay) => ({ ...overlay, z: 0 })) };
    const found = await uncovered(page, low);
    expect(found).not.toEqual([]);
    for (const each of found) expect(each).toMatch(/over me\/camera/);
  });

  test("a shadow, a ring and a part that only style paints", async ({ page }) => {
    for (const css of [
      ".self { box-shadow: 0 0 0 12px red !important }",
      ".nm { box-shadow: 4px 4px 0 3px red }",
      ".self::before { content: ''; position: absolute; inset: -20px; border: 2px solid red }",
    ]) {
      await open(page, "one-to-one", { video: "cut" });
      await settled(page);
      await page.evaluate((text) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(text);
        document.adoptedStyleSheets.push(sheet);
      }, css);
      expect(await painted(page), css).not.toEqual([]);
    }
  });
});
