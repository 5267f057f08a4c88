import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { arrange, ME, neighbour, type Arranged, type Wish } from "../../src/lib/layout/arrange";
import { columnsOf, HYSTERESIS, NARROWEST, tileArea, WIDEST } from "../../src/lib/layout/grid";
import { HOLD_MS, Speaker } from "../../src/lib/layout/speaker";

const ids = Array.from({ length: 24 }, (_, index) => `p${index}`);
const wishes = fc
  .record({
    arrangement: fc.constantFrom("auto" as const, "grid" as const, "speaker" as const),
    count: fc.integer({ min: 1, max: 24 }),
    withMe: fc.boolean(),
    large: fc.option(fc.constantFrom(...ids, ME, "gone")),
    page: fc.integer({ min: -1, max: 30 }),
    width: fc.integer({ min: 240, max: 2560 }),
    height: fc.integer({ min: 160, max: 1440 }),
    gap: fc.constantFrom(8, 12, 16),
  })
  .map(({ count, ...rest }): Wish => ({ ...rest, others: ids.slice(0, count) }));
const everybody = ({ others, withMe }: Wish) => (withMe ? [...others, ME] : [...others]);

describe("arrange", () => {
  it("keeps tiles inside, apart, and each person to one tile", () => {
    fc.assert(
      fc.property(wishes, (wish) => {
        const { tiles, pager } = arrange(wish, null);
        const boxes = [...tiles, ...(pager ? [pager] : [])];
        expect(new Set(tiles.map(({ id }) => id)).size).toBe(tiles.length);
        for (const [index, box] of boxes.entries()) {
          expect(box.width).toBeGreaterThan(0);
          expect(box.height).toBeGreaterThan(0);
          expect(box.x).toBeGreaterThanOrEqual(-1e-6);
          expect(box.y).toBeGreaterThanOrEqual(-1e-6);
          expect(box.x + box.width).toBeLessThanOrEqual(wish.width + 1e-6);
          expect(box.y + box.height).toBeLessThanOrEqual(wish.height + 1e-6);
          for (const other of boxes.slice(index + 1)) {
            const apart =
              box.x + box.width <= other.x + 1e-6 ||
              other.x + other.width <= box.x + 1e-6 ||
              box.y + box.height <= other.y + 1e-6 ||
              other.y + other.height <= box.y + 1e-6;
            expect(apart).toBe(true);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("shows everybody on exactly one page, whoever is large on all, and my picture once", () => {
    fc.assert(
      fc.property(wishes, (wish) => {
        const first = arrange(wish, null);
        const seen = Array.from({ length: first.pages }, (_, page) => arrange({ ...wish, page }, null));
        const large = first.tiles.filter((tile) => tile.large).map(({ id }) => id);
        expect(large.length).toBe(first.kind === "grid" ? 0 : 1);
        const small = seen.flatMap(({ tiles }) => tiles.filter((tile) => !tile.large).map(({ id }) => id));
        const floating = first.floats ? [ME] : [];
        expect([...large, ...small, ...floating].sort()).toEqual(everybody(wish).sort());
        for (const { tiles } of seen) expect(tiles.filter((tile) => tile.large).map(({ id }) => id)).toEqual(large);
      }),
      { numRuns: 500 },
    );
  });

  it("makes whoever is wished for large, and the large one larger than each of the others", () => {
    fc.assert(
      fc.property(wishes, (wish) => {
        const { kind, tiles } = arrange(wish, null);
        const here = wish.large !== null && everybody(wish).includes(wish.large);
        if (!here || everybody(wish).length < 3) return;
        expect(kind).toBe("strip");
        expect(tiles[0]).toMatchObject({ id: wish.large, large: true });
        fc.pre(wish.width >= 480 && wish.height >= 320);
        for (const tile of tiles.slice(1)) {
          expect(tile.width * tile.height).toBeLessThan((tiles[0]?.width ?? 0) * (tiles[0]?.height ?? 0));
        }
      }),
    );
  });

  it("keeps pictures in shape but for the one that fills the stage", () => {
    fc.assert(
      fc.property(wishes, (wish) => {
        for (const tile of arrange(wish, null).tiles.filter(({ large }) => !large)) {
          // A strip in a very small window has tiles that are too long rather than none.
          fc.pre(wish.width >= 360 && wish.height >= 360);
          expect(tile.width / tile.height).toBeGreaterThanOrEqual(NARROWEST - 1e-6);
          expect(tile.width / tile.height).toBeLessThanOrEqual(WIDEST + 1e-6);
        }
      }),
    );
  });

  it("does not move to and fro while a window is resized a little", () => {
    fc.assert(
      fc.property(wishes, fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 2, maxLength: 20 }), (wish, steps) => {
        // Of a stage smaller than any window has, two pixels are not a little.
        fc.pre(wish.width >= 320 && wish.height >= 320);
        let before: Arranged | null = arrange({ ...wish, page: 0 }, null);
        const { to } = before.range;
        const shapes: string[] = [];
        for (const step of steps) {
          const { width, height } = wish;
          const next: Arranged = arrange({ ...wish, page: 0, width: width + step, height: height - step }, before);
          // How many fit on a page has no play.
          fc.pre(next.range.to === to);
          const shape = `${next.kind} ${next.columns} ${next.side}`;
          if (shape !== shapes.at(-1)) shapes.push(shape);
          before = next;
        }
        // There and back again would name a shape twice.
        expect(new Set(shapes).size).toBe(shapes.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the columns of a grid", () => {
  const stages = fc.record({
    count: fc.integer({ min: 1, max: 24 }),
    width: fc.integer({ min: 200, max: 2560 }),
    height: fc.integer({ min: 160, max: 1440 }),
  });
  const areas = (count: number, width: number, height: number) =>
    Array.from({ length: count }, (_, index) => tileArea(count, width, height, 12, index + 1));

  it("are the best of all, or those of before if these are nearly as good", () => {
    fc.assert(
      fc.property(stages, fc.integer({ min: 1, max: 24 }), ({ count, width, height }, before) => {
        const best = Math.max(...areas(count, width, height));
        const fresh = columnsOf(count, width, height, 12);
        expect(tileArea(count, width, height, 12, fresh)).toBeGreaterThanOrEqual(best * 0.999);
        const kept = columnsOf(count, width, height, 12, before);
        const good = before <= count && tileArea(count, width, height, 12, before) * HYSTERESIS >= best;
        expect(kept).toBe(good ? before : fresh);
      }),
      { numRuns: 1000 },
    );
  });

  it("never make smaller tiles on a larger stage", () => {
    fc.assert(
      fc.property(stages, fc.integer({ min: 0, max: 400 }), ({ count, width, height }, more) => {
        const area = (w: number, h: number) => tileArea(count, w, h, 12, columnsOf(count, w, h, 12));
        expect(area(width + more, height)).toBeGreaterThanOrEqual(area(width, height) * 0.999);
        expect(area(width, height + more)).toBeGreaterThanOrEqual(area(width, height) * 0.999);
      }),
    );
  });
});

describe("arrow keys", () => {
  it("go to a tile in that direction, and from every tile to every other", () => {
    fc.assert(
      fc.property(wishes, (wish) => {
        const { tiles } = arrange(wish, null);
        const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
        const first = tiles[0];
        if (!first) return;
        const reached = new Set([first.id]);
        for (const id of reached) {
          for (const key of keys) {
            const next = neighbour(tiles, id, key);
            if (next) reached.add(next);
          }
        }
        expect(reached.size).toBe(tiles.length);
      }),
    );
    const four = arrange(
      {
        arrangement: "grid",
        others: ["a", "b", "c"],
        withMe: true,
        large: null,
        page: 0,
        width: 1256,
        height: 652,
        gap: 12,
      },
      null,
    ).tiles;
    expect(neighbour(four, "a", "ArrowRight")).toBe("b");
    expect(neighbour(four, "a", "ArrowDown")).toBe("c");
    expect(neighbour(four, ME, "ArrowUp")).toBe("b");
    expect(neighbour(four, "a", "ArrowLeft")).toBeNull();
    expect(neighbour(four, "a", "Enter")).toBeNull();
  });
});

describe("Speaker", () => {
  const people = (...speaking: string[]) => ["a", "b", "c"].map((id) => ({ id, speaking: speaking.includes(id) }));

  it("is the first one until somebody speaks, then who speaks", () => {
    const speaker = new Speaker();
    expect(speaker.follow([], 0)).toBeNull();
    expect(speaker.follow(people(), 0)).toBe("a");
    expect(speaker.follow(people("b"), 1000)).toBe("a");
    expect(speaker.follow(people("b"), HOLD_MS)).toBe("b");
    expect(speaker.follow(people(), 9000)).toBe("b");
    expect(speaker.follow(people("b", "c"), 10_000)).toBe("b");
  });

  it("gives way at once when they leave, else never within the time", () => {
    const speaker = new Speaker();
    speaker.follow(people("b"), 0);
    expect(
      speaker.follow(
        people("c").filter(({ id }) => id !== "b"),
        1,
      ),
    ).toBe("c");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.constantFrom("a", "b", "c"))), (steps) => {
        const each = new Speaker();
        let [now, changed] = [0, 0];
        let large = each.follow(people(), now);
        for (const [pause, who] of steps) {
          now += pause;
          const next = each.follow(people(who), now);
          if (next === large) continue;
          expect(now - changed).toBeGreaterThanOrEqual(HOLD_MS);
          [large, changed] = [next, now];
        }
      }),
    );
  });
});
