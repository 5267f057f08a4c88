/**
 * Collects the rectangles of all tiles and of everything that lies over video, and reports them: at most one message
 * for each animation frame, and only when something has changed.
 */
import type { Fit, Layout, TileRect } from "../backend";

/** Frames without a change after which measuring stops until the next `invalidate`. */
const SETTLED_FRAMES = 12;

export type TileOptions = { id: string; fit: Fit; mirror: boolean; z: number };
type Box = Pick<DOMRect, "x" | "y" | "width" | "height">;
type RoundedBox = Box & { radius: number };
/** What the reporter needs of an element. */
export interface Measured {
  getBoundingClientRect(): Box;
}
export interface Screen {
  requestFrame(callback: () => void): void;
  devicePixelRatio(): number;
  radius(element: Measured): number;
}

export class LayoutReporter {
  readonly #tiles = new Map<Measured, TileOptions>();
  readonly #overlays = new Set<Measured>();
  #reported = "";
  #quietFrames = SETTLED_FRAMES;
  #scheduled = false;

  constructor(
    private readonly screen: Screen,
    private readonly report: (layout: Layout) => void,
  ) {}

  setTile(element: Measured, options: TileOptions): void {
    this.#tiles.set(element, options);
    this.invalidate();
  }

  setOverlay(element: Measured): void {
    this.#overlays.add(element);
    this.invalidate();
  }

  remove(element: Measured): void {
    this.#tiles.delete(element);
    this.#overlays.delete(element);
    this.invalidate();
  }

  /** Something may have moved: measure each frame until nothing moves any more. */
  invalidate(): void {
    this.#quietFrames = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.screen.requestFrame(() => {
      this.#scheduled = false;
      this.#measure();
    });
  }

  #measure(): void {
    const layout = this.#layout();
    const text = JSON.stringify(layout);
    if (text === this.#reported) {
      this.#quietFrames += 1;
    } else {
      this.#quietFrames = 0;
      this.#reported = text;
      this.report(layout);
    }
    if (this.#quietFrames < SETTLED_FRAMES) this.#schedule();
  }

  #layout(): Layout {
    const tiles: (TileRect & RoundedBox)[] = [];
    for (const [element, { id, fit, mirror, z }] of this.#tiles) {
      const box = this.#box(element);
      if (box) tiles.push({ id, ...box, fit, mirror, z });
    }
    const overlays: RoundedBox[] = [];
    if (tiles.length > 0) {
      for (const element of this.#overlays) {
        const box = this.#box(element);
        if (box && tiles.some((tile) => overlap(tile, box))) overlays.push(box);
      }
    }
    return { devicePixelRatio: this.screen.devicePixelRatio(), tiles, overlays };
  }

  #box(element: Measured): RoundedBox | null {
    const { x, y, width, height } = element.getBoundingClientRect();
    if (width <= 0 || height <= 0) return null;
    return {
      x: round(x),
      y: round(y),
      width: round(width),
      height: round(height),
      radius: this.screen.radius(element),
    };
  }
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Hundredths of a CSS pixel: finer differences are no change. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
