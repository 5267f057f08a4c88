/** A guest's pictures: each tile is a `<video>` that plays a stream. */
import type { OnPicture, VideoSource } from "../../video/source";

type Player = { element: HTMLVideoElement; onPicture: OnPicture };

export class ElementVideo implements VideoSource {
  readonly element = "video";
  readonly #players = new Map<string, Set<Player>>();
  readonly #streams = new Map<string, MediaStream>();

  attach(tile: string, element: HTMLVideoElement | null, onPicture: OnPicture): () => void {
    if (!element) return () => undefined;
    const player = { element, onPicture };
    const all = this.#players.get(tile) ?? new Set();
    this.#players.set(tile, all.add(player));
    const shown = () => onPicture(element.srcObject !== null && element.videoWidth > 0);
    element.addEventListener("resize", shown);
    element.addEventListener("playing", shown);
    play(player, this.#streams.get(tile) ?? null);
    return () => {
      element.removeEventListener("resize", shown);
      element.removeEventListener("playing", shown);
      element.srcObject = null;
      all.delete(player);
      if (all.size === 0) this.#players.delete(tile);
    };
  }

  /** `null`: no pictures come for this tile any more. */
  set(tile: string, track: MediaStreamTrack | null): void {
    const now = this.#streams.get(tile)?.getVideoTracks()[0] ?? null;
    if (now === track) return;
    if (track) this.#streams.set(tile, new MediaStream([track]));
    else this.#streams.delete(tile);
    for (const player of this.#players.get(tile) ?? []) play(player, this.#streams.get(tile) ?? null);
  }

  close(): void {
    for (const tile of [...this.#streams.keys()]) this.set(tile, null);
  }
}

function play({ element, onPicture }: Player, stream: MediaStream | null): void {
  if (element.srcObject === stream) return;
  element.srcObject = stream;
  if (!stream) onPicture(false);
  // A page that nobody has touched may still play what has no sound; where it may not, the next press starts it.
  else void element.play().catch(() => undefined);
}
