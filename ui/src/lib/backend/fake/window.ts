/**
 * A window that paints the pictures itself, played by a canvas of its own. Beneath the page (`blend`) it shows where the page
 * lets it through. Over the page (`cut`) it is erased where something of the page is declared to lie over the video, so what is
 * not declared is hidden, as in the app.
 */
import type { Layout, Overlay, TileRect, VideoTransport } from "..";
import { drawPortrait, isLoaded, portrait } from "./portraits";

/** The tests look through it. */
export const WINDOW_ID = "fake-window";
const DIM = "saturate(0.35) brightness(0.45)";

type Boxed = Pick<Overlay, "x" | "y" | "width" | "height" | "radius">;

export class FakeWindow {
  readonly #images = new Map<string, HTMLImageElement>();
  #canvas: HTMLCanvasElement | null = null;
  #layout: Layout | null = null;
  #blend = false;
  #told = "";

  constructor(private readonly picturesChanged: (tiles: string[]) => void) {}

  setLayout(layout: Layout, transport: VideoTransport): void {
    if (transport.kind !== "native") {
      this.#canvas?.remove();
      this.#canvas = this.#layout = null;
      this.#told = "";
      return;
    }
    if (!this.#canvas || this.#blend !== transport.blend) {
      this.#canvas?.remove();
      this.#canvas = placed(transport.blend);
    }
    this.#blend = transport.blend;
    this.#layout = layout;
    this.#paint();
  }

  #paint(): void {
    const context = this.#canvas?.getContext("2d");
    const layout = this.#layout;
    if (!this.#canvas || !context || !layout) return;
    const ratio = layout.devicePixelRatio ?? 1;
    this.#canvas.width = innerWidth * ratio;
    this.#canvas.height = innerHeight * ratio;
    context.scale(ratio, ratio);
    const { r, g, b } = layout.stage;
    context.fillStyle = `rgb(${r} ${g} ${b})`;
    if (this.#blend) context.fillRect(0, 0, innerWidth, innerHeight);

    const shown = layout.tiles.filter((tile) => isLoaded(this.#image(tile.id)));
    const overlays = this.#blend ? [] : layout.overlays;
    for (const z of [...new Set([...shown, ...overlays].map((each) => each.z))].sort((a, b) => a - b)) {
      for (const tile of shown) if (tile.z === z) this.#paintTile(context, tile);
      for (const overlay of overlays) if (overlay.z === z) erase(context, overlay);
    }
    this.#tell(shown.map(({ id }) => id));
  }

  #paintTile(context: CanvasRenderingContext2D, tile: TileRect): void {
    const image = this.#image(tile.id);
    context.save();
    outline(context, tile);
    context.clip();
    context.fillRect(tile.x ?? 0, tile.y ?? 0, tile.width ?? 0, tile.height ?? 0);
    context.translate(tile.x ?? 0, tile.y ?? 0);
    if (tile.dim) context.filter = DIM;
    drawPortrait(context, image, { width: tile.width ?? 0, height: tile.height ?? 0 }, tile);
    context.restore();
  }

  #image(tile: string): HTMLImageElement {
    let image = this.#images.get(tile);
    if (!image) this.#images.set(tile, (image = portrait(tile, () => this.#paint())));
    return image;
  }

  #tell(tiles: string[]): void {
    if (this.#told === tiles.join()) return;
    this.#told = tiles.join();
    this.picturesChanged(tiles);
  }
}

function outline(context: CanvasRenderingContext2D, { x, y, width, height, radius }: Boxed): void {
  context.beginPath();
  context.roundRect(x ?? 0, y ?? 0, width ?? 0, height ?? 0, radius ?? 0);
}

function erase(context: CanvasRenderingContext2D, overlay: Overlay): void {
  context.save();
  context.globalCompositeOperation = "destination-out";
  context.globalAlpha = overlay.opacity ?? 1;
  outline(context, overlay);
  context.fill();
  context.restore();
}

function placed(blend: boolean): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.id = WINDOW_ID;
  canvas.setAttribute("aria-hidden", "true");
  Object.assign(canvas.style, {
    position: "fixed",
    inset: "0",
    width: "100%",
    height: "100%",
    pointerEvents: "none",
    zIndex: blend ? "-1" : "2147483647",
  });
  document.documentElement.append(canvas);
  return canvas;
}
