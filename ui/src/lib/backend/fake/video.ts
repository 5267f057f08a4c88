/** Portraits on the page's canvases: the surface of most tests. */
import type { Layout, TileRect } from "..";
import { Slot, Slots } from "../../video/slots";
import type { OnPicture, VideoSource } from "../../video/source";
import { drawPortrait, isLoaded, portrait } from "./portraits";

export class FakeVideo implements VideoSource {
  readonly element = "canvas";
  readonly #slots = new Slots();
  readonly #images = new Map<string, HTMLImageElement>();
  #tiles: readonly TileRect[] = [];
  #ratio = 1;

  attach(tile: string, canvas: HTMLCanvasElement | null, onPicture: OnPicture): () => void {
    const slot = new Slot(canvas, onPicture);
    const detach = this.#slots.add(tile, slot);
    if (!this.#images.has(tile)) {
      const image = portrait(tile, () => this.#drawAll());
      this.#images.set(tile, image);
    }
    return detach;
  }

  setLayout(layout: Layout): void {
    this.#tiles = layout.tiles;
    this.#ratio = layout.devicePixelRatio ?? 1;
    this.#drawAll();
  }

  close(): void {
    this.#tiles = [];
  }

  #drawAll(): void {
    for (const tile of this.#tiles) {
      const slot = this.#slots.current(tile.id);
      const image = this.#images.get(tile.id);
      if (slot?.canvas && isLoaded(image)) {
        draw(slot.canvas, image, tile, this.#ratio);
        slot.show(true);
      }
    }
  }
}

function draw(canvas: HTMLCanvasElement, image: HTMLImageElement, tile: TileRect, ratio: number): void {
  canvas.width = Math.round((tile.width ?? 0) * ratio);
  canvas.height = Math.round((tile.height ?? 0) * ratio);
  const context = canvas.getContext("2d");
  if (context) drawPortrait(context, image, canvas, tile);
}
