/** The seam to where pixels come from: a WebSocket or the window itself in the app, drawings in tests, a guest's `<video>`. */
import type { VideoTransport } from "../backend";

export type OnPicture = (present: boolean) => void;

export interface VideoSource {
  /** What the page shows them in; `null`: they come from beneath or over it, and a tile is an empty box. */
  readonly element: "canvas" | "video" | null;
  /**
   * Shows the pictures of `tile` until the returned function is called, in `element` if the page does. `onPicture(true)` when
   * there is one, `onPicture(false)` when there is none any more. Of several with the same tile the last one has the pictures.
   */
  attach(tile: string, element: HTMLCanvasElement | HTMLVideoElement | null, onPicture: OnPicture): () => void;
  /** Ends it: another source takes over. */
  close(): void;
}

/** What the style and the tests are told: `html[data-video]`. */
export function videoMode(transport: VideoTransport): "websocket" | "element" | "native-blend" | "native-cut" {
  if (transport.kind !== "native") return transport.kind;
  return transport.blend ? "native-blend" : "native-cut";
}
