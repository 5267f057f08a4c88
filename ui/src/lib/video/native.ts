/** Pictures that the window paints itself, beneath or over the page: here is only known which tiles show one. */
import { Slot, Slots } from "./slots";
import type { OnPicture, VideoSource } from "./source";

export class NativeVideo implements VideoSource {
  readonly element = null;
  readonly #slots = new Slots();
  #shown: ReadonlySet<string> = new Set();

  attach(tile: string, _canvas: HTMLCanvasElement | null, onPicture: OnPicture): () => void {
    const slot = new Slot(null, onPicture);
    const detach = this.#slots.add(tile, slot);
    slot.show(this.#shown.has(tile));
    return detach;
  }

  /** All tiles that show a picture now. */
  picturesChanged(tiles: readonly string[]): void {
    this.#shown = new Set(tiles);
    for (const tile of this.#slots.tiles()) {
      for (const slot of this.#slots.all(tile)) slot.show(this.#shown.has(tile));
    }
  }

  /** Nothing is held. */
  close(): void {
    this.picturesChanged([]);
  }
}
