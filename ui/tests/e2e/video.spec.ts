/** Pictures from a WebSocket as the app's surface sends them: drawn in the right colours, acknowledged, taken away. */
import type { WebSocketRoute } from "@playwright/test";

import { expect, test } from "./page";

const URL = "ws://127.0.0.1:4318/token";
const [WIDTH, HEIGHT] = [64, 36];

/** One colour in BT.601, limited range. */
function picture(tile: number, seq: number, [y, u, v]: [number, number, number]): Buffer {
  const chroma = (WIDTH / 2) * (HEIGHT / 2);
  const message = Buffer.alloc(32 + WIDTH * HEIGHT + 2 * chroma);
  message.write("FIKA");
  message.writeUInt8(1, 4);
  message.writeUInt16LE(tile, 6);
  message.writeUInt32LE(seq, 8);
  message.writeUInt16LE(WIDTH, 12);
  message.writeUInt16LE(HEIGHT, 14);
  message.fill(y, 32, 32 + WIDTH * HEIGHT);
  message.fill(u, 32 + WIDTH * HEIGHT, 32 + WIDTH * HEIGHT + chroma);
  message.fill(v, 32 + WIDTH * HEIGHT + chroma);
  return message;
}

test("a picture reaches its tile", async ({ page }) => {
  const acks: number[][] = [];
  const { promise: connected, resolve } = deferred<WebSocketRoute>();
  await page.routeWebSocket(URL, (socket) => {
    socket.onMessage((data) => {
      const ack = Buffer.from(data as Buffer);
      acks.push([ack.readUInt32LE(0), ack.readUInt32LE(4)]);
    });
    resolve(socket);
  });
  await page.goto(`/?state=one-to-one&lang=en&video=${URL}`);
  const tile = page.locator('[data-tile="amir/camera"]');
  await expect(tile.locator("canvas")).toBeAttached();
  await expect(tile).toHaveAttribute("data-picture", "false");

  const socket = await connected;
  socket.send(JSON.stringify({ tiles: ["amir/camera", "me/camera"] }));
  socket.send(picture(0, 41, [81, 90, 240]));
  await expect(tile).toHaveAttribute("data-picture", "true");
  const seen = await tile.locator("canvas").evaluate((canvas: HTMLCanvasElement) => ({
    size: [canvas.width, canvas.height],
    pixel: Array.from(canvas.getContext("2d")?.getImageData(32, 18, 1, 1).data ?? []),
  }));
  expect(seen.size).toEqual([WIDTH, HEIGHT]);
  const [red = 0, green = 255, blue = 255] = seen.pixel;
  expect(red).toBeGreaterThan(245);
  expect(Math.max(green, blue)).toBeLessThan(10);
  await expect.poll(() => acks).toEqual([[0, 41]]);

  socket.send(JSON.stringify({ clear: "amir/camera" }));
  await expect(tile).toHaveAttribute("data-picture", "false");
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
