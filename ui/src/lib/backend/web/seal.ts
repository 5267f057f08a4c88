/**
 * Seals what two participants say to each other with the link's secret (docs/protocol.md, "The seal"), so that whoever runs
 * the signalling can neither read nor change it. What does not open is `null`, never an exception.
 */
import type { PeerMessage } from "../../protocol/signal";
import { base64url, fromBase64url } from "./base64";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Longest JSON text of a message. */
export const MAX_PLAINTEXT = 47 * 1024;
const MAX_SEALED = Math.ceil(((MAX_PLAINTEXT + NONCE_BYTES + TAG_BYTES) * 4) / 3);

const encoder = new TextEncoder();

export async function deriveKey(secret: Uint8Array<ArrayBuffer>, room: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: encoder.encode(room), info: encoder.encode("fika signal v1") };
  return crypto.subtle.deriveKey(hkdf, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

const algorithm = (iv: Uint8Array<ArrayBuffer>, from: string, to: string) => ({
  name: "AES-GCM",
  iv,
  additionalData: encoder.encode(`${from}\n${to}`),
});

export async function seal(
  key: CryptoKey,
  from: string,
  to: string,
  message: PeerMessage,
  nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES)),
): Promise<string | null> {
  const plain = encoder.encode(JSON.stringify(message));
  if (plain.length > MAX_PLAINTEXT) return null;
  const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm(nonce, from, to), key, plain));
  const bytes = new Uint8Array(nonce.length + sealed.length);
  bytes.set(nonce);
  bytes.set(sealed, nonce.length);
  return base64url(bytes);
}

/** `untrusted`: not sealed with our link's secret, or for somebody else. `nonsense`: sealed, and no message of ours. */
export async function open(
  key: CryptoKey,
  from: string,
  to: string,
  sealed: string,
): Promise<PeerMessage | "untrusted" | "nonsense"> {
  const bytes = sealed.length <= MAX_SEALED ? fromBase64url(sealed) : null;
  if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return "untrusted";
  let plain: ArrayBuffer;
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    plain = await crypto.subtle.decrypt(algorithm(nonce, from, to), key, bytes.subarray(NONCE_BYTES));
  } catch {
    return "untrusted";
  }
  try {
    const message: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain));
    return isPeerMessage(message) ? message : "nonsense";
  } catch {
    return "nonsense";
  }
}

const object = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const textOrNull = (value: unknown) => value === null || value === undefined || typeof value === "string";
const count = (value: unknown) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function isPeerMessage(message: unknown): message is PeerMessage {
  if (!object(message) || typeof message.session !== "string" || !count(message.seq) || !object(message.body))
    return false;
  const { body } = message;
  switch (body.type) {
    case "offer":
    case "answer":
      return typeof body.sdp === "string";
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
