import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { Notification } from "../../src/lib/backend";
import { MAX_LINES } from "../../src/lib/backend/web/chat";
import { REACTION_MS, Room } from "../../src/lib/backend/web/room";
import { deriveKey, openChat, sealChat } from "../../src/lib/backend/web/seal";
import { parse } from "../../src/lib/backend/web/shape";
import { MAX_CHAT_TEXT, MAX_NAME, type ClientMessage, type ServerMessage } from "../../src/lib/protocol/signal";

const ROOM = "aaaq-eaye-auda-oceb";
const SECRET = new TextEncoder().encode("0123456789abcdef");
const STATE = { host: "amir", coHosts: [], locked: false, waitingRoom: false, spotlight: null, hands: [] };

type Sent<Type extends ClientMessage["type"]> = Extract<ClientMessage, { type: Type }>;
type Chat = Extract<ServerMessage, { type: "chat" }>;

/** The room of `me`, with Amir in it. */
function desk() {
  const key = deriveKey(SECRET, ROOM, "chat");
  const sent: ClientMessage[] = [];
  const told: Notification[] = [];
  const now = { me: "me" as string | null, away: false, microphone: false, camera: false };
  const room = new Room(key, {
    me: () => (now.me === null ? null : { id: now.me, name: "Maja" }),
    nameOf: (id) => (id === "amir" ? "Amir" : null),
    isOn: (what) => now[what],
    tell: (message) => !now.away && sent.push(message) > 0,
    notified: (notification) => void told.push(notification),
    changed: () => undefined,
  });
  let lines: { text: string; state: string; id: number | null; key: number }[] = [];
  const view = () => {
    const taken = room.chat.take(now.me);
    if (taken) lines = taken.messages;
    return lines;
  };
  const until = async (what: () => boolean) => {
    while (!what()) await new Promise((resolve) => setTimeout(resolve));
  };
  /** What somebody else writes, as it comes from the server. */
  const says = async (id: number, text: unknown, change: Partial<Chat["message"]> & { history?: boolean } = {}) => {
    const { history = false, ...rest } = change;
    const { from, to } = { from: "amir", to: null, ...rest };
    const payload = await sealChat(await key, from, to, { text: text as string, replyTo: null });
    const message = { id, from, name: "Amir", to, at: 5, payload, reactions: [], ...rest };
    room.on({ type: "chat", message, tag: null, history });
  };
  const read = async (id: number, text: string, change = {}) => {
    await says(id, text, change);
    await until(() => view().some((line) => line.id === id));
  };
  /** The text of ours that was sent last, and its tag. */
  const written = async (count: number) => {
    const chats = () => sent.filter((message): message is Sent<"chat"> => message.type === "chat");
    await until(() => chats().length >= count);
    const last = chats()[count - 1];
    if (!last) throw new Error("nothing was sent");
    return { ...last, body: await openChat(await key, "me", last.to, last.payload) };
  };
  /** The server takes the message with this tag. */
  const takes = (id: number, { tag, to, payload }: Sent<"chat">) => {
    const message = { id, from: "me", name: "Maja", to, at: 6, payload, reactions: [] };
    room.on({ type: "chat", message, tag, history: false });
  };
  return { room, key, sent, told, now, view, until, says, read, written, takes };
}

afterEach(() => void vi.useRealTimers());

describe("what the server says", () => {
  const word = fc.constantFrom("me", "amir", "", "*", "heart", "camera", "__proto__", "notAllowed");
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      word,
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("id", "from", "host", "hands", "coHosts", "media", "reactions"), tie("any")),
    ),
  })).any;
  const names = ["state", "guests", "by", "what", "participant", "reaction", "message", "tag", "history", "reason"];
  const types = ["room", "waitingRoom", "muted", "asked", "reacted", "chat", "messageReactions", "declined", "token"];
  const odd = fc
    .tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...names), value))
    .map(([type, fields]) => JSON.stringify({ ...fields, type }));

  it("is dropped or understood, whatever it is", () => {
    fc.assert(fc.property(fc.string(), (text) => void parse(text)));
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 8 }), (texts) => {
        const { room } = desk();
        for (const message of texts.map(parse)) if (message) room.on(message);
        room.of("amir");
      }),
    );
  });
});

describe("the seal of chat", () => {
  it("is that of the protocol", async () => {
    const key = await deriveKey(SECRET, ROOM, "chat");
    const known = "bm9uY2Utb2YtMTJi8429scD6d4X--JbfCkk5hh9U3wx3nthBC6REIIN0bIY3YcUKK34ETxlzTCW4";
    const nonce = new TextEncoder().encode("nonce-of-12b");
    expect(await sealChat(key, "alice", null, { text: "hej", replyTo: null }, nonce)).toBe(known);
    expect(await openChat(key, "alice", null, known)).toEqual({ text: "hej", replyTo: null });
    expect(await openChat(key, "bob", null, known)).toBe("untrusted");
    expect(await openChat(key, "alice", "bob", known)).toBe("untrusted");
    expect(await openChat(await deriveKey(SECRET, ROOM), "alice", null, known)).toBe("untrusted");
    for (const wrong of [
      "untrusted",
      null,
      3,
      {},
      { text: 1 },
      { text: "x", replyTo: "1" },
      { text: "x", replyTo: -1 },
    ]) {
      const sealed = await sealChat(key, "alice", null, wrong as never);
      expect(await openChat(key, "alice", null, sealed), JSON.stringify(wrong)).toBe("nonsense");
    }
    const longest = await sealChat(key, "a", null, { text: "\u{1f600}".repeat(MAX_CHAT_TEXT), replyTo: 4294967295 });
    expect(await openChat(key, "a", null, longest)).toMatchObject({ replyTo: 4294967295 });
  });
});

describe("chat", () => {
  it("is on its way until it comes back, in the server's order", async () => {
    const { room, view, written, takes, read, until, told } = desk();
    await room.sendChat(" hej \n", null, null);
    expect(view()).toMatchObject([{ text: "hej", state: "sending", mine: true, id: null }]);
    const mine = await written(1);
    expect(mine.body).toEqual({ text: "hej", replyTo: null });
    await read(1, "hello");
    takes(2, mine);
    await until(() => view().every(({ state }) => state === "sent"));
    expect(view().map(({ text }) => text)).toEqual(["hello", "hej"]);
    expect(room.chat.unread).toBe(1);
    expect(told).toEqual([{ type: "chat", name: "Amir", private: false }]);
    await room.readChat();
    expect(room.chat.unread).toBe(0);
    await room.sendChat(" \n ", null, null);
    expect(view()).toHaveLength(2);
  });

  it("that was not sent is sent again by hand", async () => {
    const { room, view, written, now, until } = desk();
    await room.sendChat("hej", null, null);
    const first = await written(1);
    room.on({ type: "declined", tag: first.tag, reason: "tooFast" });
    expect(view()).toMatchObject([{ state: "failed" }]);
    const key = view()[0]?.key ?? -1;
    await room.retryChat(key);
    const again = await written(2);
    expect(again.tag).not.toBe(first.tag);
    room.on({ type: "declined", tag: first.tag, reason: "tooFast" });
    expect(view(), "that was the attempt before").toMatchObject([{ state: "sending" }]);
    now.away = true;
    await room.sendChat("lost", null, null);
    await until(() => view()[1]?.state === "failed");
  });

  it("after a broken connection shows what had arrived", async () => {
    const { room, view, written, until, read } = desk();
    room.on({ type: "room", state: STATE });
    await room.sendChat("one", null, null);
    await room.sendChat("two", null, null);
    await written(2);
    const { tag, payload } = await written(1);
    room.chat.resumed();
    const mine = { id: 1, from: "me", name: "Maja", to: null, at: 6, payload, reactions: [] };
    room.on({ type: "chat", message: mine, tag, history: true });
    await read(2, "meanwhile", { history: true });
    room.on({ type: "room", state: STATE });
    await until(() => view().every(({ state }) => state !== "sending"));
    expect(view().map(({ text, state }) => [text, state])).toEqual([
      ["one", "sent"],
      ["meanwhile", "sent"],
      ["two", "failed"],
    ]);
    expect(room.chat.unread, "said while we were away").toBe(1);
  });

  it("sent again while the past is told is not given up, and comes once", async () => {
    const { room, view, written, until } = desk();
    room.on({ type: "room", state: STATE });
    await room.sendChat("hej", null, null);
    const { tag } = await written(1);
    room.on({ type: "declined", tag, reason: "tooFast" });
    room.chat.resumed();
    await room.retryChat(view()[0]?.key ?? -1);
    const again = await written(2);
    room.on({ type: "room", state: STATE });
    expect(view(), "it is on its way").toMatchObject([{ state: "sending" }]);
    const mine = { id: 1, from: "me", name: "Maja", to: null, at: 6, payload: again.payload, reactions: [] };
    room.on({ type: "chat", message: mine, tag: again.tag, history: false });
    await until(() => view().every(({ state }) => state === "sent"));
    expect(view()).toHaveLength(1);
  });

  it("said before we came is shown and not unread", async () => {
    const { room, read, told } = desk();
    await read(1, "early", { history: true });
    expect(room.chat.unread).toBe(0);
    room.on({ type: "room", state: STATE });
    await read(2, "now");
    expect(room.chat.unread).toBe(1);
    expect(told).toHaveLength(1);
  });

  it("goes to one, answers, and has reactions", async () => {
    const { room, view, read, written, told, until, sent } = desk();
    await read(1, "psst", { to: "me" });
    expect(told).toEqual([{ type: "chat", name: "Amir", private: true }]);
    await room.sendChat("yes", "amir", 1);
    const mine = await written(1);
    expect(mine).toMatchObject({ to: "amir", body: { text: "yes", replyTo: 1 } });
    await room.sendChat("x", "nobody", null);
    await room.sendChat("no such message", null, 7);
    expect(await written(2)).toMatchObject({ to: null, body: { text: "no such message", replyTo: null } });
    const hearts = ["amir", "me"].map((from) => ({ from, reaction: "heart" as const }));
    room.on({ type: "messageReactions", message: 1, reactions: hearts });
    room.on({ type: "messageReactions", message: 99, reactions: hearts });
    await until(() => (view()[0] as { reactions?: unknown[] } | undefined)?.reactions?.length === 1);
    expect(view()[0]).toMatchObject({ to: { id: "me" }, reactions: [{ reaction: "heart", count: 2, mine: true }] });
    expect(view()[1]).toMatchObject({ to: { id: "amir", name: "Amir" } });
    await room.reactToMessage(1, "clap", true);
    expect(sent.at(-1)).toEqual({ type: "reactToMessage", message: 1, reaction: "clap", on: true });
  });

  it("of somebody hostile stays small and plain", async () => {
    const { room, key, view, says, read } = desk();
    await read(1, "<img src=x onerror=alert(1)>\u202e\u0007");
    expect(view()[0]?.text).toBe("<img src=x onerror=alert(1)>");
    await says(2, "\u202e");
    await says(3, 7);
    const message = { id: 4, from: "amir", name: "Amir", to: null, at: 5, payload: "AAAA", reactions: [] };
    room.on({ type: "chat", message, tag: null, history: false });
    const payload = await sealChat(await key, "somebody else", null, { text: "in his name", replyTo: null });
    room.on({ type: "chat", message: { ...message, payload }, tag: null, history: false });
    await read(5, "x".repeat(3000), { name: "A\u202e".repeat(200) });
    expect(view().map(({ id }) => id)).toEqual([1, 5]);
    expect(view()[1]?.text).toHaveLength(MAX_CHAT_TEXT);
    expect((view()[1] as { name?: string } | undefined)?.name).toBe("A".repeat(MAX_NAME));
    await read(1, "another one with the same number");
    expect(view()[0]?.text).toBe("<img src=x onerror=alert(1)>");
  });

  it("forgets the oldest, and what comes faster than it is opened", async () => {
    const { room, key, view, until } = desk();
    const payload = await sealChat(await key, "amir", null, { text: "flood", replyTo: null });
    for (let id = 0; id < 1000; id += 1) {
      const message = { id, from: "amir", name: "Amir", to: null, at: 5, payload, reactions: [] };
      room.on({ type: "chat", message, tag: null, history: false });
    }
    await until(() => view().length >= 256);
    expect(view()).toHaveLength(256);
    for (let id = 2000; id < 2000 + MAX_LINES + 250; id += 250) {
      for (let next = id; next < id + 250; next += 1) {
        const message = { id: next, from: "amir", name: "Amir", to: null, at: 5, payload, reactions: [] };
        room.on({ type: "chat", message, tag: null, history: false });
      }
      await until(() => view().at(-1)?.id === id + 249);
    }
    expect(view()).toHaveLength(MAX_LINES);
  });

  it("of the seat before is gone with it", async () => {
    const { room, view, says, read, now } = desk();
    await read(1, "for who was here");
    await says(2, "still being opened");
    room.leave();
    expect(view()).toEqual([]);
    expect(room.chat.unread).toBe(0);
    now.me = "me2";
    await read(3, "new", { history: true });
    expect(view().map(({ text }) => text)).toEqual(["new"]);
  });
});

describe("roles, hands and the door", () => {
  it("are as the server says", async () => {
    const { room, sent, told } = desk();
    expect(room.view()).toBeNull();
    room.on({ type: "room", state: STATE });
    await room.setHand(true);
    expect(sent).toEqual([{ type: "setHand", up: true }]);
    expect(room.of("me").hand, "not before the server says so").toBeNull();
    room.on({ type: "room", state: { ...STATE, hands: ["amir", "me", "gone"], spotlight: "me", coHosts: ["me"] } });
    expect(told).toEqual([
      { type: "roleChanged", role: "coHost" },
      { type: "handRaised", name: "Amir" },
    ]);
    expect(room.view()).toMatchObject({
      mayModerate: true,
      isHost: false,
      hands: ["amir", "me", "gone"],
      spotlight: "me",
    });
    expect(room.of("me")).toEqual({ role: "coHost", hand: 2, reaction: null });
    expect(room.of("amir")).toEqual({ role: "host", hand: 1, reaction: null });
    await room.moderate({ type: "muteAll" });
    expect(sent.at(-1)).toEqual({ type: "moderate", action: { type: "muteAll" } });
    room.on({ type: "declined", tag: null, reason: "notAllowed" });
    room.on({ type: "declined", tag: null, reason: "tooFast" });
    expect(told.slice(2)).toEqual([{ type: "notDone" }]);
    const many = Array.from({ length: 100 }, () => "amir");
    room.on({ type: "room", state: { ...STATE, hands: many } });
    expect(room.view()?.hands, "no fika-server says this").toHaveLength(3);
  });

  it("a host hears each knock once, and nobody else sees who waits", () => {
    const { room, told } = desk();
    const guest = (id: string) => ({ id, name: ` ${id}\u202e `, label: "\u0007" });
    room.on({ type: "room", state: { ...STATE, host: "me" } });
    room.on({ type: "waitingRoom", guests: [guest("tom")] });
    room.on({ type: "waitingRoom", guests: [guest("tom"), guest("noor")] });
    expect(told).toEqual([
      { type: "waiting", name: "tom" },
      { type: "waiting", name: "noor" },
    ]);
    expect(room.view()?.waiting).toEqual([
      { id: "tom", name: "tom", label: null },
      { id: "noor", name: "noor", label: null },
    ]);
    room.on({ type: "waitingRoom", guests: Array.from({ length: 500 }, (_, index) => guest(String(index))) });
    expect(room.view()?.waiting).toHaveLength(32);
    room.on({ type: "room", state: STATE });
    expect(room.view()?.waiting).toEqual([]);
    room.on({ type: "room", state: { ...STATE, host: "me" } });
    expect(room.view()?.waiting, "not what was before").toEqual([]);
  });

  it("who is asked decides", async () => {
    const { room, now } = desk();
    room.on({ type: "asked", by: "amir", what: "microphone" });
    expect(room.ask).toEqual({ by: "Amir", what: "microphone" });
    room.answered("camera");
    expect(room.ask).not.toBeNull();
    await room.dismissAsk();
    expect(room.ask).toBeNull();
    room.on({ type: "asked", by: "nobody", what: "camera" });
    expect(room.ask).toEqual({ by: null, what: "camera" });
    room.answered("camera");
    expect(room.ask).toBeNull();
    now.microphone = true;
    room.on({ type: "asked", by: null, what: "microphone" });
    expect(room.ask, "it is on already").toBeNull();
  });

  it("reactions are shown for some seconds, of people who are here", async () => {
    vi.useFakeTimers();
    const { room, sent } = desk();
    room.on({ type: "reacted", participant: "amir", reaction: "coffee" });
    room.on({ type: "reacted", participant: "nobody", reaction: "coffee" });
    vi.advanceTimersByTime(REACTION_MS - 1);
    expect(room.of("amir").reaction).toBe("coffee");
    expect(room.of("nobody").reaction).toBeNull();
    room.on({ type: "reacted", participant: "amir", reaction: "clap" });
    vi.advanceTimersByTime(REACTION_MS - 1);
    expect(room.of("amir").reaction).toBe("clap");
    vi.advanceTimersByTime(1);
    expect(room.of("amir").reaction).toBeNull();
    await room.react("heart");
    expect(sent).toEqual([{ type: "react", reaction: "heart" }]);
  });

  it("without a seat nothing is told", async () => {
    const { room, sent, now, view } = desk();
    now.me = null;
    await room.setHand(true);
    await room.moderate({ type: "end" });
    await room.sendChat("hej", null, null);
    await room.retryChat(0);
    expect(sent).toEqual([]);
    expect(view()).toEqual([]);
  });
});
