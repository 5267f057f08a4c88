/**
 * Ed25519 and X25519: the browser's own where it has them, whose keys no script can read, else those of `@noble/curves`, whose
 * keys lie in the page's memory. Either way they are gone with the page.
 */

type Bytes = Uint8Array<ArrayBuffer>;

export type SigningKey = { public: Bytes; sign(message: Bytes): Promise<Bytes> };
export type AgreementKey = {
  public: Bytes;
  /** `null`: theirs is a weak key, with which everybody knows the result. */
  agree(theirs: Bytes): Promise<Bytes | null>;
};
export type Curves = {
  signingKey(): Promise<SigningKey>;
  agreementKey(): Promise<AgreementKey>;
  verify(key: Bytes, signature: Bytes, message: Bytes): Promise<boolean>;
};

let chosen: Promise<Curves> | undefined;

/** What this browser can, found out once. */
export const curves = (): Promise<Curves> => (chosen ??= choose());

async function choose(): Promise<Curves> {
  try {
    await browserCurves.signingKey();
    await browserCurves.agreementKey();
    return browserCurves;
  } catch {
    return (await import("./noble")).nobleCurves();
  }
}

const raw = async (key: CryptoKey): Promise<Bytes> => new Uint8Array(await crypto.subtle.exportKey("raw", key));

export const browserCurves: Curves = {
  async signingKey() {
    const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    return {
      public: await raw(pair.publicKey),
      sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, message)),
    };
  },
  async agreementKey() {
    const pair = (await crypto.subtle.generateKey("X25519", false, ["deriveBits"])) as CryptoKeyPair;
    return {
      public: await raw(pair.publicKey),
      async agree(theirs) {
        try {
          const key = await crypto.subtle.importKey("raw", theirs, "X25519", false, []);
          const bits = await crypto.subtle.deriveBits({ name: "X25519", public: key }, pair.privateKey, 256);
          return contributed(new Uint8Array(bits));
        } catch {
          return null;
        }
      },
    };
  },
  async verify(key, signature, message) {
    try {
      const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
      return await crypto.subtle.verify("Ed25519", imported, signature, message);
    } catch {
      return false;
    }
  },
};

export const contributed = (shared: Bytes): Bytes | null => (shared.every((byte) => byte === 0) ? null : shared);
