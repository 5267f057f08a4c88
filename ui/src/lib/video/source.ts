/** The seam to where pixels come from: a WebSocket in the app, drawings in tests, later a guest's `<video>`. */
export interface VideoSource {
  /**
   * Shows the pictures of `tile` on `canvas` until the returned function is called. `onPicture(true)` when the first one
   * is drawn, `onPicture(false)` when the tile has none any more. Each tile has at most one canvas.
   */
  attach(tile: string, canvas: HTMLCanvasElement, onPicture: (present: boolean) => void): () => void;
}
