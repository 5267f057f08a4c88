/** Colours as the style of an element or a token names them. */
import type { Rgb } from "../backend";

export type Colour = Rgb & { a: number };

const HEX = /^#(?:([0-9a-f])([0-9a-f])([0-9a-f])|([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2}))$/i;
const RGB = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)(?:\s*[,/]\s*([\d.]+)(%?))?\s*\)$/i;

/** Reads `#rgb`, `#rrggbb`, `rgb()` and `rgba()`; `null` for anything else. */
export function parseColour(text: string): Colour | null {
  const hex = HEX.exec(text.trim());
  if (hex) {
    const [r, g, b] = hex[1] ? hex.slice(1, 4).map((digit) => digit + digit) : hex.slice(4, 7);
    return { r: parseInt(r ?? "", 16), g: parseInt(g ?? "", 16), b: parseInt(b ?? "", 16), a: 1 };
  }
  const rgb = RGB.exec(text.trim());
  if (!rgb) return null;
  const [r = 0, g = 0, b = 0] = rgb.slice(1, 4).map((part) => Math.min(255, Math.round(Number(part))));
  const a = rgb[4] === undefined ? 1 : Number(rgb[4]) / (rgb[5] ? 100 : 1);
  return { r, g, b, a: Math.min(1, a) };
}
