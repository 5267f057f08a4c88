/** Still portraits instead of cameras, and how one fills a box: cropped or whole, mirrored, zoomed. */
import type { TileRect } from "..";
import amir from "./people/amir.svg?url";
import david from "./people/david.svg?url";
import elin from "./people/elin.svg?url";
import fatima from "./people/fatima.svg?url";
import jonas from "./people/jonas.svg?url";
import karin from "./people/karin.svg?url";
import lars from "./people/lars.svg?url";
import mei from "./people/mei.svg?url";
import noor from "./people/noor.svg?url";
import sofia from "./people/sofia.svg?url";

const PORTRAITS: Record<string, string> = {
  "me/camera": elin,
  "amir/camera": amir,
  "sofia/camera": sofia,
  "jonas/camera": jonas,
  "mei/camera": mei,
  "david/camera": david,
  "noor/camera": noor,
  "karin/camera": karin,
  "lars/camera": lars,
  "fatima/camera": fatima,
};

/** Calls `loaded` once the picture of `tile` is there. */
export function portrait(tile: string, loaded: () => void): HTMLImageElement {
  const image = new Image();
  image.onload = loaded;
  const source = PORTRAITS[tile];
  if (source) image.src = source;
  return image;
}

export function isLoaded(image: HTMLImageElement | undefined): image is HTMLImageElement {
  return image !== undefined && image.complete && image.naturalWidth > 0;
}

type Size = { width: number; height: number };

/** Fills the box of `size` at the origin of `context`, which is as large or clips. */
export function drawPortrait(
  context: CanvasRenderingContext2D,
  image: HTMLImageElement,
  size: Size,
  tile: TileRect,
): void {
  const part = {
    x: (tile.zoom?.x ?? 0) * image.naturalWidth,
    y: (tile.zoom?.y ?? 0) * image.naturalHeight,
    width: (tile.zoom?.width ?? 1) * image.naturalWidth,
    height: (tile.zoom?.height ?? 1) * image.naturalHeight,
  };
  const scales = [size.width / part.width, size.height / part.height];
  const scale = tile.fit === "cover" ? Math.max(...scales) : Math.min(...scales);
  const width = part.width * scale;
  const height = part.height * scale;
  if (tile.mirror) {
    context.translate(size.width, 0);
    context.scale(-1, 1);
  }
  const at = { x: (size.width - width) / 2, y: (size.height - height) / 2 };
  context.drawImage(image, part.x, part.y, part.width, part.height, at.x, at.y, width, height);
}
