/** The strip of small tiles beside or below a large one, and its pager. CSS pixels. */
import { clampAspect, NARROWEST, WIDEST, HYSTERESIS, type Rect } from "./grid";

export type Side = "right" | "bottom";
export type Strip = {
  side: Side;
  large: Rect;
  tiles: Rect[];
  pager: Rect | null;
  /** The one shown, from 0. */
  page: number;
  pages: number;
  /** Which small tile comes first. */
  from: number;
};

/** From this width on of the stage the strip is as wide as the design draws it. */
const ROOMY = 760;
const WIDTH = { roomy: 214, tight: 112 };
const HEIGHT = { roomy: 122, tight: 84 };
const PAGER = { right: 44, bottom: 52 };

/** For `count` small tiles. `page`: as asked for; beyond the last one it is the last. `before`: where the strip is now. */
export function strip(
  count: number,
  width: number,
  height: number,
  gap: number,
  page: number,
  before: Side | null,
): Strip {
  const right = along("right", count, width, height, gap, page);
  const bottom = along("bottom", count, width, height, gap, page);
  const [kept, other] = before === "bottom" ? [bottom, right] : [right, bottom];
  return seen(other.large) > seen(kept.large) * HYSTERESIS ? other : kept;
}

/** What of the box a picture fills. */
function seen({ width, height }: Rect): number {
  if (width <= 0 || height <= 0) return 0;
  const size = clampAspect(width, height);
  return size.width * size.height;
}

function along(side: Side, count: number, width: number, height: number, gap: number, page: number): Strip {
  const size = width >= ROOMY ? "roomy" : "tight";
  const across = side === "right" ? WIDTH[size] : HEIGHT[size];
  const length = side === "right" ? height : width;
  // A tile may be as short as the widest picture allows, and as long as the narrowest.
  const [shortest, longest] =
    side === "right" ? [across / WIDEST, across / NARROWEST] : [across * NARROWEST, across * WIDEST];
  const fit = (room: number) => Math.max(1, Math.floor((room + gap) / (shortest + gap)));
  const paged = fit(length) < count;
  const room = paged ? Math.max(0, length - PAGER[side] - gap) : length;
  const each = Math.min(count, fit(room));
  const pages = Math.ceil(count / each);
  const shownPage = Math.min(Math.max(0, page), pages - 1);
  const from = shownPage * each;
  const shown = Math.min(each, count - from);
  const tile = Math.max(0, Math.min(longest, (room - (each - 1) * gap) / each));
  const at = (offset: number, extent: number): Rect =>
    side === "right"
      ? { x: width - across, y: offset, width: across, height: extent }
      : { x: offset, y: height - across, width: extent, height: across };
  const used = shown * tile + (shown - 1) * gap;
  // Beside the large one from its top; below it in the middle.
  const start = side === "right" || paged ? 0 : Math.max(0, (length - used) / 2);
  return {
    side,
    large:
      side === "right"
        ? { x: 0, y: 0, width: Math.max(0, width - across - gap), height }
        : { x: 0, y: 0, width, height: Math.max(0, height - across - gap) },
    tiles: Array.from({ length: shown }, (_, index) => at(start + index * (tile + gap), tile)),
    pager: paged ? at(length - PAGER[side], PAGER[side]) : null,
    page: shownPage,
    pages,
    from,
  };
}
