/** A whole call of a guest, with sockets and connections that go nowhere. */
import { beforeEach, describe, expect, it, vi } from "vitest";

import type { EndReason, Notification } from "../../src/lib/backend";
import { WebCall } from "../../src/lib/backend/web/call";
import { parseLink } from "../../src/lib/backend/web/link";
import { MAX_PARTICIPANTS, type ClientMessage } from "../../src/lib/protocol/signal";
import { Trusted } from "../../src/lib/backend/web/trust";

const LINK = "https://meet.example.org/j/aaaq-eaye-auda-oceb#MDEyMzQ1Njc4OWFiY2RlZg";
const MEDIA = { microphone: true, camera: false };

class Socket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static all: Socket[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly sent: ClientMessage[] = [];
  constructor() {
    Socket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as ClientMessage);
  }
  close(): void {
    this.readyState = 3;
  }
  open(): void {
    this.readyState = Socket.OPEN;
    this.onopen?.();
  }
  says(...messages: unknown[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) });
  }
}

class Connection {
  static last: Connection | null = null;
  connectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  /** Data takes no part in these tests: a channel that never opens. */
  createDataChannel = () => ({ readyState: "connecting", close: () => undefined });
  static open = 0;
  constructor() {
    Connection.open += 1;
    Connection.last = this;
  }
  becomes(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
  close(): void {
    Connection.open -= 1;
  }
  addTransceiver(): void {}
  async setLocalDescription(): Promise<void> {}
  getTransceivers = () => [];
  getReceivers = () => [];
  getSenders = () => [];
}

class Sound {
  autoplay = false;
  srcObject: unknown = null;
}

beforeEach(() => {
  Socket.all = [];
  Connection.open = 0;
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("RTCPeerConnection", Connection);
  vi.stubGlobal("Audio", Sound);
  vi.stubGlobal("navigator", {});
  for (const name of ["addEventListener", "removeEventListener"]) vi.stubGlobal(name, () => undefined);
});

const amir = { id: "x-amir", name: "Amir", media: { microphone: true, camera: true }, away: false };
const joined = { type: "joined", you: "a-me", resume: "r", participants: [amir], iceServers: [] };
const hosted = {
  type: "room",
  state: { host: amir.id, coHosts: [], locked: false, waitingRoom: true, spotlight: null, hands: [] },
};

async function desk() {
  const link = parseLink(LINK);
  if (typeof link === "string") throw new Error(link);
  const told: Notification[] = [];
  const off: unknown[] = [];
  const ended: EndReason[] = [];
  const call = new WebCall(link, "Maja", MEDIA, "1234", new Trusted(), {
    changed: () => undefined,
    heard: () => undefined,
    notified: (notification) => void told.push(notification),
    switchedOff: (kind, by) => void off.push([kind, by]),
    ended: (reason) => void ended.push(reason),
    tracks: () => ({ audio: null, video: null }),
    wants: () => false,
  });
  await call.join();
  const socket = () => {
    const last = Socket.all.at(-1);
    if (!last) throw new Error("no socket");
    return last;
  };
  socket().open();
  return { call, told, off, ended, socket };
}

describe("a guest's call", () => {
  it("begins before the door", async () => {
    const { call, told, socket } = await desk();
    expect(socket().sent[0]).toMatchObject({ type: "join", name: "Maja", entry: { passcode: "1234" }, media: MEDIA });
    socket().says({ type: "waiting", you: "w", resume: "r", host: "Karin\u202e" });
    expect(call.door).toEqual({ host: "Karin" });
    socket().says(hosted, { type: "asked", by: null, what: "microphone" });
    expect([call.room.view(), call.room.ask], "nothing of who is inside").toEqual([null, null]);
    call.setName("Maja Sund");
    expect(socket().sent.at(-1)).toEqual({ type: "setName", name: "Maja Sund" });
    socket().says(joined, hosted);
    expect(told).toEqual([{ type: "admitted" }]);
    expect(call.room.view()).toMatchObject({ mayModerate: false, waitingRoom: true });
    expect(call.participants()).toMatchObject([{ name: "Amir", role: "host", hand: null, reaction: null }]);
    call.close();
  });

  it("obeys the host, whose ask is answered by it", async () => {
    const { call, off, socket } = await desk();
    socket().says(joined, hosted, { type: "asked", by: amir.id, what: "camera" });
    expect(call.room.ask).toEqual({ by: "Amir", what: "camera" });
    socket().says({ type: "muted", by: amir.id }, { type: "cameraStopped", by: "nobody" });
    expect(off).toEqual([
      ["microphone", "Amir"],
      ["camera", null],
    ]);
    expect(call.room.ask).toBeNull();
    call.close();
  });

  it("has as many people as a room, and knows nobody else", async () => {
    const { call, told, socket } = await desk();
    const crowd = Array.from({ length: 100 }, (_, index) => ({
      ...amir,
      id: `x-${index}`,
      name: "\u202eN".repeat(99),
    }));
    socket().says({ ...joined, participants: crowd });
    expect(call.participants()).toHaveLength(MAX_PARTICIPANTS);
    expect(call.participants()[0]?.name).toBe("N".repeat(64));
    socket().says(
      { type: "participantJoined", participant: amir },
      { type: "participantJoined", participant: { ...amir, id: "a-me" } },
      { type: "participantChanged", participant: { ...amir, id: "nobody" } },
      { type: "participantLeft", participant: "nobody" },
      { type: "signal", from: "nobody", payload: "AAAA" },
    );
    expect(call.participants()).toHaveLength(MAX_PARTICIPANTS);
    expect(told).toEqual([]);
    call.close();
  });

  it("goes on when its server has forgotten the room, and says nothing in chat before it has its seat again", async () => {
    const { call, ended, socket } = await desk();
    socket().says(joined, hosted);
    const first = socket();
    first.readyState = 3;
    first.onclose?.();
    await vi.waitFor(() => expect(socket()).not.toBe(first));
    socket().open();
    const second = socket();
    await call.room.sendChat("hej", null, null);
    await vi.waitFor(() => expect(call.room.chat.take("a-me")?.messages).toMatchObject([{ state: "failed" }]));
    expect(second.sent.map(({ type }) => type)).toEqual(["join"]);
    second.says({ type: "refused", reason: "roomNotFound" });
    await vi.waitFor(() => expect(socket()).not.toBe(second));
    expect([ended, call.participants().length]).toEqual([[], 1]);
    call.close();
  });

  it("that is over for who was put out is over at once", async () => {
    for (const [reason, end] of [
      ["removed", "removed"],
      ["ended", "endedByHost"],
      ["__proto__", "protocol"],
      ["of another time", "protocol"],
    ] as const) {
      const { call, ended, socket } = await desk();
      socket().says(joined, hosted);
      expect(Connection.open).toBe(1);
      await call.room.sendChat("hej", null, null);
      socket().says({ type: "refused", reason });
      expect(ended).toEqual([end]);
      expect([call.participants(), call.room.view(), Connection.open]).toEqual([[], null, 0]);
      expect(call.room.chat.take(null), "nothing of it is kept").toEqual({ messages: [] });
      expect(socket().readyState).toBe(3);
    }
  });

  it("goes on under the new name after a broken connection", async () => {
    const { call, socket } = await desk();
    socket().says(joined, hosted);
    socket().readyState = 3;
    call.setName("Maja Sund");
    socket().onclose?.();
    expect(call.connection).toBe("reconnecting");
    call.hurry();
    socket().open();
    expect(socket().sent).toMatchObject([{ type: "join", name: "Maja Sund", resume: "r" }]);
    call.leave();
  });

  it("looks for the server when nothing comes from a peer any more, and goes on with them through a new connection", async () => {
    const { call, ended, socket } = await desk();
    vi.useFakeTimers();
    socket().says(joined, hosted);
    const first = Connection.last;
    first?.becomes("connected");
    first?.becomes("disconnected");
    expect(socket().sent.at(-1)).toEqual({ type: "ping" });
    socket().says({ type: "pong" });
    await vi.advanceTimersByTimeAsync(2000);
    expect(Socket.all, "the server is there").toHaveLength(1);

    await vi.advanceTimersByTimeAsync(500);
    first?.becomes("connected");
    first?.becomes("disconnected");
    await vi.advanceTimersByTimeAsync(2001);
    expect(socket().sent, "it is not, and is called again").toEqual([]);
    expect(Socket.all).toHaveLength(2);
    const tries = Socket.all.length;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(Socket.all.length - tries, "every three seconds, for two of which it may answer").toBeGreaterThanOrEqual(9);
    const before = Connection.last;
    socket().open();
    socket().says(joined, hosted);
    expect(Connection.last, "begun again with what the server now knows").not.toBe(before);
    expect(ended).toEqual([]);
    call.close();
    vi.useRealTimers();
  });

  it("sent before the door knows nothing more of the room", async () => {
    const { call, socket } = await desk();
    socket().says(joined, hosted);
    await call.room.sendChat("hej", null, null);
    socket().says({ type: "waiting", you: "w", resume: "r", host: null });
    expect([call.id, call.room.view(), Connection.open]).toEqual([null, null, 0]);
    expect(call.room.chat.take(null)).toEqual({ messages: [] });
    call.close();
  });
});
