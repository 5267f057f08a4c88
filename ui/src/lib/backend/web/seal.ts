/**
 * Seals what two participants say to each other with the link's secret (docs/protocol.md, "The seal"), so that whoever runs
 * the signalling can neither read nor change it. What does not open is `null`, never an exception.
 */
import { MAX_SEALED_CHAT, type ChatBody, type PeerMessage } from "../../protocol/signal";
import { base64url, fromBase64url } from "./base64";
import { isBinding } from "./identity";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Longest JSON text of a message. */
export const MAX_PLAINTEXT = 47 * 1024;
const MAX_SEALED = Math.ceil(((MAX_PLAINTEXT + NONCE_BYTES + TAG_BYTES) * 4) / 3);

/** In place of a receiver; no id is a star. */
const EVERYBODY = "*";

const encoder = new TextEncoder();

export async function deriveKey(
  secret: Uint8Array<ArrayBuffer>,
  room: string,
  purpose: "signal" | "chat" = "signal",
): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = encoder.encode(`fika ${purpose} v1`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: encoder.encode(room), info };
  return crypto.subtle.deriveKey(hkdf, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

const algorithm = (iv: Uint8Array<ArrayBuffer>, from: string, to: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: encoder.encode(`${from}\n${to}`),
});
const draw = () => crypto.getRandomValues(new Uint8Array(NONCE_BYTES));

export async function seal(
  key: CryptoKey,
  from: string,
  to: string,
  message: PeerMessage,
  nonce = draw(),
): Promise<string | null> {
  const plain = encoder.encode(JSON.stringify(message));
  return plain.length > MAX_PLAINTEXT ? null : close(key, algorithm(nonce, from, to), plain);
}

/** `untrusted`: not sealed with our link's secret, or for somebody else. `nonsense`: sealed, and no message of ours. */
export type Unread = "untrusted" | "nonsense";

export async function open(key: CryptoKey, from: string, to: string, sealed: string): Promise<PeerMessage | Unread> {
  const opened = await reveal(key, from, to, sealed, MAX_SEALED);
  if (opened === "untrusted") return opened;
  return isPeerMessage(opened.said) ? opened.said : "nonsense";
}

/** With the key for chat; `to` is `null` for everybody. */
export async function sealChat(
  key: CryptoKey,
  from: string,
  to: string | null,
  body: ChatBody,
  nonce = draw(),
): Promise<string> {
  return close(key, algorithm(nonce, from, to ?? EVERYBODY), encoder.encode(JSON.stringify(body)));
}

export async function openChat(
  key: CryptoKey,
  from: string,
  to: string | null,
  sealed: string,
): Promise<ChatBody | Unread> {
  const opened = await reveal(key, from, to ?? EVERYBODY, sealed, MAX_SEALED_CHAT);
  if (opened === "untrusted") return opened;
  const { said } = opened;
  if (!object(said) || typeof said.text !== "string") return "nonsense";
  const { text, replyTo = null } = said;
  return replyTo === null || count(replyTo) ? { text, replyTo } : "nonsense";
}

async function close(key: CryptoKey, how: AesGcmParams & { iv: Uint8Array }, plain: BufferSource): Promise<string> {
  const sealed = new Uint8Array(await crypto.subtle.encrypt(how, key, plain));
  const bytes = new Uint8Array(how.iv.length + sealed.length);
  bytes.set(how.iv);
  bytes.set(sealed, how.iv.length);
  return base64url(bytes);
}

/** `said` is `undefined` for what is no JSON. */
async function reveal(
  key: CryptoKey,
  from: string,
  to: string,
  sealed: string,
  longest: number,
): Promise<{ said: unknown } | "untrusted"> {
  const bytes = sealed.length <= longest ? fromBase64url(sealed) : null;
  if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return "untrusted";
  let plain: ArrayBuffer;
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    plain = await crypto.subtle.decrypt(algorithm(nonce, from, to), key, bytes.subarray(NONCE_BYTES));
  } catch {
    return "untrusted";
  }
  try {
    return { said: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain)) };
  } catch {
    return { said: undefined };
  }
}

const object = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const textOrNull = (value: unknown) => value === null || value === undefined || typeof value === "string";
const count = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function isPeerMessage(message: unknown): message is PeerMessage {
  if (!object(message) || typeof message.session !== "string" || !count(message.seq) || !object(message.body))
    return false;
  const { body } = message;
  switch (body.type) {
    case "offer":
    case "answer":
      return typeof body.sdp === "string" && (body.binding === undefined || isBinding(body.binding));
    case "reveal":
      return typeof body.nonce === "string";
    case "candidate":
      return textOrNull(body.candidate) && textOrNull(body.sdpMid);
    case "wantVideo":
      return object(body.want) && count(body.want.lines) && count(body.want.frameRate);
    case "restart":
      return true;
    default:
      return false;
  }
}
