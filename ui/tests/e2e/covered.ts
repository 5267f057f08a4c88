/**
 * What a window that paints the pictures over the page would hide: things over video that are not declared, by asking for
 * the elements at a grid of points, and by looking at the pixels, which also finds shadows and rings.
 */
import type { Page } from "@playwright/test";

import type { Layout } from "../../src/lib/backend";
import { lastLayout } from "./page";

/** Things over video without a declared overlay that lies high enough. `layout`: other than what was reported last. */
export async function uncovered(page: Page, layout?: Layout): Promise<string[]> {
  return page.evaluate(findUncovered, layout ?? (await lastLayout(page)));
}

/** Runs in the page. */
function findUncovered(layout: Layout): string[] {
  const STEP = 30;
  type Rounded = {
    x: number | null;
    y: number | null;
    width: number | null;
    height: number | null;
    radius: number | null;
  };
  const sheet = new CSSStyleSheet();
  // What the pointer passes through is seen all the same.
  sheet.replaceSync("* { pointer-events: auto !important } #fake-window { display: none !important }");
  document.adoptedStyleSheets.push(sheet);

  /** `by` pixels larger: the edge of a curve is no point. */
  function inside(box: Rounded, px: number, py: number, by = 0): boolean {
    const [x, y] = [(box.x ?? 0) - by, (box.y ?? 0) - by];
    const [width, height] = [(box.width ?? 0) + 2 * by, (box.height ?? 0) + 2 * by];
    if (px < x || py < y || px > x + width || py > y + height) return false;
    const r = Math.max(0, Math.min((box.radius ?? 0) + by, width / 2, height / 2));
    const dx = Math.max(x + r - px, px - (x + width - r), 0);
    const dy = Math.max(y + r - py, py - (y + height - r), 0);
    return Math.hypot(dx, dy) <= r;
  }
  const clear = (colour: string) => colour === "transparent" || /, 0\)$/.test(colour);
  function opacity(element: Element | null): number {
    return element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1;
  }
  function hasTextAt(element: Element, px: number, py: number): boolean {
    return Array.from(element.childNodes).some((node) => {
      if (node.nodeType !== Node.TEXT_NODE || !node.textContent?.trim()) return false;
      const range = document.createRange();
      range.selectNodeContents(node);
      return Array.from(range.getClientRects()).some(
        (rect) => px >= rect.left && px <= rect.right && py >= rect.top && py <= rect.bottom,
      );
    });
  }
  /** What does not depend on the point. */
  type Look = { visible: boolean; everywhere: boolean; border: number; radius: number };
  const looks = new Map<Element, Look>();
  function look(element: Element): Look {
    const style = getComputedStyle(element);
    const sides = ["Top", "Right", "Bottom", "Left"] as const;
    const borders = sides.map((side) =>
      clear(style[`border${side}Color`]) ? 0 : parseFloat(style[`border${side}Width`]),
    );
    const everywhere =
      !clear(style.backgroundColor) ||
      style.backgroundImage !== "none" ||
      ["::before", "::after"].some((part) => !["none", "normal"].includes(getComputedStyle(element, part).content)) ||
      (element instanceof SVGElement
        ? !(element instanceof SVGSVGElement)
        : ["IMG", "CANVAS", "INPUT", "VIDEO"].includes(element.tagName));
    const visible = style.visibility === "visible" && opacity(element) > 0;
    const radius = parseFloat(style.borderTopLeftRadius) || 0;
    return { visible, everywhere, border: Math.max(0, ...borders), radius };
  }
  /** A container without anything of its own paints nothing, and nothing paints outside of its rounded corners. */
  function paints(element: Element, px: number, py: number): boolean {
    let known = looks.get(element);
    if (!known) looks.set(element, (known = look(element)));
    if (!known.visible) return false;
    const { x, y, width, height } = element.getBoundingClientRect();
    const box = { x, y, width, height, radius: known.radius };
    const bordered = known.border > 0 && !inside(box, px, py, -known.border);
    return ((known.everywhere || bordered) && inside(box, px, py)) || hasTextAt(element, px, py);
  }
  function boxOf(id: string, x: number, y: number): Element | undefined {
    return Array.from(document.querySelectorAll(`[data-tile="${id}"] .picture`)).find((element) => {
      const rect = element.getBoundingClientRect();
      return Math.abs(rect.x - x) < 1 && Math.abs(rect.y - y) < 1;
    });
  }
  /** A grid over the box, and nine points of each thing that paints there. */
  function pointsOf(box: Rounded): [number, number][] {
    const [left, top] = [Math.max(0, box.x ?? 0) + 1, Math.max(0, box.y ?? 0) + 1];
    const right = Math.min(innerWidth, (box.x ?? 0) + (box.width ?? 0)) - 1;
    const bottom = Math.min(innerHeight, (box.y ?? 0) + (box.height ?? 0)) - 1;
    const points: [number, number][] = [];
    for (let px = left; px <= right; px += STEP) for (let py = top; py <= bottom; py += STEP) points.push([px, py]);
    for (const element of painting) {
      const rect = element.getBoundingClientRect();
      const [x0, x1] = [Math.max(left, rect.left + 1), Math.min(right, rect.right - 1)];
      const [y0, y1] = [Math.max(top, rect.top + 1), Math.min(bottom, rect.bottom - 1)];
      if (x0 > x1 || y0 > y1) continue;
      for (const px of [x0, (x0 + x1) / 2, x1]) for (const py of [y0, (y0 + y1) / 2, y1]) points.push([px, py]);
    }
    return points;
  }
  const name = (element: Element) => `${element.tagName.toLowerCase()}.${String(element.getAttribute("class"))}`;

  /** Anything with a look or words of its own. */
  const painting = Array.from(document.body.querySelectorAll("*")).filter((element) => {
    const { visible, everywhere, border } = look(element);
    const words = Array.from(element.childNodes).some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim(),
    );
    return visible && (everywhere || border > 0 || words);
  });
  const found = new Set<string>();
  let points = 0;
  for (const tile of layout.tiles) {
    const [left, top] = [tile.x ?? 0, tile.y ?? 0];
    const picture = boxOf(tile.id, left, top);
    if (!picture) {
      found.add(`${tile.id} is told where it does not stand`);
      continue;
    }
    const higher = layout.tiles.filter(
      (other) => other.z > tile.z && document.querySelector(`[data-tile="${other.id}"][data-picture="true"]`),
    );
    for (const [px, py] of pointsOf(tile)) {
      if (!inside(tile, px, py) || higher.some((other) => inside(other, px, py))) continue;
      points += 1;
      const stack = document.elementsFromPoint(px, py);
      const at = stack.findIndex((element) => picture.contains(element));
      const above = (at < 0 ? stack : stack.slice(0, at)).filter((element) => at < 0 || paints(element, px, py));
      if (above.length === 0) continue;
      const over = layout.overlays.filter((overlay) => overlay.z >= tile.z && inside(overlay, px, py, 0.5));
      const solid = over.some((overlay) => overlay.opacity === 1);
      const onlyBackdrop = at >= 0 && above.every((element) => element.matches(".backdrop"));
      if (!solid && !(onlyBackdrop && over.length > 0)) found.add(`${above.map(name)[0]} over ${tile.id}`);
    }
  }
  document.adoptedStyleSheets.pop();
  const inSight = ({ x, y, width, height }: Rounded) =>
    Math.min(innerWidth, (x ?? 0) + (width ?? 0)) - Math.max(0, x ?? 0) > STEP &&
    Math.min(innerHeight, (y ?? 0) + (height ?? 0)) - Math.max(0, y ?? 0) > STEP;
  if (layout.tiles.some(inSight) && points === 0) found.add("no point was looked at");
  return [...found];
}

/** Pixels over video that the page paints outside of all declared overlays: how many over which tile, and where first. */
export async function painted(page: Page): Promise<string[]> {
  const layout = await lastLayout(page);
  // In place of the pictures a colour that nothing has.
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
      ".back, .picture { background: rgb(255 0 255) !important } #fake-window { display: none !important }",
    );
    document.adoptedStyleSheets.push(sheet);
  });
  const image = (await page.screenshot({ animations: "allow", caret: "initial" })).toString("base64");
  await page.evaluate(() => void document.adoptedStyleSheets.pop());
  return page.evaluate(findPainted, { layout, image });
}

/** Runs in the page. */
async function findPainted({ layout, image }: { layout: Layout; image: string }): Promise<string[]> {
  type Box = Layout["overlays"][number] | Layout["tiles"][number];
  const bytes = Uint8Array.from(atob(image), (char) => char.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  if (!context) return ["no canvas"];
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);

  /** `by` pixels larger, or smaller. */
  function inside(box: Box, by: number, px: number, py: number): boolean {
    const [x, y] = [(box.x ?? 0) - by, (box.y ?? 0) - by];
    const [width, height] = [(box.width ?? 0) + 2 * by, (box.height ?? 0) + 2 * by];
    if (px < x || py < y || px > x + width || py > y + height) return false;
    const r = Math.min(Math.max(0, (box.radius ?? 0) + by), width / 2, height / 2);
    const dx = Math.max(x + r - px, px - (x + width - r), 0);
    const dy = Math.max(y + r - py, py - (y + height - r), 0);
    return Math.hypot(dx, dy) <= r;
  }
  const found: string[] = [];
  for (const tile of layout.tiles) {
    const rest = layout.tiles.filter((other) => other.z > tile.z);
    const over = layout.overlays.filter((overlay) => overlay.z >= tile.z);
    let count = 0;
    let first = "";
    const [left, top] = [Math.max(0, Math.ceil(tile.x ?? 0)), Math.max(0, Math.ceil(tile.y ?? 0))];
    for (let y = top; y < Math.min(bitmap.height, (tile.y ?? 0) + (tile.height ?? 0)); y++) {
      for (let x = left; x < Math.min(bitmap.width, (tile.x ?? 0) + (tile.width ?? 0)); x++) {
        const at = (y * bitmap.width + x) * 4;
        const far = Math.max(255 - (data[at] ?? 0), data[at + 1] ?? 0, 255 - (data[at + 2] ?? 0));
        if (far <= 12) continue;
        const [px, py] = [x + 0.5, y + 0.5];
        if (!inside(tile, -2, px, py) || rest.some((box) => inside(box, 1, px, py))) continue;
        // Boxes stand on whole pixels, their corners are smooth: up to half a pixel and one.
        if (over.some((box) => inside(box, 1.5, px, py))) continue;
        count += 1;
        first ||= `${x},${y}`;
      }
    }
    if (count > 0) found.push(`${count} pixels over ${tile.id}, first at ${first}`);
  }
  return found;
}
