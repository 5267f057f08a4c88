/**
 * Collects the rectangles of all tiles and of everything that lies over video, and reports them: at most one message
 * for each animation frame, and only when something has changed. Knows no document: what it measures comes through `Screen`.
 */
import type { Fit, Layout, Overlay, Rgb, TileRect, Zoom } from "../backend";

/** Frames without a change after which measuring stops until the next `invalidate`. */
const SETTLED_FRAMES = 12;

export type TileOptions = { id: string; fit: Fit; mirror: boolean; z: number; dim: boolean; zoom: Zoom | null };
export type OverlayOptions = {
  /** It lies over the tiles up to this one. */
  z: number;
  /** Video shines through as far as its background lets it. */
  shine: boolean;
};
/** CSS pixels. */
export type Box = { x: number; y: number; width: number; height: number; radius: number };

/** What the reporter asks of the document, `E` being its elements. */
export interface Screen<E> {
  requestFrame(callback: () => void): void;
  devicePixelRatio(): number;
  /** Nobody sees the window. */
  hidden(): boolean;
  /** A transition or animation runs that moves any of these without another word. */
  moving(declared: readonly E[]): boolean;
  /** Where a picture stands; `null` if it is not to be seen. */
  box(tile: E): Box | null;
  /** Where an element paints, and how opaque it is there; `null` if it is not to be seen. */
  ink(overlay: E, shine: boolean): (Box & { opacity: number }) | null;
  /** The opaque colour behind a tile; behind all of the page without one. */
  stage(tile: E | null): Rgb;
  /** Negative if `a` comes first in the document. */
  order(a: E, b: E): number;
}

type Placed<E> = { element: E; rect: TileRect & Box };

export class LayoutReporter<E> {
  readonly #tiles = new Map<E, TileOptions>();
  readonly #overlays = new Map<E, OverlayOptions>();
  #reported = "";
  #quietFrames = SETTLED_FRAMES;
  #scheduled = false;
  #sentInThisFrame = false;
  #glide = 0;

  constructor(
    private readonly screen: Screen<E>,
    private readonly report: (layout: Layout) => void,
  ) {}

  setTile(element: E, options: TileOptions): void {
    if (same(this.#tiles.get(element), options)) return;
    this.#tiles.set(element, options);
    this.invalidate();
  }

  setOverlay(element: E, options: OverlayOptions): void {
    this.#overlays.set(element, options);
    this.invalidate();
  }

  remove(element: E): void {
    this.#tiles.delete(element);
    this.#overlays.delete(element);
    this.invalidate();
  }

  /** All that is measured. */
  declared(): E[] {
    return [...this.#tiles.keys(), ...this.#overlays.keys()];
  }

  /** Something may have moved: measure each frame until nothing moves any more. */
  invalidate(): void {
    this.#quietFrames = 0;
    this.#schedule();
  }

  /** Something has changed that may or may not have moved anything: one look is enough to tell. */
  glance(): void {
    this.#quietFrames = Math.min(this.#quietFrames, SETTLED_FRAMES - 1);
    this.#schedule();
  }

  /** As `invalidate`, and at once: for what appears after this frame's callbacks, and would be seen a frame too early. */
  appeared(): void {
    this.#quietFrames = 0;
    if (this.#sentInThisFrame) this.#schedule();
    else this.#measure();
  }

  /** The window was hidden or shown. No frame comes while it is hidden, so nothing waits for one. */
  visibilityChanged(): void {
    this.#quietFrames = 0;
    this.#measure();
  }

  /** What moves from now on takes so many milliseconds; 0: none. */
  glide(milliseconds: number): void {
    this.#glide = milliseconds;
    this.glance();
  }

  /** Whoever listens has forgotten the layout: it is reported again, even if nothing changes. */
  again(): void {
    this.#reported = "";
    this.invalidate();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.screen.requestFrame(() => {
      this.#scheduled = false;
      this.#sentInThisFrame = false;
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
      this.#sentInThisFrame = true;
      this.report(layout);
    }
    if (this.#quietFrames < SETTLED_FRAMES || this.screen.moving(this.declared())) this.#schedule();
  }

  #layout(): Layout {
    const placed = this.screen.hidden() ? [] : this.#placedTiles();
    const tiles = placed.map(({ rect }) => rect);
    return {
      devicePixelRatio: this.screen.devicePixelRatio(),
      stage: this.screen.stage(placed.at(-1)?.element ?? null),
      glide: this.#glide,
      tiles,
      overlays: tiles.length > 0 ? this.#overlaysOver(tiles) : [],
    };
  }

  /** From below to above. A picture has one box at a time: the one that lies above. */
  #placedTiles(): Placed<E>[] {
    const all: Placed<E>[] = [];
    for (const [element, options] of this.#tiles) {
      const box = this.screen.box(element);
      if (box) all.push({ element, rect: { ...rounded(box), ...options } });
    }
    all.sort((a, b) => a.rect.z - b.rect.z || this.screen.order(a.element, b.element));
    return all.filter(({ rect }, index) => !all.slice(index + 1).some((above) => above.rect.id === rect.id));
  }

  #overlaysOver(tiles: Placed<E>["rect"][]): Overlay[] {
    const all: { element: E; overlay: Overlay }[] = [];
    for (const [element, { z, shine }] of this.#overlays) {
      const ink = this.screen.ink(element, shine);
      if (!ink || !tiles.some((tile) => tile.z <= z && overlap(tile, ink))) continue;
      const opacity = hundredths(ink.opacity);
      if (opacity > 0) all.push({ element, overlay: { ...rounded(ink), z, opacity } });
    }
    all.sort((a, b) => a.overlay.z - b.overlay.z || this.screen.order(a.element, b.element));
    return all.map(({ overlay }) => overlay);
  }
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function same(a: TileOptions | undefined, b: TileOptions): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** Hundredths of a CSS pixel: finer differences are no change. */
function rounded({ x, y, width, height, radius }: Box): Box {
  return {
    x: hundredths(x),
    y: hundredths(y),
    width: hundredths(width),
    height: hundredths(height),
    radius: hundredths(radius),
  };
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
