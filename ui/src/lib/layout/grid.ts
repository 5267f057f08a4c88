/** Where the tiles of a grid stand: the widest tiles that fit, the last row centred. CSS pixels. */

export type GridTile = { x: number; y: number; width: number; height: number };

const WIDEST = 17 / 9;
const NARROWEST = 4 / 3;

/** `count` tiles inside `width` × `height`, `gap` apart, without a margin. */
export function grid(count: number, width: number, height: number, gap: number): GridTile[] {
  if (count <= 0 || width <= 0 || height <= 0) return [];
  let best = { columns: 1, width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = { width: (width - (columns - 1) * gap) / columns, height: (height - (rows - 1) * gap) / rows };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const size = clampAspect(cell.width, cell.height);
    if (size.width * size.height > best.width * best.height * 1.0001) best = { columns, ...size };
  }
  return place(count, width, height, gap, best);
}

/** The largest box inside the cell whose shape lies between 4:3 and 17:9; free space is used before it is left over. */
function clampAspect(width: number, height: number): { width: number; height: number } {
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
  tile: { columns: number; width: number; height: number },
): GridTile[] {
  const rows = Math.ceil(count / tile.columns);
  const top = (height - rows * tile.height - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / tile.columns);
    const inRow = row === rows - 1 ? count - row * tile.columns : tile.columns;
    const left = (width - inRow * tile.width - (inRow - 1) * gap) / 2;
    return {
      x: left + (index % tile.columns) * (tile.width + gap),
      y: top + row * (tile.height + gap),
      width: tile.width,
      height: tile.height,
    };
  });
}
