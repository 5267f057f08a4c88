import { describe, expect, it } from "vitest";

import { nearestCorner } from "../../src/lib/layout/corner";
import { grid } from "../../src/lib/layout/grid";

const sizes = [
  [1256, 652],
  [344, 516],
  [736, 500],
  [2560, 1200],
  [200, 900],
] as const;

describe("grid", () => {
  it("keeps tiles apart, inside, and in shape", () => {
    for (const [width, height] of sizes) {
      for (let count = 1; count <= 9; count++) {
        const tiles = grid(count, width, height, 12);
        expect(tiles).toHaveLength(count);
        tiles.forEach((tile, index) => {
          expect(tile.x).toBeGreaterThanOrEqual(-1e-6);
          expect(tile.y).toBeGreaterThanOrEqual(-1e-6);
          expect(tile.x + tile.width).toBeLessThanOrEqual(width + 1e-6);
          expect(tile.y + tile.height).toBeLessThanOrEqual(height + 1e-6);
          expect(tile.width / tile.height).toBeGreaterThanOrEqual(4 / 3 - 1e-6);
          expect(tile.width / tile.height).toBeLessThanOrEqual(17 / 9 + 1e-6);
          for (const other of tiles.slice(index + 1)) {
            const apart =
              tile.x + tile.width <= other.x + 1e-6 ||
              other.x + other.width <= tile.x + 1e-6 ||
              tile.y + tile.height <= other.y + 1e-6 ||
              other.y + other.height <= tile.y + 1e-6;
            expect(apart).toBe(true);
          }
        });
      }
    }
  });

  it("puts four in two rows on a wide stage and in one column on a tall one", () => {
    const wide = grid(4, 1256, 652, 12);
    expect(wide[0]?.y).toBe(wide[1]?.y);
    expect(wide[2]?.y).toBeGreaterThan(wide[1]?.y ?? 0);
    const tall = grid(4, 200, 900, 8);
    expect(new Set(tall.map(({ x }) => x)).size).toBe(1);
  });

  it("centres the last row", () => {
    const [first, second, third] = grid(3, 1256, 652, 12);
    const middle = ((first?.x ?? 0) + (second?.x ?? 0) + (second?.width ?? 0)) / 2;
    expect((third?.x ?? 0) + (third?.width ?? 0) / 2).toBeCloseTo(middle, 6);
  });

  it("never shrinks tiles on a wider stage", () => {
    let last = 0;
    for (let width = 300; width < 2400; width += 50) {
      const area = grid(5, width, 700, 12).reduce((sum, tile) => sum + tile.width * tile.height, 0);
      expect(area).toBeGreaterThanOrEqual(last - 1e-6);
      last = area;
    }
  });

  it("has nothing to place without people or without space", () => {
    expect(grid(0, 100, 100, 8)).toEqual([]);
    expect(grid(2, 0, 100, 8)).toEqual([]);
  });
});

describe("nearestCorner", () => {
  const area = { x: 10, y: 20, width: 1000, height: 600 };
  it("goes by the centre of the box", () => {
    expect(nearestCorner({ x: 0, y: 0, width: 100, height: 50 }, area)).toBe("topLeft");
    expect(nearestCorner({ x: 900, y: 30, width: 100, height: 50 }, area)).toBe("topRight");
    expect(nearestCorner({ x: 400, y: 500, width: 100, height: 50 }, area)).toBe("bottomLeft");
    expect(nearestCorner({ x: 470, y: 500, width: 100, height: 50 }, area)).toBe("bottomRight");
  });
});
