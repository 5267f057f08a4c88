/** What the layout reporter asks of the document: boxes, visibility, colours, stacking. */
import type { Rgb } from "../backend";
import { parseColour } from "./colour";
import type { Box, Screen } from "./reporter";

const BLACK: Rgb = { r: 0, g: 0, b: 0 };

export const pageScreen: Screen<Element> = {
  requestFrame: (callback) => requestAnimationFrame(callback),
  devicePixelRatio: () => devicePixelRatio,
  hidden: () => document.hidden,
  moving: (declared) =>
    document.getAnimations().some((animation) => {
      const target = runs(animation) && animation.effect instanceof KeyframeEffect ? animation.effect.target : null;
      return target !== null && holdsAny(target, declared);
    }),
  box(tile) {
    const style = getComputedStyle(tile);
    return style.visibility === "visible" ? grown(tile, style, 0) : null;
  },
  ink(overlay, shine) {
    const style = getComputedStyle(overlay);
    if (style.visibility !== "visible") return null;
    const box = grown(overlay, style, outline(style));
    const through = shine ? (parseColour(style.backgroundColor)?.a ?? 1) : 1;
    return box && { ...box, opacity: Number(style.opacity) * through };
  },
  stage(tile) {
    const colour = parseColour(getComputedStyle(tile ?? document.documentElement).getPropertyValue("--behind"));
    return colour ? { r: colour.r, g: colour.g, b: colour.b } : BLACK;
  },
  order: (a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1),
};

/** `element` is one of `declared`, or moves when it moves. */
export function holdsAny(element: Element, declared: readonly Element[]): boolean {
  return declared.some((each) => element.contains(each));
}

function runs({ playState, effect }: Animation): boolean {
  return playState === "running" && effect?.getTiming().iterations !== Infinity;
}

function grown(element: Element, style: CSSStyleDeclaration, by: number): Box | null {
  const { x, y, width, height } = element.getBoundingClientRect();
  if (width <= 0 || height <= 0) return null;
  const radius = parseFloat(style.borderTopLeftRadius) || 0;
  return {
    x: x - by,
    y: y - by,
    width: width + 2 * by,
    height: height + 2 * by,
    radius: radius > 0 ? radius + by : 0,
  };
}

/** A frame or a focus ring lies outside the box. */
function outline(style: CSSStyleDeclaration): number {
  if (style.outlineStyle === "none") return 0;
  return Math.max(0, (parseFloat(style.outlineWidth) || 0) + (parseFloat(style.outlineOffset) || 0));
}
