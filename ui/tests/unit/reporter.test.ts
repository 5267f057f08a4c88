import { beforeEach, describe, expect, it } from "vitest";

import type { Layout } from "../../src/lib/backend";
import { LayoutReporter, type Box, type OverlayOptions, type TileOptions } from "../../src/lib/video/reporter";

/** Runs frames by hand. */
class Frames {
  readonly waiting: (() => void)[] = [];
  run(count = 1): number {
    let ran = 0;
    for (let frame = 0; frame < count; frame++) {
      const callbacks = this.waiting.splice(0);
      ran += callbacks.length;
      for (const callback of callbacks) callback();
    }
    return ran;
  }
}

/** An element as the reporter sees it; `at` is its place in the document. */
type Thing = Box & { at: number; seen: boolean; opacity: number; background: number; behind: number };

let placed = 0;
const thing = (x: number, y: number, width: number, height: number, change: Partial<Thing> = {}): Thing => {
  const look = { radius: 20, at: placed++, seen: true, opacity: 1, background: 0.6, behind: 13 };
  return { x, y, width, height, ...look, ...change };
};
const TILE: TileOptions = { id: "me/camera", fit: "cover", mirror: true, z: 0, dim: false, zoom: null };
const TOP: OverlayOptions = { z: 255, shine: false };

class World {
  readonly frames = new Frames();
  readonly sent: Layout[] = [];
  hidden = false;
  moving = false;
  readonly reporter = new LayoutReporter<Thing>(
    {
      requestFrame: (callback) => void this.frames.waiting.push(callback),
      devicePixelRatio: () => 2,
      hidden: () => this.hidden,
      moving: () => this.moving,
      box: ({ x, y, width, height, radius, seen }) =>
        seen && width > 0 && height > 0 ? { x, y, width, height, radius } : null,
      ink: ({ x, y, width, height, radius, seen, opacity, background }, shine) =>
        seen ? { x, y, width, height, radius, opacity: opacity * (shine ? background : 1) } : null,
      stage: (tile) => ({ r: tile?.behind ?? 1, g: 0, b: 0 }),
      order: (a, b) => a.at - b.at,
    },
    (layout) => this.sent.push(layout),
  );
  get last(): Layout {
    const last = this.sent.at(-1);
    if (!last) throw new Error("nothing was reported");
    return last;
  }
}

describe("LayoutReporter", () => {
  let world: World;
  beforeEach(() => {
    placed = 0;
    world = new World();
  });

  it("sends one message for many changes in a frame", () => {
    const { reporter, frames, sent } = world;
    reporter.setTile(thing(0, 0, 320, 180), TILE);
    const zoom = { x: 0.25, y: 0, width: 0.5, height: 0.5 };
    reporter.setTile(thing(400, 0, 320, 180), { ...TILE, id: "amir/camera", mirror: false, dim: true, zoom });
    reporter.setOverlay(thing(10, 150, 60, 20), TOP);
    reporter.invalidate();
    expect(frames.run()).toBe(1);
    const box = { y: 0, width: 320, height: 180, radius: 20, fit: "cover", z: 0 };
    expect(sent).toEqual([
      {
        devicePixelRatio: 2,
        stage: { r: 13, g: 0, b: 0 },
        glide: 0,
        tiles: [
          { ...box, id: "me/camera", x: 0, mirror: true, dim: false, zoom: null },
          { ...box, id: "amir/camera", x: 400, mirror: false, dim: true, zoom },
        ],
        overlays: [{ x: 10, y: 150, width: 60, height: 20, radius: 20, z: 255, opacity: 1 }],
      },
    ]);
  });

  it("sends nothing while nothing changes, and stops measuring", () => {
    const { reporter, frames, sent } = world;
    const tile = thing(0, 0, 320, 180);
    reporter.setTile(tile, TILE);
    frames.run(100);
    expect(sent).toHaveLength(1);
    expect(frames.waiting).toHaveLength(0);
    reporter.invalidate();
    frames.run(100);
    expect(sent).toHaveLength(1);
    // Declared again as it was, as with each snapshot of a call.
    reporter.setTile(tile, { ...TILE });
    expect(frames.waiting).toHaveLength(0);
  });

  it("follows a tile that moves after it was declared", () => {
    const tile = thing(0, 0, 320, 180);
    world.reporter.setTile(tile, TILE);
    world.frames.run();
    tile.x = 12.3456;
    world.frames.run();
    expect(world.sent.map((layout) => layout.tiles[0]?.x)).toEqual([0, 12.35]);
  });

  it("looks once at a change that may have moved nothing", () => {
    const tile = thing(0, 0, 320, 180);
    world.reporter.setTile(tile, TILE);
    world.frames.run(30);
    world.reporter.glance();
    expect(world.frames.run(30)).toBe(1);
    tile.x = 5;
    world.reporter.glance();
    expect(world.frames.run(30)).toBeGreaterThan(5);
    expect(world.sent.map((layout) => layout.tiles[0]?.x)).toEqual([0, 5]);
  });

  it("goes on measuring while something moves, however slowly", () => {
    const { reporter, frames } = world;
    reporter.setTile(thing(0, 0, 320, 180), TILE);
    world.moving = true;
    frames.run(100);
    expect(frames.waiting).toHaveLength(1);
    world.moving = false;
    frames.run(20);
    expect(frames.waiting).toHaveLength(0);
  });

  it("leaves out what is not to be seen and overlays beside or under the video", () => {
    const { reporter, frames } = world;
    reporter.setTile(thing(0, 0, 320, 180), { ...TILE, z: 1 });
    reporter.setTile(thing(0, 0, 0, 0), { ...TILE, id: "gone/camera" });
    reporter.setTile(thing(0, 0, 50, 50, { seen: false }), { ...TILE, id: "hidden/camera" });
    reporter.setOverlay(thing(320, 0, 50, 50), TOP);
    reporter.setOverlay(thing(0, 0, 50, 50), { z: 0, shine: false });
    reporter.setOverlay(thing(0, 0, 50, 50, { seen: false }), TOP);
    reporter.setOverlay(thing(0, 0, 50, 50, { opacity: 0 }), TOP);
    frames.run();
    expect(world.last.tiles.map(({ id }) => id)).toEqual(["me/camera"]);
    expect(world.last.overlays).toEqual([]);
  });

  it("tells how far video shines through", () => {
    const { reporter, frames } = world;
    reporter.setTile(thing(0, 0, 320, 180), TILE);
    reporter.setOverlay(thing(0, 0, 320, 180), { z: 255, shine: true });
    reporter.setOverlay(thing(10, 10, 20, 20, { opacity: 0.5 }), TOP);
    frames.run();
    expect(world.last.overlays.map(({ opacity }) => opacity)).toEqual([0.6, 0.5]);
  });

  it("gives a picture one box: the one above", () => {
    const { reporter, frames } = world;
    const settings = thing(500, 0, 160, 90, { behind: 99 });
    reporter.setTile(settings, { ...TILE, z: 101 });
    reporter.setTile(thing(0, 0, 320, 180), TILE);
    frames.run();
    expect(world.last.tiles.map(({ x, z }) => [x, z])).toEqual([[500, 101]]);
    expect(world.last.stage.r).toBe(99);
    reporter.remove(settings);
    frames.run();
    expect(world.last.tiles.map(({ x, z }) => [x, z])).toEqual([[0, 0]]);
  });

  it("lets what moves glide from when it is told so until it is told otherwise", () => {
    const { reporter, frames } = world;
    const tile = thing(0, 0, 320, 180);
    reporter.setTile(tile, TILE);
    frames.run(30);
    reporter.glide(200);
    tile.x = 400;
    frames.run(30);
    expect(world.last).toMatchObject({ glide: 200, tiles: [{ x: 400 }] });
    reporter.glide(0);
    frames.run(30);
    expect(world.last).toMatchObject({ glide: 0, tiles: [{ x: 400 }] });
    expect(world.sent).toHaveLength(3);
  });

  it("says when the last tile is gone", () => {
    const tile = thing(0, 0, 320, 180);
    world.reporter.setTile(tile, TILE);
    world.frames.run();
    world.reporter.remove(tile);
    world.frames.run();
    expect(world.last).toMatchObject({ tiles: [], stage: { r: 1 } });
  });

  it("tells at once what appears after the frame's callbacks, but only once in a frame", () => {
    const { reporter, frames, sent } = world;
    reporter.setTile(thing(0, 0, 320, 180), TILE);
    frames.run(30);
    reporter.setOverlay(thing(0, 0, 50, 50), TOP);
    reporter.appeared();
    expect(world.last.overlays).toHaveLength(1);
    expect(sent).toHaveLength(2);
    reporter.setOverlay(thing(60, 0, 50, 50), TOP);
    reporter.appeared();
    expect(sent).toHaveLength(2);
    frames.run();
    expect(world.last.overlays).toHaveLength(2);
  });

  it("has no tiles while nobody sees the window, without waiting for a frame", () => {
    const { reporter, frames } = world;
    reporter.setTile(thing(0, 0, 320, 180), TILE);
    reporter.setOverlay(thing(0, 0, 50, 50), TOP);
    frames.run(30);
    world.hidden = true;
    reporter.visibilityChanged();
    expect(world.last).toMatchObject({ tiles: [], overlays: [] });
    world.hidden = false;
    reporter.visibilityChanged();
    expect(world.last.tiles).toHaveLength(1);
    expect(world.last.overlays).toHaveLength(1);
  });

  it("tells the same again when it is asked to", () => {
    world.reporter.setTile(thing(0, 0, 320, 180), TILE);
    world.frames.run(30);
    world.reporter.again();
    world.frames.run(30);
    expect(world.sent).toHaveLength(2);
    expect(world.sent[1]).toEqual(world.sent[0]);
  });
});

/** The same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describe("any use of LayoutReporter", () => {
  const IDS = ["me/camera", "amir/camera", "sofia/camera"];
  const FITS = ["cover", "contain"] as const;

  /** Some seconds of a page, and what must have been told at the end of each frame. */
  function play(seed: number): void {
    const pick = random(seed);
    const world = new World();
    placed = 0;
    const tiles = new Map<Thing, TileOptions>();
    const overlays = new Map<Thing, OverlayOptions>();
    const any = <K, V>(map: Map<K, V>): K | undefined => [...map.keys()][pick(Math.max(1, map.size))];
    const box = (): Thing =>
      thing(pick(500) / 3, pick(500) / 3, pick(300), pick(300), {
        seen: pick(8) > 0,
        opacity: pick(5) / 4,
        behind: pick(9),
      });

    function step(): void {
      const what = pick(10);
      if (what < 2) {
        const element = (pick(2) && any(tiles)) || box();
        const zoom = pick(2) ? null : { x: pick(10) / 10, y: pick(10) / 10, width: 0.1, height: 0.1 };
        const options: TileOptions = {
          id: IDS[pick(3)] ?? "",
          fit: FITS[pick(2)] ?? "cover",
          mirror: pick(2) > 0,
          z: pick(4) * 50,
          dim: pick(2) > 0,
          zoom,
        };
        tiles.set(element, options);
        world.reporter.setTile(element, options);
      } else if (what < 5) {
        const [element, options] = [box(), { z: [0, 1, 100, 255][pick(4)] ?? 0, shine: pick(4) === 0 }];
        overlays.set(element, options);
        world.reporter.setOverlay(element, options);
      } else if (what < 7) {
        const element = pick(3) ? any(overlays) : any(tiles);
        if (!element) return;
        tiles.delete(element);
        overlays.delete(element);
        world.reporter.remove(element);
      } else if (what < 9) {
        const element = pick(2) ? any(overlays) : any(tiles);
        if (element) element.x += pick(100) / 7;
        world.reporter.invalidate();
      } else {
        world.hidden = !world.hidden;
        world.reporter.visibilityChanged();
      }
    }

    for (let frame = 0; frame < 60; frame++) {
      for (let steps = pick(4); steps > 0; steps--) step();
      const before = world.sent.length;
      world.frames.run();
      if (world.sent.length > before + 1) throw new Error("more than one message in a frame");
      check(world.sent.at(-1), world, tiles, overlays);
    }
    world.frames.run(40);
    expect(world.frames.waiting).toHaveLength(0);
    for (const [index, layout] of world.sent.entries()) {
      if (index > 0) expect(layout).not.toEqual(world.sent[index - 1]);
    }
  }

  function check(
    told: Layout | undefined,
    world: World,
    tiles: Map<Thing, TileOptions>,
    overlays: Map<Thing, OverlayOptions>,
  ): void {
    if (!told) {
      expect([tiles.size, overlays.size]).toEqual([0, 0]);
      return;
    }
    const near = (a: number | null, b: number) => Math.abs((a ?? NaN) - b) <= 0.0051;
    const matches = (rect: { x: number | null; y: number | null; width: number | null }, of: Thing) =>
      near(rect.x, of.x) && near(rect.y, of.y) && near(rect.width, of.width);
    const visible = (of: Thing) => of.seen && of.width > 0 && of.height > 0;
    const shown = world.hidden ? [] : [...tiles].filter(([element]) => visible(element));

    // Each picture that has a box is told once, with the options of the highest of them.
    const ids = told.tiles.map(({ id }) => id);
    expect([...ids].sort()).toEqual([...new Set(shown.map(([, { id }]) => id))].sort());
    for (const rect of told.tiles) {
      const boxes = shown.filter(([, { id }]) => id === rect.id);
      const top = Math.max(...boxes.map(([, { z }]) => z));
      expect(rect.z).toBe(top);
      const from = boxes.find(([element, options]) => options.z === top && matches(rect, element));
      expect(from?.[1]).toEqual({
        id: rect.id,
        fit: rect.fit,
        mirror: rect.mirror,
        z: rect.z,
        dim: rect.dim,
        zoom: rect.zoom,
      });
    }
    // From below to above, and each overlay that touches a picture below it, and no other.
    for (const list of [told.tiles, told.overlays]) {
      const zs = list.map(({ z }) => z);
      expect(zs).toEqual([...zs].sort((a, b) => a - b));
    }
    const touches = ([element, { z, shine }]: [Thing, OverlayOptions]) =>
      element.seen &&
      element.opacity * (shine ? element.background : 1) > 0 &&
      told.tiles.some(
        (rect) =>
          rect.z <= z &&
          (rect.x ?? 0) < element.x + element.width &&
          element.x < (rect.x ?? 0) + (rect.width ?? 0) &&
          (rect.y ?? 0) < element.y + element.height &&
          element.y < (rect.y ?? 0) + (rect.height ?? 0),
      );
    const expected = [...overlays].filter(touches).sort(([a, { z }], [b, { z: other }]) => z - other || a.at - b.at);
    expect(told.overlays.length).toBe(expected.length);
    for (const [index, [element, { z }]] of expected.entries()) {
      const overlay = told.overlays[index];
      expect(overlay?.z).toBe(z);
      expect(overlay && matches(overlay, element)).toBe(true);
    }
  }

  it("tells what is true, once a frame, in order, and then is quiet", () => {
    for (let seed = 0; seed < 60; seed++) play(seed);
  });
});
