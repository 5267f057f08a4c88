/** Pictures that the window paints: no canvas on the page, transparent where they lie beneath, switched at any time. */
import type { Page } from "@playwright/test";

import { testIds } from "../../src/lib/testids";
import { extras } from "./extra";
import { expect, lastLayout, layouts, open, settled, show, test } from "./page";
import { stateNames } from "./states";

/** What is opaque beneath a picture, and would hide it. Runs in the page. */
function hiding(): string[] {
  const STEP = 12;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { pointer-events: auto !important } #fake-window { display: none !important }");
  document.adoptedStyleSheets.push(sheet);
  const found = new Set<string>();
  const name = (element: Element) => `${element.tagName.toLowerCase()}.${String(element.getAttribute("class"))}`;
  const seen = new Map<Element, boolean>();
  const opaque = (element: Element): boolean => {
    let answer = seen.get(element);
    if (answer === undefined) {
      const { backgroundColor, backgroundImage } = getComputedStyle(element);
      answer = !/, 0\)$/.test(backgroundColor) || backgroundImage !== "none";
      seen.set(element, answer);
    }
    return answer;
  };
  for (const { id, x, y, width, height } of window.fika?.layouts.at(-1)?.tiles ?? []) {
    const picture = Array.from(document.querySelectorAll(`[data-tile="${id}"] .picture`)).find(
      (element) => Math.abs(element.getBoundingClientRect().x - (x ?? 0)) < 1,
    );
    if (!picture) {
      found.add(`${id} has no box`);
      continue;
    }
    for (let element: Element | null = picture; element; element = element.parentElement) {
      if (opaque(element)) found.add(`${name(element)} holds ${id}`);
    }
    for (let px = (x ?? 0) + 9; px < (x ?? 0) + (width ?? 0) - 8; px += STEP) {
      for (let py = (y ?? 0) + 9; py < (y ?? 0) + (height ?? 0) - 8; py += STEP) {
        const stack = document.elementsFromPoint(px, py);
        const at = stack.findIndex((element) => picture.contains(element));
        // Covered, or scrolled away.
        if (at < 0) continue;
        for (const element of stack.slice(at)) if (opaque(element)) found.add(`${name(element)} beneath ${id}`);
      }
    }
  }
  document.adoptedStyleSheets.pop();
  return [...found];
}

async function expectSeen(page: Page, what: string): Promise<void> {
  await settled(page);
  expect.soft(await page.evaluate(hiding), what).toEqual([]);
}

test("nothing hides a picture beneath the page, in any state", async ({ page }) => {
  await open(page, "home", { video: "blend" });
  for (const state of stateNames) {
    await show(page, state);
    await expectSeen(page, state);
  }
});

for (const { name, state, reach } of extras) {
  test(`nothing hides a picture beneath the page: ${name}`, async ({ page }) => {
    await open(page, state, { video: "blend" });
    await reach(page);
    await expectSeen(page, name);
  });
}

test("the page is opaque again when the pictures are gone, and the check can fail", async ({ page }) => {
  await open(page, "one-to-one", { video: "blend" });
  await expectSeen(page, "a call");
  expect(await page.locator("[data-see-through]").count()).toBeGreaterThan(5);
  await page.evaluate(() => delete document.documentElement.dataset.video);
  expect(await page.evaluate(hiding)).not.toEqual([]);
  await show(page, "home");
  await expect(page.locator("[data-see-through]")).toHaveCount(0);
});

test("my picture shows through the tile of someone without a picture, also while it is dragged", async ({ page }) => {
  await open(page, "one-to-one", { video: "blend" });
  await page.evaluate(() => {
    const { participants } = window.fika?.current() ?? { participants: [] };
    window.fika?.view({ participants: participants.map((each) => ({ ...each, cameraOn: false, hasVideo: false })) });
  });
  await expect(page.locator('[data-tile="amir/camera"] .picture')).toHaveCount(0);
  await expectSeen(page, "in its corner");
  const tile = page.locator('[data-tile="amir/camera"]');
  const clip = () => tile.evaluate((element: HTMLElement) => element.style.clipPath);
  const before = await clip();
  expect(before).toContain("path(");
  await page.mouse.move(1100, 620);
  await page.mouse.down();
  await page.mouse.move(700, 300, { steps: 3 });
  await expectSeen(page, "dragged");
  expect(await clip()).not.toBe(before);
  await page.mouse.up();
  await page.keyboard.press("Control+e");
  await expect(page.locator(".picture")).toHaveCount(0);
  await expect.poll(clip).toBe("");
});

for (const video of ["cut", "blend"]) {
  test(`no canvas on the page (${video}), and pictures come and go`, async ({ page }) => {
    await open(page, "one-to-one", { video });
    await expect(page.locator("html")).toHaveAttribute("data-video", `native-${video}`);
    await expect(page.locator("body canvas")).toHaveCount(0);
    await expect(page.locator('[data-picture="true"]')).toHaveCount(2);
    await page.keyboard.press("Control+e");
    await expect(page.locator('[data-tile="me/camera"]')).toHaveAttribute("data-picture", "false");
    await page.keyboard.press("Control+e");
    await expect(page.locator('[data-tile="me/camera"]')).toHaveAttribute("data-picture", "true");
  });
}

test("the way pictures come is switched while the call goes on", async ({ page }) => {
  await open(page, "one-to-one");
  await settled(page);
  const elapsed = await page.getByTestId(testIds.elapsed).textContent();
  for (const [video, mode, canvases] of [
    ["cut", "native-cut", 0],
    ["blend", "native-blend", 0],
    ["", "websocket", 2],
    ["blend", "native-blend", 0],
  ] as const) {
    const before = await layouts(page);
    await page.evaluate((name) => window.fika?.video(name), video);
    await expect(page.locator("html")).toHaveAttribute("data-video", mode);
    await expect(page.locator("body canvas")).toHaveCount(canvases);
    await expect(page.locator('[data-picture="true"]')).toHaveCount(2);
    await settled(page);
    const after = await layouts(page);
    expect(after.length, "the layout is told again").toBeGreaterThan(before.length);
    expect(after.at(-1)?.tiles).toEqual(before.at(-1)?.tiles);
  }
  expect(elapsed).toMatch(/^24:/);
  await expect(page.locator('[data-phase="inCall"]')).toBeVisible();
});

test("tiles are told when they stand still and dark, and the stage's colour", async ({ page }) => {
  await open(page, "one-to-one", { video: "cut" });
  await settled(page);
  let layout = await lastLayout(page);
  expect(layout.tiles.map(({ dim, zoom }) => [dim, zoom])).toEqual([
    [false, null],
    [false, null],
  ]);
  expect(layout.stage).toEqual({ r: 13, g: 11, b: 10 });
  await show(page, "reconnecting");
  await settled(page);
  expect((await lastLayout(page)).tiles.map(({ dim }) => dim)).toEqual([true, true]);
  await page.evaluate(() => void (document.documentElement.dataset.theme = "light"));
  await settled(page);
  expect((await lastLayout(page)).stage).toEqual({ r: 233, g: 230, b: 224 });
  await show(page, "lobby");
  await settled(page);
  layout = await lastLayout(page);
  expect(layout.stage).toEqual({ r: 242, g: 240, b: 236 });
});

test("the backdrop of a dialog lets the video shine through as it is drawn", async ({ page }) => {
  await open(page, "one-to-one", { video: "cut" });
  await page.keyboard.press("Control+Shift+L");
  await page.getByTestId(testIds.confirmLeave).waitFor();
  await settled(page);
  const { overlays } = await lastLayout(page);
  const [backdrop, dialog] = overlays.filter(({ z, width }) => z === 255 && (width ?? 0) > 400).slice(-2);
  expect([backdrop?.opacity, backdrop?.width, backdrop?.height]).toEqual([0.62, 1280, 800]);
  expect([dialog?.opacity, dialog?.width]).toEqual([1, 520]);
});

test("a menu is told in the frame in which it appears", async ({ page }) => {
  await open(page, "one-to-one", { video: "cut" });
  await settled(page);
  const frames = await page.evaluate(
    (id) =>
      new Promise<{ appeared: number; told: number }>((resolve) => {
        let [appeared, told] = [-1, -1];
        // The same for all that happens in a frame.
        const frame = () => Number(document.timeline.currentTime);
        const { fika } = window;
        if (!fika) return;
        // Runs after this frame's layout, when what was not there before is about to be painted.
        const seen = new ResizeObserver(() => (appeared = frame()));
        new MutationObserver(() => {
          const menu = document.querySelector(".menu");
          if (menu && appeared < 0) seen.observe(menu);
        }).observe(document.body, { childList: true, subtree: true });
        const push = fika.layouts.push.bind(fika.layouts);
        fika.layouts.push = (...added) => {
          const menu = document.querySelector(".menu")?.getBoundingClientRect();
          const near = (a: number | null, b: number) => Math.abs((a ?? NaN) - b) < 0.1;
          const declared = menu && added[0]?.overlays.some(({ x, y }) => near(x, menu.x) && near(y, menu.y));
          if (declared && told < 0) {
            told = frame();
            requestAnimationFrame(() => resolve({ appeared, told }));
          }
          return push(...added);
        };
        // The other listeners are there, so the press comes between two frames, as presses do.
        setTimeout(() => {
          const button = document.querySelector<HTMLElement>(`[data-testid="${id}"]`);
          button?.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, button: 0, pointerType: "mouse" }));
        });
      }),
    testIds.view,
  );
  expect(frames.appeared).toBeGreaterThan(0);
  expect(frames.told).toBe(frames.appeared);
});

test.describe("who stands elsewhere", () => {
  const glides = async (page: Page) => [...new Set((await layouts(page)).map(({ glide }) => glide))];
  const forget = (page: Page) => page.evaluate(() => void window.fika?.layouts.splice(0));
  const pin = async (page: Page) => {
    await settled(page);
    await forget(page);
    await page.locator("[data-hit]").nth(1).press("Enter");
    await expect(page.locator('[data-arranged="strip"]')).toBeVisible();
  };

  test("glides there, and its name comes when it is there", async ({ page }) => {
    await open(page, "grid-4", { video: "cut" });
    await settled(page);
    const before = await lastLayout(page);
    await pin(page);
    await settled(page);
    const told = await layouts(page);
    // The focus comes before.
    const first = told.find(({ glide }) => glide > 0);
    expect(first?.glide).toBe(200);
    expect(first?.tiles).not.toEqual(before.tiles);
    expect(first?.overlays.filter(({ z }) => z === 0)).toEqual([]);
    const last = told.at(-1);
    expect(last?.glide).toBe(0);
    expect(last?.tiles).toEqual(first?.tiles);
    expect(last?.overlays.filter(({ z }) => z === 0).length).toBeGreaterThan(1);
    await expect(page.locator("html[data-gliding]")).toHaveCount(0);
  });

  test("keeps to a room that changes", async ({ page }) => {
    await open(page, "grid-4", { video: "cut" });
    await settled(page);
    await forget(page);
    await page.setViewportSize({ width: 1000, height: 700 });
    await settled(page);
    expect(await glides(page)).toEqual([0]);
  });

  test("is there at once where people want less motion, and where the page draws", async ({ page }) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await open(page, "grid-4", { video: "blend" });
    await pin(page);
    await settled(page);
    expect(await glides(page)).toEqual([0]);
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await open(page, "grid-4");
    await pin(page);
    await settled(page);
    expect(await glides(page)).toEqual([0]);
  });
});

test("a window that nobody sees has no tiles, and has them again", async ({ page }) => {
  await open(page, "one-to-one", { video: "cut" });
  await settled(page);
  const before = await lastLayout(page);
  const hide = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
      // Told without waiting for a frame, because none comes to a hidden window.
      return window.fika?.layouts.at(-1);
    }, hidden);
  expect(await hide(true)).toMatchObject({ tiles: [], overlays: [] });
  await expect(page.locator('[data-picture="true"]')).toHaveCount(0);
  expect((await hide(false))?.tiles).toEqual(before.tiles);
  await expect(page.locator('[data-picture="true"]')).toHaveCount(2);
});
