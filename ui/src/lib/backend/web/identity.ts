/**
 * Whose certificate a description names (docs/protocol.md, "Who somebody is"): signs ours, checks theirs before they are acted
 * upon, and finds the words to compare. A guest's key lives as long as the page, so it is another one next time.
 */
import type { Binding } from "../../protocol/signal";
import { base64url, fromBase64url } from "./base64";
import { curves, type AgreementKey, type Curves, type SigningKey } from "./curves";

type Bytes = Uint8Array<ArrayBuffer>;

/** Seconds that a binding holds, and by how much clocks may differ. */
export const LIFETIME = 24 * 60 * 60;
const CLOCK_TOLERANCE = 24 * 60 * 60;
const WORDS = 4;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

export type PeerIdentity = {
  /** `null`: their client says nothing of a key. */
  key: string | null;
  lasting: boolean;
  words: number[] | null;
};
export const NOBODY: PeerIdentity = { key: null, lasting: false, words: null };

/** What they say cannot be vouched for: nothing of it is acted upon. */
export class Refused extends Error {}

export type Seats = { room: string; us: string; them: string };
type Terms = { room: string; from: string; to: string; session: string; print: Bytes; offer: Bytes | null };
type Vouched = { key: string; lasting: boolean; ephemeral: Bytes; share: Bytes; digest: Bytes };
type Own = { ephemeral: AgreementKey; nonce: Bytes; digest: Bytes };
type Talk = { kind: "offering" | "answering"; session: string; own: Own | null; theirs: Vouched | null };

/** The page's own key, made once for all its calls. */
let own: Promise<SigningKey> | undefined;
export const ownKey = (): Promise<SigningKey> => (own ??= curves().then((curve) => curve.signingKey()));

export class Vouching {
  #pinned: string | null = null;
  #talk: Talk | null = null;

  constructor(
    private readonly seats: Seats,
    private readonly identity: () => Promise<SigningKey> = ownKey,
    private readonly curve: () => Promise<Curves> = curves,
    private readonly now = () => Math.floor(Date.now() / 1000),
    private readonly draw = () => crypto.getRandomValues(new Uint8Array(32)),
  ) {}

  async offer(session: string, sdp: string): Promise<Binding | undefined> {
    const talk: Talk = { kind: "offering", session, own: null, theirs: null };
    this.#talk = talk;
    return this.#sign(talk, sdp);
  }

  /** Their answer, and the nonce that is shown to them now. */
  async answered(sdp: string, binding: Binding | undefined): Promise<{ peer: PeerIdentity; nonce: string | null }> {
    const talk = this.#talk;
    this.#talk = null;
    if (talk?.kind !== "offering") throw new Refused("to no offer");
    if (binding === undefined) return { peer: this.#pin(NOBODY), nonce: null };
    if (talk.own === null) throw new Refused("to no binding");
    const theirs = await this.#check(talk.session, sdp, binding, talk.own.digest);
    const words = await derive(talk.own, theirs, talk.own.nonce, theirs.share, talk.own.digest, theirs.digest);
    return { peer: this.#pin({ ...theirs, words }), nonce: base64url(talk.own.nonce) };
  }

  /** Their offer, before it is acted upon. */
  async offered(session: string, sdp: string, binding: Binding | undefined): Promise<PeerIdentity> {
    const theirs = binding === undefined ? null : await this.#check(session, sdp, binding, null);
    const peer = this.#pin(theirs === null ? NOBODY : { ...theirs, words: null });
    this.#talk = { kind: "answering", session, own: null, theirs };
    return peer;
  }

  async answer(sdp: string): Promise<Binding | undefined> {
    const talk = this.#talk;
    return talk?.kind === "answering" && talk.theirs !== null ? this.#sign(talk, sdp) : undefined;
  }

  /** What their offer had committed to. */
  async revealed(text: string): Promise<PeerIdentity> {
    const { own: mine = null, theirs = null } = this.#talk ?? {};
    const nonce = exactly(text, KEY_BYTES);
    if (this.#talk?.kind !== "answering" || mine === null || theirs === null) throw new Refused("out of turn");
    if (!same(await commitment(nonce), theirs.share)) throw new Refused("another nonce");
    const words = await derive(mine, theirs, nonce, mine.nonce, theirs.digest, mine.digest);
    return shown({ ...theirs, words });
  }

  async #sign(talk: Talk, sdp: string): Promise<Binding | undefined> {
    const print = fingerprint(sdp);
    if (print === null) return undefined;
    const [identity, ephemeral] = await Promise.all([
      this.identity(),
      this.curve().then((curve) => curve.agreementKey()),
    ]);
    const nonce = this.draw();
    const share = talk.kind === "offering" ? await commitment(nonce) : nonce;
    const expires = this.now() + LIFETIME;
    const { room, us, them } = this.seats;
    const offer = talk.theirs?.digest ?? null;
    const terms = { room, from: us, to: them, session: talk.session, print, offer };
    const digest = await digestOf(terms, identity.public, false, ephemeral.public, share, expires);
    talk.own = { ephemeral, nonce, digest };
    return {
      key: base64url(identity.public),
      lasting: false,
      ephemeral: base64url(ephemeral.public),
      share: base64url(share),
      expires,
      signature: base64url(await identity.sign(digest)),
    };
  }

  async #check(session: string, sdp: string, binding: Binding, offer: Bytes | null): Promise<Vouched> {
    const print = fingerprint(sdp);
    if (print === null) throw new Refused("no certificate");
    const key = exactly(binding.key, KEY_BYTES);
    const ephemeral = exactly(binding.ephemeral, KEY_BYTES);
    const share = exactly(binding.share, KEY_BYTES);
    const signature = exactly(binding.signature, SIGNATURE_BYTES);
    const { room, us, them } = this.seats;
    const { lasting, expires } = binding;
    const digest = await digestOf(
      { room, from: them, to: us, session, print, offer },
      key,
      lasting,
      ephemeral,
      share,
      expires,
    );
    const curve = await this.curve();
    if (!(await curve.verify(key, signature, digest))) throw new Refused("forged");
    const now = this.now();
    if (expires < now || expires > now + LIFETIME + CLOCK_TOLERANCE) throw new Refused("expired");
    return { key: binding.key, lasting, ephemeral, share, digest };
  }

  /** A key that somebody has shown stays theirs as long as they keep their seat. */
  #pin(peer: PeerIdentity): PeerIdentity {
    if (this.#pinned !== null && this.#pinned !== peer.key) throw new Refused("another key");
    this.#pinned = peer.key;
    return shown(peer);
  }
}

export function isBinding(value: unknown): value is Binding {
  if (typeof value !== "object" || value === null) return false;
  const { key, lasting, ephemeral, share, expires, signature } = value as Record<string, unknown>;
  const texts = [key, ephemeral, share, signature].every((text) => typeof text === "string");
  return (
    texts &&
    typeof lasting === "boolean" &&
    Number.isInteger(expires) &&
    (expires as number) >= 0 &&
    (expires as number) < 2 ** 32
  );
}

const shown = ({ key, lasting, words }: PeerIdentity): PeerIdentity => ({ key, lasting, words });
const encoder = new TextEncoder();
const sha256 = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const same = (a: Bytes, b: Bytes) => a.length === b.length && a.every((byte, at) => byte === b[at]);

/** What is longer is not decoded. */
function exactly(text: string, length: number): Bytes {
  const bytes = text.length === Math.ceil((length * 4) / 3) ? fromBase64url(text) : null;
  if (bytes?.length !== length) throw new Refused("not readable");
  return bytes;
}

/** SHA-256 of the certificate that a description names. */
function fingerprint(sdp: string): Bytes | null {
  const found = /^a=fingerprint:sha-256 ([0-9a-f]{2}(?::[0-9a-f]{2}){31})\r?$/im.exec(sdp)?.[1];
  return found === undefined ? null : Uint8Array.from(found.split(":"), (digits) => parseInt(digits, 16));
}

const commitment = (nonce: Bytes) => sha256(joined([encoder.encode("fika commitment v1"), nonce]));

/** Of all parts, each with its length before it. */
function digestOf(terms: Terms, key: Bytes, lasting: boolean, ephemeral: Bytes, share: Bytes, expires: number) {
  const parts = [
    encoder.encode("fika binding v1"),
    encoder.encode(terms.room),
    encoder.encode(terms.from),
    encoder.encode(terms.to),
    encoder.encode(terms.session),
    encoder.encode(terms.offer ? "answer" : "offer"),
    terms.print,
    terms.offer ?? new Uint8Array(),
    key,
    Uint8Array.of(lasting ? 1 : 0),
    ephemeral,
    share,
    number(expires),
  ];
  return sha256(joined(parts.flatMap((part) => [number(part.length), part])));
}

function number(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function joined(parts: Bytes[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The offerer's nonce and digest first. */
async function derive(mine: Own, theirs: Vouched, first: Bytes, second: Bytes, offer: Bytes, answer: Bytes) {
  const shared = await mine.ephemeral.agree(theirs.ephemeral);
  if (shared === null) throw new Refused("a weak key");
  const material = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const info = joined([encoder.encode("fika words v1"), offer, answer]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: joined([first, second]), info };
  return [...new Uint8Array(await crypto.subtle.deriveBits(hkdf, material, WORDS * 8))];
}
