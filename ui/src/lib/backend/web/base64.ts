/** base64url without padding (RFC 4648 section 5). */

/** Bytes that are encoded in one piece: a multiple of three, and no more than a call takes as arguments. */
const PIECE = 8190;

export function base64url(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  }
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** `null` for anything else, also where the last letter carries bits that belong to no byte. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const decoded = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(decoded, (letter) => letter.charCodeAt(0));
  return base64url(bytes) === text ? bytes : null;
}
