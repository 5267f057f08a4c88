/** Draws one I420 picture (BT.601, limited range) onto a canvas whose backing size becomes the picture's size. */

export type I420Picture = { width: number; height: number; i420: Uint8Array<ArrayBuffer> };

const COLOR_SPACE: VideoColorSpaceInit = {
  matrix: "smpte170m",
  primaries: "smpte170m",
  transfer: "smpte170m",
  fullRange: false,
};

export function drawI420(canvas: HTMLCanvasElement, picture: I420Picture): void {
  const { width, height } = picture;
  // Assigning a size clears the canvas, so only a real change may do it.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) return;
  if (typeof VideoFrame === "function") {
    const frame = new VideoFrame(picture.i420, {
      format: "I420",
      codedWidth: width,
      codedHeight: height,
      timestamp: 0,
      colorSpace: COLOR_SPACE,
    });
    context.drawImage(frame, 0, 0);
    frame.close();
  } else {
    context.putImageData(new ImageData(toRgba(picture), width, height), 0, 0);
  }
}

/** For webviews without WebCodecs. */
export function toRgba({ width, height, i420 }: I420Picture): Uint8ClampedArray<ArrayBuffer> {
  const chromaWidth = Math.ceil(width / 2);
  const u0 = width * height;
  const v0 = u0 + chromaWidth * Math.ceil(height / 2);
  const out = new Uint8ClampedArray(width * height * 4);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at += 4) {
      const chroma = (row >> 1) * chromaWidth + (column >> 1);
      const y = 1.164 * ((i420[row * width + column] ?? 0) - 16);
      const u = (i420[u0 + chroma] ?? 0) - 128;
      const v = (i420[v0 + chroma] ?? 0) - 128;
      out[at] = y + 1.596 * v;
      out[at + 1] = y - 0.392 * u - 0.813 * v;
      out[at + 2] = y + 2.017 * u;
      out[at + 3] = 255;
    }
  }
  return out;
}
