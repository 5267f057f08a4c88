/** Who shows the pictures of a tile now. A tile can be attached again above an earlier box, which has it back afterwards. */
import type { OnPicture } from "./source";

export class Slot {
  #shown = false;

  constructor(
    readonly canvas: HTMLCanvasElement | null,
    private readonly onPicture: OnPicture,
  ) {}

  show(present: boolean): void {
    if (this.#shown === present) return;
    this.#shown = present;
    this.onPicture(present);
  }
}

export class Slots {
  readonly #tiles = new Map<string, Slot[]>();

  /** The returned function takes `slot` away again. */
  add(tile: string, slot: Slot): () => void {
    this.#tiles.set(tile, [...(this.#tiles.get(tile) ?? []), slot]);
    return () => {
      const rest = this.#tiles.get(tile)?.filter((each) => each !== slot) ?? [];
      if (rest.length > 0) this.#tiles.set(tile, rest);
      else this.#tiles.delete(tile);
    };
  }

  /** The one that has the pictures. */
  current(tile: string): Slot | undefined {
    return this.#tiles.get(tile)?.at(-1);
  }

  /** All of a tile, for what is true of each: it has no picture any more. */
  all(tile: string): readonly Slot[] {
    return this.#tiles.get(tile) ?? [];
  }

  tiles(): Iterable<string> {
    return this.#tiles.keys();
  }
}
