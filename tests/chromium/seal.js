// Seals peer messages as `signal::Sealed` documents, with WebCrypto.

const text = new TextEncoder();

export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function fromBase64url(string) {
  return Uint8Array.from(atob(string.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
}

export async function deriveKey(secret, room) {
  const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: text.encode(room), info: text.encode('fika signal v1') };
  return crypto.subtle.deriveKey(hkdf, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
}

const algorithm = (iv, from, to) => ({ name: 'AES-GCM', iv, additionalData: text.encode(`${from}\n${to}`) });

export async function seal(key, from, to, message, nonce = crypto.getRandomValues(new Uint8Array(12))) {
  const plain = text.encode(JSON.stringify(message));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm(nonce, from, to), key, plain));
  const bytes = new Uint8Array(nonce.length + sealed.length);
  bytes.set(nonce);
  bytes.set(sealed, nonce.length);
  let string = '';
  for (let at = 0; at < bytes.length; at += 0x2000 - 0x2000 % 3) {
    string += base64url(bytes.subarray(at, at + (0x2000 - 0x2000 % 3)));
  }
  return string;
}

export async function open(key, from, to, sealed) {
  const bytes = fromBase64url(sealed);
  const plain = await crypto.subtle.decrypt(algorithm(bytes.subarray(0, 12), from, to), key, bytes.subarray(12));
  return JSON.parse(new TextDecoder().decode(plain));
}
