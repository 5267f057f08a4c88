//! Signed requests: flattened JWS with ES256 (RFC 7515, RFC 8555 section 6.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// On P-256.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Key {
    crv: String,
    kty: String,
    x: String,
    y: String,
}

pub(super) struct Jws {
    pub(super) nonce: String,
    pub(super) url: String,
    /// Exactly one of the two is there.
    pub(super) key: Option<Key>,
    pub(super) account: Option<String>,
    /// `Null` when it was empty.
    pub(super) payload: Value,
    signed: String,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Text {
    protected: String,
    payload: String,
    signature: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    nonce: String,
    url: String,
    jwk: Option<Key>,
    kid: Option<String>,
}

impl Jws {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let Text { protected, payload, signature } = serde_json::from_slice(body).ok()?;
        let header: Header = serde_json::from_slice(&BASE64.decode(&protected).ok()?).ok()?;
        let bytes = BASE64.decode(&payload).ok()?;
        let value = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).ok()? };
        let one = header.jwk.is_some() != header.kid.is_some();
        (header.alg == "ES256" && one).then_some(Self {
            nonce: header.nonce,
            url: header.url,
            key: header.jwk,
            account: header.kid,
            payload: value,
            signed: format!("{protected}.{payload}"),
            signature: BASE64.decode(signature).ok()?,
        })
    }

    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        let Some(point) = key.point() else { return false };
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(self.signed.as_bytes(), &self.signature).is_ok()
    }
}

impl Key {
    fn point(&self) -> Option<Vec<u8>> {
        let (x, y) = (BASE64.decode(&self.x).ok()?, BASE64.decode(&self.y).ok()?);
        let known = self.kty == "EC" && self.crv == "P-256" && x.len() == 32 && y.len() == 32;
        known.then(|| [vec![4], x, y].concat())
    }

    /// RFC 7638.
    pub(super) fn thumbprint(&self) -> String {
        let Self { crv, kty, x, y } = self;
        BASE64.encode(Sha256::digest(format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#)))
    }
}
