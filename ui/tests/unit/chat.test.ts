import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CHAT } from "../../src/lib/backend/fake/rooms";
import { continues, pieces } from "../../src/lib/chat";

const links = (text: string) => pieces(text).flatMap(({ href }) => href ?? []);

describe("pieces", () => {
  it("finds links, without the sentence around them", () => {
    expect(links("See https://fika.example/icons.")).toEqual(["https://fika.example/icons"]);
    expect(links("(http://a.example/b) and https://c.example/d?e=f#g!")).toEqual([
      "http://a.example/b",
      "https://c.example/d?e=f#g",
    ]);
    expect(links("https://en.example/wiki/Cup_(golf)")).toEqual(["https://en.example/wiki/Cup_(golf)"]);
  });

  it("makes no link of anything else", () => {
    for (const text of [
      "javascript:alert(1)",
      "fika.example/icons",
      "ftp://a.example",
      "https://",
      "https://bank.example@evil.example/",
      "data:text/html,<b>",
      "file:///etc/passwd",
    ]) {
      expect(links(text), text).toEqual([]);
    }
  });

  it("keeps every letter, and only leads to the web", () => {
    const words = fc.constantFrom("https://", "http://a", "javascript:", "@", "(", ").", " ", "\n", "<b>", "å", ":80");
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string({ maxLength: 6 })), { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        const found = pieces(text);
        expect(found.map((piece) => piece.text).join("")).toBe(text);
        for (const { href } of found) if (href !== null) expect(new URL(href).protocol).toMatch(/^https?:$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe("continues", () => {
  const [first, , , mei] = CHAT;
  if (!first || !mei) throw new Error("no messages");
  it("puts what one person writes in a row under one name", () => {
    expect(continues(undefined, mei)).toBe(false);
    expect(continues(first, mei)).toBe(false);
    expect(continues(mei, { ...mei, at: mei.at + 200 })).toBe(true);
    expect(continues(mei, { ...mei, at: mei.at + 400 })).toBe(false);
    expect(continues(mei, { ...mei, to: { id: "me", name: "" } })).toBe(false);
    expect(continues(mei, { ...mei, replyTo: 1 })).toBe(false);
  });
});
