import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parse } from "../../src/lib/backend/web/shape";
import { cleanName, cleanText } from "../../src/lib/backend/web/text";
import { MAX_CHAT_TEXT, MAX_NAME } from "../../src/lib/protocol/signal";

const STATE = { host: "amir", coHosts: [], locked: false, waitingRoom: false, spotlight: null, hands: [] };

describe("texts of others", () => {
  it("are short, and control nothing around them", () => {
    expect(cleanName(" Å\u202esa\n\u0007 Ek ")).toBe("Åsa Ek");
    expect(cleanText(" a\u202eb\u0007c\nd\u2066 \n")).toBe("abc\nd");
    expect(cleanName("<b>Maja</b>")).toBe("<b>Maja</b>");
    expect(cleanText("\ud83d\u200f")).toBe("");
    expect([...cleanName("😀".repeat(100))]).toHaveLength(MAX_NAME);
    expect([...cleanText("😀".repeat(5000))]).toHaveLength(MAX_CHAT_TEXT);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(cleanText(text)).not.toMatch(/[\p{Cs}\u202a-\u202e]/u);
      }),
    );
  });
});

describe("what the server says of the room", () => {
  const message = { id: 1, from: "a", name: "A", to: null, at: 5, payload: "x", reactions: [] };
  const chat = { type: "chat", message, tag: null, history: false };
  const reaction = { from: "a", reaction: "heart" };

  it("is taken in each kind", () => {
    for (const each of [
      chat,
      { ...chat, message: { ...message, to: "b", reactions: [reaction] }, tag: 3, history: true },
      { type: "room", state: STATE },
      { type: "waitingRoom", guests: [{ id: "a", name: "A", label: null }] },
      { type: "asked", by: null, what: "camera" },
      { type: "reacted", participant: "a", reaction: "coffee" },
      { type: "messageReactions", message: 1, reactions: [reaction] },
      { type: "declined", tag: null, reason: "full" },
    ])
      expect(parse(JSON.stringify(each))).toEqual(each);
  });

  it("and of another shape is dropped", () => {
    const room = (change: object) => ({ type: "room", state: { ...STATE, ...change } });
    for (const each of [
      { ...chat, tag: "1" },
      { ...chat, history: null },
      { ...chat, message: { ...message, id: -1 } },
      { ...chat, message: { ...message, id: 0.5 } },
      { ...chat, message: { ...message, to: 3 } },
      { ...chat, message: { ...message, at: "now" } },
      { ...chat, message: { ...message, payload: null } },
      { ...chat, message: { ...message, reactions: [{ ...reaction, reaction: "skull" }] } },
      { ...chat, message: null },
      room({ host: 1 }),
      room({ coHosts: "amir" }),
      room({ hands: [1] }),
      room({ locked: 1 }),
      room({ waitingRoom: null }),
      room({ spotlight: {} }),
      { type: "room", state: null },
      { type: "waitingRoom", guests: [{ id: "a", name: null, label: null }] },
      { type: "waitingRoom", guests: {} },
      { type: "asked", by: null, what: "screen" },
      { type: "reacted", participant: "a", reaction: "__proto__" },
      { type: "messageReactions", message: "1", reactions: [] },
      { type: "declined", tag: null, reason: "no" },
      { type: "constructor" },
      { type: ["room"], state: STATE },
    ])
      expect(parse(JSON.stringify(each)), JSON.stringify(each)).toBeNull();
  });
});
