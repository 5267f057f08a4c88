/** The curves for browsers that have none of their own; loaded only there. Seeds are given by tests alone. */
import { ed25519, x25519 } from "@noble/curves/ed25519.js";

import { contributed, type Curves } from "./curves";

const draw = () => crypto.getRandomValues(new Uint8Array(32));

export function nobleCurves(seed: () => Uint8Array = draw): Curves {
  return {
    async signingKey() {
      const secret = seed();
      return {
        public: new Uint8Array(ed25519.getPublicKey(secret)),
        sign: async (message) => new Uint8Array(ed25519.sign(message, secret)),
      };
    },
    async agreementKey() {
      const secret = seed();
      return {
        public: new Uint8Array(x25519.getPublicKey(secret)),
        async agree(theirs) {
          try {
            return contributed(new Uint8Array(x25519.getSharedSecret(secret, theirs)));
          } catch {
            return null;
          }
        },
      };
    },
    async verify(key, signature, message) {
      try {
        return ed25519.verify(signature, message, key, { zip215: false });
      } catch {
        return false;
      }
    },
  };
}
