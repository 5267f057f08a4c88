import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { HEADER_BYTES, i420Bytes, webSocketVideo } from "../../src/lib/video/websocket";

/** The page's end of a connection, driven by hand. */
class StubSocket {
  static last: StubSocket;
  static opened = 0;
  binaryType = "";
  readonly sent: number[][] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string | ArrayBuffer }) => void;
  onclose?: (() => void) | null;
  closed = false;
  constructor(readonly url: string) {
    StubSocket.last = this;
    StubSocket.opened += 1;
  }
  send(data: ArrayBuffer): void {
    const view = new DataView(data);
    this.sent.push([view.getUint32(0, true), view.getUint32(4, true)]);
  }
  close(): void {
    this.closed = true;
    this.onclose?.();
  }
  text(value: unknown): void {
    this.onmessage?.({ data: JSON.stringify(value) });
  }
  picture(tile: number, seq: number, width = 4, height = 2): void {
    const data = new ArrayBuffer(HEADER_BYTES + i420Bytes(width, height));
    const view = new DataView(data);
    view.setUint32(0, 0x414b4946, true);
    view.setUint8(4, 1);
    view.setUint16(6, tile, true);
    view.setUint32(8, seq, true);
    view.setUint16(12, width, true);
    view.setUint16(14, height, true);
    this.onmessage?.({ data });
  }
}

/** A canvas that notes what is drawn. */
function canvas(log: string[]): HTMLCanvasElement {
  const stub = { width: 0, height: 0, getContext: () => ({ putImageData: () => log.push("drawn") }) };
  return stub as unknown as HTMLCanvasElement;
}

describe("webSocketVideo", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", StubSocket);
    vi.stubGlobal("ImageData", vi.fn());
    StubSocket.opened = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("draws on the tile's canvas in the picture's size, then acknowledges", () => {
    const video = webSocketVideo("ws://127.0.0.1:1/token");
    const log: string[] = [];
    const shown: boolean[] = [];
    const target = canvas(log);
    video.attach("amir/camera", target, (present) => shown.push(present));
    const socket = StubSocket.last;
    socket.text({ tiles: ["me/camera", "amir/camera"] });
    socket.picture(1, 7);
    socket.picture(1, 8);
    expect([target.width, target.height]).toEqual([4, 2]);
    expect(log).toEqual(["drawn", "drawn"]);
    expect(shown).toEqual([true]);
    expect(socket.sent).toEqual([
      [1, 7],
      [1, 8],
    ]);
    socket.text({ clear: "amir/camera" });
    socket.text({ clear: "nobody/camera" });
    expect(shown).toEqual([true, false]);
  });

  it("acknowledges unseen what has no canvas, so that the sender goes on", () => {
    const video = webSocketVideo("ws://127.0.0.1:1/token");
    const log: string[] = [];
    const detach = video.attach("me/camera", canvas(log), () => undefined);
    detach();
    StubSocket.last.text({ tiles: ["me/camera"] });
    StubSocket.last.picture(0, 1);
    StubSocket.last.picture(9, 2);
    expect(log).toEqual([]);
    expect(StubSocket.last.sent).toEqual([
      [0, 1],
      [9, 2],
    ]);
  });

  it("draws where the tile was attached last, and afterwards where it was before", () => {
    const video = webSocketVideo("ws://127.0.0.1:1/token");
    const logs: string[][] = [[], []];
    const shown: boolean[][] = [[], []];
    const detach = logs.map((log, index) =>
      video.attach("me/camera", canvas(log), (present) => shown[index]?.push(present)),
    );
    const socket = StubSocket.last;
    socket.text({ tiles: ["me/camera"] });
    socket.picture(0, 1);
    expect(logs).toEqual([[], ["drawn"]]);
    detach[1]?.();
    socket.picture(0, 2);
    expect(logs).toEqual([["drawn"], ["drawn"]]);
    expect(shown).toEqual([[true], [true]]);
  });

  it("ends for good when it is closed, also between two connections", () => {
    const video = webSocketVideo("ws://127.0.0.1:1/token");
    video.close();
    expect(StubSocket.last.closed).toBe(true);
    const other = webSocketVideo("ws://127.0.0.1:1/token");
    StubSocket.last.onclose?.();
    other.close();
    vi.advanceTimersByTime(60_000);
    expect(StubSocket.opened).toBe(2);
  });

  it("connects again after the connection ended, each time later", () => {
    webSocketVideo("ws://127.0.0.1:1/token");
    StubSocket.last.onclose?.();
    vi.advanceTimersByTime(249);
    expect(StubSocket.opened).toBe(1);
    vi.advanceTimersByTime(1);
    expect(StubSocket.opened).toBe(2);
    StubSocket.last.onclose?.();
    vi.advanceTimersByTime(250);
    expect(StubSocket.opened).toBe(2);
    vi.advanceTimersByTime(250);
    expect(StubSocket.opened).toBe(3);
  });
});
