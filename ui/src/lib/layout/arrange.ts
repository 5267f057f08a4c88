/** Who stands where on the stage: one large, a grid, or one large and the others in a strip. Pure; told what was before. */
import type { Arrangement } from "../backend";
import { columnsOf, grid, pageSize, type Rect } from "./grid";
import { strip, type Side } from "./strip";

/** My own tile. */
export const ME = "me";

export type Wish = {
  arrangement: Arrangement;
  /** Ids of the others, in the order in which they stand. */
  others: readonly string[];
  /** My picture is shown. */
  withMe: boolean;
  /** Who is to be large, or `null`: pinned, shown large for all, or the one who speaks. */
  large: string | null;
  /** The page that is asked for. */
  page: number;
  width: number;
  height: number;
  gap: number;
};
export type Placed = Rect & { id: string; large: boolean };
export type Arranged = {
  kind: "single" | "grid" | "strip";
  tiles: Placed[];
  /** My picture floats in a corner. */
  floats: boolean;
  /** The one shown, from 0. */
  page: number;
  pages: number;
  /** People before the first one and up to the last one of this page, and in all. */
  range: { from: number; to: number; of: number };
  pager: Rect | null;
  /** What the next arrangement keeps unless another is worth the move. */
  columns: number | null;
  side: Side | null;
};

/** Below a grid of several pages. */
const PAGER = 44;

export function arrange(wish: Wish, before: Arranged | null): Arranged {
  const { others, withMe, arrangement } = wish;
  const everybody = withMe ? [...others, ME] : [...others];
  const large = wish.large !== null && everybody.includes(wish.large) ? wish.large : null;
  const only = others.length === 1 ? others[0] : undefined;
  const alone = everybody.length === 1 ? everybody[0] : undefined;
  if (alone !== undefined) return single(alone, false, wish);
  if (only !== undefined && large !== ME && arrangement !== "grid") return single(only, withMe, wish);
  if (large !== null) return beside(large, everybody, wish, before);
  return inGrid(everybody, wish, before);
}

function single(id: string, floats: boolean, { width, height }: Wish): Arranged {
  const tiles = width > 0 && height > 0 ? [{ id, large: true, x: 0, y: 0, width, height }] : [];
  const range = { from: 0, to: 1, of: 1 };
  return { kind: "single", tiles, floats, page: 0, pages: 1, range, pager: null, columns: null, side: null };
}

function beside(large: string, everybody: string[], wish: Wish, before: Arranged | null): Arranged {
  const rest = everybody.filter((id) => id !== large);
  const { width, height, gap } = wish;
  const placed = strip(rest.length, width, height, gap, wish.page, before?.side ?? null);
  const { page, pages, pager, side, from } = placed;
  const small = named(rest.slice(from), placed.tiles);
  return {
    kind: "strip",
    tiles: [{ ...placed.large, id: large, large: true }, ...small],
    floats: false,
    page,
    pages,
    range: { from, to: from + small.length, of: rest.length },
    pager,
    columns: null,
    side,
  };
}

function inGrid(everybody: string[], wish: Wish, before: Arranged | null): Arranged {
  const { width, gap } = wish;
  const all = pageSize(everybody.length, width, wish.height, gap);
  const paged = all < everybody.length;
  const height = paged ? Math.max(0, wish.height - PAGER - gap) : wish.height;
  const each = paged ? pageSize(everybody.length, width, height, gap) : all;
  const pages = Math.max(1, Math.ceil(everybody.length / Math.max(1, each)));
  const page = Math.min(Math.max(0, wish.page), pages - 1);
  const from = page * each;
  // The last page has the tiles of a full one, so that turning pages moves nobody.
  const columns = columnsOf(each, width, height, gap, before?.kind === "grid" ? before.columns : null);
  const tiles = named(everybody.slice(from), grid(each, width, height, gap, columns));
  return {
    kind: "grid",
    tiles,
    floats: false,
    page,
    pages,
    range: { from, to: from + tiles.length, of: everybody.length },
    pager: paged ? { x: 0, y: wish.height - PAGER, width, height: PAGER } : null,
    columns,
    side: null,
  };
}

function named(ids: readonly string[], places: readonly Rect[]): Placed[] {
  return places.flatMap((place, index) => {
    const id = ids[index];
    return id === undefined ? [] : [{ ...place, id, large: false }];
  });
}

/** The tile next to `id` in the direction of an arrow key; `null` at the edge. */
export function neighbour(tiles: readonly Placed[], id: string, key: string): string | null {
  const here = tiles.find((tile) => tile.id === id);
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (!here || !way) return null;
  const [dx = 0, dy = 0] = way;
  let best: { id: string; far: number } | null = null;
  for (const tile of tiles) {
    const x = tile.x + tile.width / 2 - here.x - here.width / 2;
    const y = tile.y + tile.height / 2 - here.y - here.height / 2;
    const ahead = x * dx + y * dy;
    // To the side counts double: straight ahead comes first.
    const far = ahead + 2 * Math.abs(x * dy + y * dx);
    if (ahead > 1 && (best === null || far < best.far)) best = { id: tile.id, far };
  }
  return best?.id ?? null;
}
