import { beforeEach, describe, expect, it } from "vitest";

import type { Layout } from "../../src/lib/backend";
import { LayoutReporter, type Measured } from "../../src/lib/video/reporter";

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

const box = (x: number, y: number, width: number, height: number): Measured & { x: number } => ({
  x,
  getBoundingClientRect() {
    return { x: this.x, y, width, height };
  },
});
const OPTIONS = { id: "me/camera", fit: "cover", mirror: true, z: 0 } as const;

describe("LayoutReporter", () => {
  let frames: Frames;
  let sent: Layout[];
  let reporter: LayoutReporter;
  beforeEach(() => {
    frames = new Frames();
    sent = [];
    const screen = {
      requestFrame: (callback: () => void) => void frames.waiting.push(callback),
      devicePixelRatio: () => 2,
      radius: () => 20,
    };
    reporter = new LayoutReporter(screen, (layout) => sent.push(layout));
  });

  it("sends one message for many changes in a frame", () => {
    reporter.setTile(box(0, 0, 320, 180), OPTIONS);
    reporter.setTile(box(400, 0, 320, 180), { ...OPTIONS, id: "amir/camera", mirror: false });
    reporter.setOverlay(box(10, 150, 60, 20));
    reporter.invalidate();
    expect(frames.run()).toBe(1);
    expect(sent).toEqual([
      {
        devicePixelRatio: 2,
        tiles: [
          { id: "me/camera", x: 0, y: 0, width: 320, height: 180, radius: 20, fit: "cover", mirror: true, z: 0 },
          { id: "amir/camera", x: 400, y: 0, width: 320, height: 180, radius: 20, fit: "cover", mirror: false, z: 0 },
        ],
        overlays: [{ x: 10, y: 150, width: 60, height: 20, radius: 20 }],
      },
    ]);
  });

  it("sends nothing while nothing changes, and stops measuring", () => {
    reporter.setTile(box(0, 0, 320, 180), OPTIONS);
    frames.run(100);
    expect(sent).toHaveLength(1);
    expect(frames.waiting).toHaveLength(0);
    reporter.invalidate();
    frames.run(100);
    expect(sent).toHaveLength(1);
  });

  it("follows a tile that moves after it was declared", () => {
    const tile = box(0, 0, 320, 180);
    reporter.setTile(tile, OPTIONS);
    frames.run();
    tile.x = 12.3456;
    frames.run();
    expect(sent.map((layout) => layout.tiles[0]?.x)).toEqual([0, 12.35]);
  });

  it("leaves out hidden boxes and overlays beside the video", () => {
    reporter.setTile(box(0, 0, 320, 180), OPTIONS);
    reporter.setTile(box(0, 0, 0, 0), { ...OPTIONS, id: "gone/camera" });
    reporter.setOverlay(box(320, 0, 50, 50));
    frames.run();
    expect(sent[0]?.tiles.map(({ id }) => id)).toEqual(["me/camera"]);
    expect(sent[0]?.overlays).toEqual([]);
  });

  it("says when the last tile is gone", () => {
    const tile = box(0, 0, 320, 180);
    reporter.setTile(tile, OPTIONS);
    frames.run();
    reporter.remove(tile);
    frames.run();
    expect(sent.at(-1)?.tiles).toEqual([]);
  });
});
