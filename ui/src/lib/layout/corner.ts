import type { Corner } from "../backend";

type Box = Pick<DOMRect, "x" | "y" | "width" | "height">;

/** The corner of `area` whose quarter holds the centre of `box`. */
export function nearestCorner(box: Box, area: Box): Corner {
  const left = box.x + box.width / 2 < area.x + area.width / 2;
  const top = box.y + box.height / 2 < area.y + area.height / 2;
  if (top) return left ? "topLeft" : "topRight";
  return left ? "bottomLeft" : "bottomRight";
}
