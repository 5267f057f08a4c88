/** Where the tiles of a grid stand: the largest tiles that fit, the last row centred. CSS pixels. */

export type Rect = { x: number; y: number; width: number; height: number };

export const WIDEST = 17 / 9;
export const NARROWEST = 4 / 3;
/** Tiles smaller than this are no use: the rest stands on another page. */
export const SMALLEST = 160;
/** Another shape of the grid must be this much larger to be worth moving everybody. */
export const HYSTERESIS = 1.08;

/** `count` tiles inside `width` × `height`, `gap` apart, without a margin. */
export function grid(
  count: number,
  width: number,
  height: number,
  gap: number,
  columns = columnsOf(count, width, height, gap),
): Rect[] {
  if (count <= 0 || width <= 0 || height <= 0 || columns <= 0) return [];
  return place(count, width, height, gap, columns, tileSize(count, width, height, gap, columns));
}

/** How many columns make the largest tiles. `before`: the columns of now, kept unless others are worth the move. */
export function columnsOf(
  count: number,
  width: number,
  height: number,
  gap: number,
  before: number | null = null,
): number {
  let best = { columns: 0, area: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const area = tileArea(count, width, height, gap, columns);
    if (area > best.area * 1.0001) best = { columns, area };
  }
  const kept = before !== null && before >= 1 && before <= count;
  if (kept && tileArea(count, width, height, gap, before) * HYSTERESIS >= best.area && best.area > 0) return before;
  return best.columns;
}

/** How many tiles a page holds, so that none is too small; at least one. */
export function pageSize(count: number, width: number, height: number, gap: number): number {
  for (let size = count; size > 1; size--) {
    const columns = columnsOf(size, width, height, gap);
    if (tileSize(size, width, height, gap, columns).width >= Math.min(SMALLEST, width)) return size;
  }
  return Math.min(1, count);
}

export function tileArea(count: number, width: number, height: number, gap: number, columns: number): number {
  const size = tileSize(count, width, height, gap, columns);
  return size.width * size.height;
}

function tileSize(count: number, width: number, height: number, gap: number, columns: number) {
  const rows = Math.ceil(count / columns);
  const cell = { width: (width - (columns - 1) * gap) / columns, height: (height - (rows - 1) * gap) / rows };
  if (!(cell.width > 0 && cell.height > 0)) return { width: 0, height: 0 };
  return clampAspect(cell.width, cell.height);
}

/** The largest box inside the cell whose shape lies between 4:3 and 17:9; free space is used before it is left over. */
export function clampAspect(width: number, height: number): { width: number; height: number } {
  const aspect = width / height;
  if (aspect > WIDEST) return { width: height * WIDEST, height };
  if (aspect < NARROWEST) return { width, height: width / NARROWEST };
  return { width, height };
}

function place(
  count: number,
  width: number,
  height: number,
  gap: number,
  columns: number,
  tile: { width: number; height: number },
): Rect[] {
  if (tile.width === 0) return [];
  const rows = Math.ceil(count / columns);
  const top = (height - rows * tile.height - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = (width - inRow * tile.width - (inRow - 1) * gap) / 2;
    return {
      x: left + (index % columns) * (tile.width + gap),
      y: top + row * (tile.height + gap),
      width: tile.width,
      height: tile.height,
    };
  });
}
