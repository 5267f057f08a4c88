import { describe, expect, it } from "vitest";

import { toRgba } from "../../src/lib/video/draw";
import { ackMessage, HEADER_BYTES, i420Bytes, parsePicture } from "../../src/lib/video/websocket";

function message(
  width: number,
  height: number,
  change: (view: DataView) => void = () => undefined,
  extra = 0,
): ArrayBuffer {
  const buffer = new ArrayBuffer(HEADER_BYTES + i420Bytes(width, height) + extra);
  const view = new DataView(buffer);
  view.setUint32(0, 0x414b4946, true);
  view.setUint8(4, 1);
  view.setUint16(6, 3, true);
  view.setUint32(8, 70_000, true);
  view.setUint16(12, width, true);
  view.setUint16(14, height, true);
  change(view);
  return buffer;
}

describe("parsePicture", () => {
  it("reads the header", () => {
    expect(parsePicture(message(6, 4))).toMatchObject({ tileIndex: 3, seq: 70_000, width: 6, height: 4 });
    expect(parsePicture(message(6, 4))?.i420).toHaveLength(36);
  });

  it("spells FIKA in the first four bytes", () => {
    expect(new TextDecoder().decode(message(2, 2).slice(0, 4))).toBe("FIKA");
  });

  it("takes odd sizes", () => {
    expect(i420Bytes(5, 3)).toBe(15 + 2 * 3 * 2);
    expect(parsePicture(message(5, 3))).not.toBeNull();
  });

  it("refuses what is no picture of ours", () => {
    expect(parsePicture(new ArrayBuffer(10))).toBeNull();
    expect(parsePicture(message(4, 4, (view) => view.setUint32(0, 1, true)))).toBeNull();
    expect(parsePicture(message(4, 4, (view) => view.setUint8(4, 9)))).toBeNull();
    expect(parsePicture(message(4, 4, (view) => view.setUint16(12, 8, true)))).toBeNull();
    expect(parsePicture(message(4, 4, undefined, 1))).toBeNull();
  });
});

it("acknowledges tile and sequence number", () => {
  const view = new DataView(ackMessage(3, 70_000));
  expect([view.byteLength, view.getUint32(0, true), view.getUint32(4, true)]).toEqual([8, 3, 70_000]);
});

describe("toRgba", () => {
  const pixel = (y: number, u: number, v: number) =>
    Array.from(toRgba({ width: 1, height: 1, i420: new Uint8Array([y, u, v]) }));
  it("converts limited-range BT.601", () => {
    expect(pixel(16, 128, 128)).toEqual([0, 0, 0, 255]);
    expect(pixel(235, 128, 128)).toEqual([255, 255, 255, 255]);
    const [red, green, blue] = pixel(81, 90, 240);
    expect(red).toBeGreaterThan(250);
    expect(Math.max(green ?? 255, blue ?? 255)).toBeLessThan(4);
  });
});
