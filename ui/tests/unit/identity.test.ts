/** A guest's key and words: the same as in Rust, and refused what Rust refuses (`fika_call::identity`). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { browserCurves, type Curves } from "../../src/lib/backend/web/curves";
import { isBinding, LIFETIME, Refused, Vouching } from "../../src/lib/backend/web/identity";
import { nobleCurves } from "../../src/lib/backend/web/noble";
import { Trusted } from "../../src/lib/backend/web/trust";
import type { Binding } from "../../src/lib/protocol/signal";

const NOW = 1_790_000_000;
const describe_ = (byte: string) => `v=0\r\na=fingerprint:sha-256 ${Array(32).fill(byte).join(":")}\r\nm=audio 9 x\r\n`;
const ALICE = describe_("A1");
const BOB = describe_("B0");
const MALLORY = describe_("EE");
const fill = (byte: number) => new Uint8Array(32).fill(byte);

type Seed = { key: number; random: number };
function end(us: string, them: string, curve: () => Curves, seed?: Seed, now = NOW): Vouching {
  const ready = () => Promise.resolve(curve());
  const key = seed ? nobleCurves(() => fill(seed.key)).signingKey() : curve().signingKey();
  const draw = seed ? () => fill(seed.random) : undefined;
  return new Vouching(
    { room: "aaaq-eaye-auda-oceb", us, them },
    () => key,
    ready,
    () => now,
    draw,
  );
}
const alice = (curve = nobleCurves, now = NOW) => end("alice", "bob", curve, undefined, now);
const bob = (curve = nobleCurves, now = NOW) => end("bob", "alice", curve, undefined, now);

async function talk(a: Vouching, b: Vouching) {
  const offer = await a.offer("s1", ALICE);
  await b.offered("s1", ALICE, offer);
  const answer = await b.answer(BOB);
  const { peer, nonce } = await a.answered(BOB, answer);
  return { offer, answer, nonce, byA: peer, byB: await b.revealed(nonce ?? "") };
}

describe("a binding", () => {
  const both: [string, () => Curves][] = [
    ["the browser's own curves", () => browserCurves],
    ["curves of a package", () => nobleCurves()],
  ];
  for (const [name, curve] of both) {
    for (const [other, theirs] of both) {
      it(`makes the same words: ${name} and ${other}`, async () => {
        const { byA, byB, offer } = await talk(alice(curve), bob(theirs));
        expect(isBinding(offer)).toBe(true);
        expect(byA.words).toHaveLength(4);
        expect(byA.words).toEqual(byB.words);
        expect(byA.key).not.toBe(byB.key);
      });
    }
  }

  it("reads what the app says, and finds its words", async () => {
    const path = new URL("../../../src-tauri/crates/call/src/identity/known.json", import.meta.url);
    const known = JSON.parse(readFileSync(path, "utf8")) as [Binding, Binding, string, number[]];
    const [offer, answer, nonce, words] = known;
    // Bob, with the numbers that Rust drew for him.
    const b = end("bob", "alice", () => nobleCurves(() => fill(4)), { key: 2, random: 4 });
    const seen = await b.offered("s1", ALICE, offer);
    expect(seen).toEqual({ key: offer.key, lasting: true, words: null });
    expect(await b.answer(BOB)).toEqual(answer);
    expect((await b.revealed(nonce)).words).toEqual(words);
  });

  it("is for one certificate, session, pair and direction", async () => {
    const a = alice();
    const offer = await a.offer("s1", ALICE);
    await expect(bob().offered("s1", MALLORY, offer)).rejects.toThrow(Refused);
    await expect(bob().offered("s2", ALICE, offer)).rejects.toThrow(Refused);
    await expect(alice().offered("s1", ALICE, offer)).rejects.toThrow(Refused);
    await expect(bob(nobleCurves, NOW + LIFETIME + 1).offered("s1", ALICE, offer)).rejects.toThrow("expired");
    const b = bob();
    await b.offered("s1", ALICE, offer);
    const answer = await b.answer(BOB);
    await expect(a.answered(MALLORY, answer)).rejects.toThrow(Refused);
    const again = alice();
    await again.offer("s1", ALICE);
    await expect(again.answered(BOB, answer), "an answer to another offer").rejects.toThrow(Refused);
  });

  it("gives no words for another nonce than the one committed to", async () => {
    const [a, b] = [alice(), bob()];
    await b.offered("s1", ALICE, await a.offer("s1", ALICE));
    await b.answer(BOB);
    await expect(b.revealed("A".repeat(43))).rejects.toThrow(Refused);
    await expect(b.revealed("x")).rejects.toThrow(Refused);
  });

  it("holds a participant to the key that they have shown", async () => {
    const [a, b] = [alice(), bob()];
    await b.offered("s1", ALICE, await a.offer("s1", ALICE));
    await expect(b.offered("s2", ALICE, undefined)).rejects.toThrow("another key");
    await expect(b.offered("s3", ALICE, await alice().offer("s3", ALICE))).rejects.toThrow("another key");
    await expect(b.offered("s4", ALICE, await a.offer("s4", ALICE))).resolves.toMatchObject({ words: null });
  });

  it("is missing in older clients, who go on and are known as such", async () => {
    const b = bob();
    expect(await b.offered("s1", ALICE, undefined)).toEqual({ key: null, lasting: false, words: null });
    expect(await b.answer(BOB)).toBeUndefined();
    const a = alice();
    await a.offer("s1", ALICE);
    expect((await a.answered(BOB, undefined)).peer.key).toBeNull();
  });
});

describe("trust", () => {
  const identity = { key: "k", lasting: false, words: [1, 2, 3, 4] };
  const shown = { name: "Amir", state: "connected" as const, identity };

  it("follows what two people found", () => {
    const trusted = new Trusted();
    expect(trusted.of({ ...shown, identity: null })).toBe("unknown");
    expect(trusted.of({ ...shown, identity: { ...identity, key: null } })).toBe("notVerifiable");
    expect(trusted.of(shown)).toBe("unverified");
    trusted.verified("Amir", "k");
    expect(trusted.of(shown)).toBe("verified");
    expect(trusted.savedAs({ ...shown, name: "A. R." })).toBe("Amir");
    expect(trusted.of({ ...shown, name: "amir", identity: { ...identity, key: "other" } })).toBe("changed");
    expect(trusted.of({ ...shown, state: "untrusted" })).toBe("refused");
    trusted.differs("k");
    expect(trusted.isRefused("k")).toBe(true);
    expect(trusted.of(shown)).toBe("unverified");
    expect(trusted.of({ ...shown, state: "cut" })).toBe("differs");
  });
});
