/**
 * Pictures over the loopback WebSocket: one binary message for each picture, drawn on arrival and acknowledged after
 * drawing, so that the sender holds back what would queue. A picture for a tile without canvas is acknowledged unseen.
 */
import { drawI420 } from "./draw";
import { Slot, Slots } from "./slots";
import type { VideoSource } from "./source";

export const HEADER_BYTES = 32;
const MAGIC = 0x414b4946;
const KIND_I420 = 1;
/** Wait before connecting again, doubled up to the second value. */
const RETRY_MS = [250, 4000] as const;

export type Picture = { tileIndex: number; seq: number; width: number; height: number; i420: Uint8Array<ArrayBuffer> };

/** Reads one binary message; `null` if it is none of ours. */
export function parsePicture(message: ArrayBuffer): Picture | null {
  if (message.byteLength < HEADER_BYTES) return null;
  const view = new DataView(message);
  if (view.getUint32(0, true) !== MAGIC || view.getUint8(4) !== KIND_I420) return null;
  const tileIndex = view.getUint16(6, true);
  const seq = view.getUint32(8, true);
  const width = view.getUint16(12, true);
  const height = view.getUint16(14, true);
  const i420 = new Uint8Array(message, HEADER_BYTES);
  if (i420.length !== i420Bytes(width, height)) return null;
  return { tileIndex, seq, width, height, i420 };
}

export function i420Bytes(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
}

export function ackMessage(tileIndex: number, seq: number): ArrayBuffer {
  const message = new ArrayBuffer(8);
  const view = new DataView(message);
  view.setUint32(0, tileIndex, true);
  view.setUint32(4, seq, true);
  return message;
}

export function webSocketVideo(url: string): VideoSource {
  const slots = new Slots();
  let tiles: string[] = [];
  let retryMs: number = RETRY_MS[0];
  let socket: WebSocket | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;

  function connect(): void {
    socket = openSocket();
  }

  function openSocket(): WebSocket {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => (retryMs = RETRY_MS[0]);
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") onText(data);
      else onPicture(socket, data);
    };
    socket.onclose = () => {
      retry = setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, RETRY_MS[1]);
    };
    return socket;
  }

  function onText(text: string): void {
    const message = JSON.parse(text) as { tiles?: string[]; clear?: string };
    if (message.tiles) tiles = message.tiles;
    if (message.clear !== undefined) for (const slot of slots.all(message.clear)) slot.show(false);
  }

  function onPicture(socket: WebSocket, data: ArrayBuffer): void {
    const picture = parsePicture(data);
    if (!picture) return;
    const slot = slots.current(tiles[picture.tileIndex] ?? "");
    if (slot?.canvas) {
      drawI420(slot.canvas, picture);
      slot.show(true);
    }
    socket.send(ackMessage(picture.tileIndex, picture.seq));
  }

  connect();
  return {
    element: "canvas",
    attach(tile, canvas: HTMLCanvasElement | null, onPicture) {
      return slots.add(tile, new Slot(canvas, onPicture));
    },
    close() {
      clearTimeout(retry);
      if (!socket) return;
      socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}
