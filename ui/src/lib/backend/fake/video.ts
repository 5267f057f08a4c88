/** Still portraits instead of a camera, drawn as the layout asks: the surface of the tests. */
import type { Layout, TileRect } from "..";
import type { VideoSource } from "../../video/source";
import amir from "./people/amir.svg?url";
import elin from "./people/elin.svg?url";
import jonas from "./people/jonas.svg?url";
import sofia from "./people/sofia.svg?url";

const PORTRAITS: Record<string, string> = {
  "me/camera": elin,
  "amir/camera": amir,
  "sofia/camera": sofia,
  "jonas/camera": jonas,
};

type Slot = { canvas: HTMLCanvasElement; image: HTMLImageElement; onPicture: (present: boolean) => void };

export class FakeVideo implements VideoSource {
  readonly #slots = new Map<string, Slot>();
  #layout: Layout = { devicePixelRatio: 1, tiles: [], overlays: [] };

  attach(tile: string, canvas: HTMLCanvasElement, onPicture: (present: boolean) => void): () => void {
    const image = new Image();
    const slot = { canvas, image, onPicture };
    this.#slots.set(tile, slot);
    image.onload = () => this.#drawAll();
    const source = PORTRAITS[tile];
    if (source) image.src = source;
    return () => {
      if (this.#slots.get(tile) === slot) this.#slots.delete(tile);
    };
  }

  setLayout(layout: Layout): void {
    this.#layout = layout;
    this.#drawAll();
  }

  #drawAll(): void {
    for (const tile of this.#layout.tiles) {
      const slot = this.#slots.get(tile.id);
      if (slot?.image.complete && slot.image.naturalWidth > 0) draw(slot, tile, this.#layout.devicePixelRatio ?? 1);
    }
  }
}

function draw({ canvas, image, onPicture }: Slot, tile: TileRect, ratio: number): void {
  canvas.width = Math.round((tile.width ?? 0) * ratio);
  canvas.height = Math.round((tile.height ?? 0) * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  const scales = [canvas.width / image.naturalWidth, canvas.height / image.naturalHeight];
  const scale = tile.fit === "cover" ? Math.max(...scales) : Math.min(...scales);
  const width = image.naturalWidth * scale;
  const height = image.naturalHeight * scale;
  if (tile.mirror) {
    context.translate(canvas.width, 0);
    context.scale(-1, 1);
  }
  context.drawImage(image, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  onPicture(true);
}
