/**
 * What moves costs, most of all over video: a page at rest changes nothing but the seconds of the clock, and what shows a level
 * moves in ten steps a second at most. On a virtual clock, so the seconds take no time.
 */
import type { Page } from "@playwright/test";

import { testIds } from "../../src/lib/testids";
import { expect, open, settled, show, test } from "./page";
import { stateNames } from "./states";

type Change = { where: string; what: string };
type Rest = { changes: Change[]; frames: number; animations: string[] };

/** Two seconds of the page, with a snapshot and its figures in each of them, as in a call. */
async function rest(page: Page): Promise<Rest> {
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1000));
  await page.evaluate(() => {
    const name = (node: Node) => {
      const element = node instanceof Element ? node : node.parentElement;
      const holder = element?.closest("[data-testid], .spin, .level") ?? element;
      return holder?.getAttribute("data-testid") ?? holder?.className ?? "";
    };
    const seen: Rest = { changes: [], frames: 0, animations: [] };
    const { requestAnimationFrame } = window;
    window.requestAnimationFrame = (callback) => {
      seen.frames += 1;
      return requestAnimationFrame(callback);
    };
    const note = (records: MutationRecord[]) =>
      records.forEach(({ target, type, attributeName }) =>
        seen.changes.push({ where: String(name(target)), what: attributeName ?? type }),
      );
    const observer = new MutationObserver(note);
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    const snapshots = setInterval(() => {
      const view = window.fika?.current();
      if (!view?.quality) return;
      const quality = {
        ...view.quality,
        roundTripMs: (view.quality.roundTripMs ?? 0) + 1,
        sendKbps: view.quality.sendKbps + 7,
      };
      window.fika?.view({ quality, connectedForMs: (view.connectedForMs ?? 0) + 1000 });
    }, 1000);
    Object.assign(window, {
      fikaRest: () => {
        note(observer.takeRecords());
        observer.disconnect();
        clearInterval(snapshots);
        window.requestAnimationFrame = requestAnimationFrame;
        seen.animations = document.getAnimations().map((animation) => animation.constructor.name);
        return seen;
      },
    });
  });
  await page.clock.runFor(2000);
  const seen = await page.evaluate(() => (window as unknown as { fikaRest: () => Rest }).fikaRest());
  await page.clock.resume();
  return seen;
}

const clock = ({ where }: Change) => where === testIds.elapsed;
const spinner = ({ where, what }: Change) => where.includes("spin") && what === "style";
/** Something goes on, and says so by turning. */
const BUSY = ["home-opening", "lobby-starting", "joining", "reconnecting"];

for (const part of [0, 1]) {
  test(`nothing moves in any state, part ${part + 1}`, async ({ page }) => {
    await page.clock.install();
    await open(page, "home", { quiet: "" });
    for (const state of stateNames.filter((_, index) => index % 2 === part)) {
      await show(page, state);
      await settled(page);
      const { changes, frames, animations } = await rest(page);
      const busy = BUSY.includes(state);
      const spinners = await page.locator(".spin").count();
      expect.soft(spinners > 0, state).toBe(busy);
      expect.soft(animations, state).toEqual([]);
      expect
        .soft(
          changes.filter((change) => !clock(change) && !(busy && spinner(change))),
          state,
        )
        .toEqual([]);
      // The text of the clock once a second, and one look at the boxes after each change.
      expect.soft(changes.filter(clock).length, state).toBeLessThanOrEqual(3);
      expect.soft(changes.filter(spinner).length, state).toBeLessThanOrEqual(8 * spinners);
      expect.soft(frames, state).toBeLessThanOrEqual(changes.length);
    }
  });
}

test("the check sees what moves", async ({ page }) => {
  await page.clock.install();
  await open(page, "one-to-one", { quiet: "" });
  await settled(page);
  const still = await rest(page);
  expect(still.changes.filter(clock).length).toBeGreaterThanOrEqual(2);
  await page.evaluate(() => {
    setInterval(() => document.querySelector(".nm")?.toggleAttribute("data-blink"), 500);
    document.querySelector(".nm")?.animate({ opacity: [0.5, 1] }, { duration: 1000, iterations: Infinity });
  });
  const { changes, animations } = await rest(page);
  expect(changes.filter(({ what }) => what === "data-blink")).toHaveLength(4);
  expect(animations).toEqual(["Animation"]);
});

test("levels move what shows them, in ten steps a second at most, and only by transforms", async ({ page }) => {
  await page.clock.install();
  for (const [state, opened, parts] of [
    ["one-to-one", null, { level: 20 }],
    ["lobby", null, { [testIds.microphoneMeter]: 60 }],
    ["one-to-one", testIds.micMenu, { level: 20, [testIds.microphoneMeter]: 60 }],
  ] as const) {
    await open(page, state);
    if (opened) await page.getByTestId(opened).click();
    await settled(page);
    const { changes, animations } = await rest(page);
    expect(animations).toEqual([]);
    const levels = changes.filter((change) => !clock(change));
    expect(levels.length).toBeGreaterThan(10);
    for (const { what } of levels) expect(["style", "aria-valuenow"]).toContain(what);
    const places = Object.entries(parts);
    for (const { where } of levels) expect(places.map(([name]) => name)).toContainEqual(where.split(" ")[0]);
    for (const [name, most] of places) {
      expect(levels.filter(({ where }) => where.startsWith(name)).length, name).toBeLessThanOrEqual(most);
    }
  }
  const styles = await page
    .locator(".pic .level i, .window, .window > *")
    .evaluateAll((all: HTMLElement[]) => all.map(({ style }) => Array.from(style).join()));
  expect(new Set(styles)).toEqual(new Set(["transform"]));
});

test("the ring of who speaks comes and goes in one step", async ({ page }) => {
  await open(page, "one-to-one");
  const ring = page.locator('[data-tile="amir/camera"] .ring');
  const speak = (speaking: boolean) =>
    page.evaluate((value) => {
      const { participants } = window.fika?.current() ?? { participants: [] };
      window.fika?.view({ participants: participants.map((each) => ({ ...each, speaking: value })) });
      return new Promise<number[]>((resolve) =>
        requestAnimationFrame(() =>
          resolve(document.getAnimations().map(({ effect }) => Number(effect?.getTiming().duration ?? 0))),
        ),
      );
    }, speaking);
  await expect(ring).toBeHidden();
  for (const duration of await speak(true)) expect(duration).toBeLessThanOrEqual(100);
  await expect(ring).toBeVisible();
  const durations = await speak(false);
  for (const duration of durations) expect(duration).toBeLessThanOrEqual(100);
  await expect(ring).toBeHidden();
});
