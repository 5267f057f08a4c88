//! What caller and callee say through a server that may know neither who calls nor why.
//!
//! A call is sealed to the callee's identity key and signed with the caller's under the seal; what the callee answers is sealed
//! with the same shared secret, so it can come from nobody else. The Ed25519 keys serve for X25519 by the birational map
//! (RFC 7748, section 4.1), as in libsodium's `crypto_sign_ed25519_pk_to_curve25519`.
//!
//! ```text
//! shared  = X25519(ephemeral, callee)             ephemeral drawn for each call
//! key     = HKDF-SHA256(ikm = shared, salt = ephemeral || callee's key || call, info = "fika ring v1" or "fika ring answer v1")
//! payload = base64url(ephemeral (32) || nonce (12) || AES-256-GCM(key, nonce, JSON) || tag (16)); an answer has no ephemeral
//! ```

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use hkdf::Hkdf;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize as _, Zeroizing};

use super::{CallId, Invitation, Reply};
use crate::identity::{CLOCK_TOLERANCE, Identity, IdentityKey, KEY_BYTES};
use crate::seal::NONCE_BYTES;
use crate::signal::Sealed;

/// Longest payload in characters.
pub const MAX_SEALED: usize = 8 * 1024;
/// Seconds for which a call may still be on its way.
const LIFETIME: u64 = 120;

const CALL_INFO: &[u8] = b"fika ring v1";
const ANSWER_INFO: &[u8] = b"fika ring answer v1";
const SIGNED: &[u8] = b"fika ring v1";
const LISTENS: &[u8] = b"fika listen v1";

/// Why a payload says nothing. Drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    #[error("not a sealed message")]
    NotSealed,
    /// For somebody else, or changed on the way, or not signed by whom it names.
    #[error("not sealed for this call")]
    Untrusted,
    /// Of long ago, or a clock is wrong.
    #[error("past its time")]
    Expired,
    #[error("sealed, but not understood")]
    NotUnderstood,
}

/// The caller's side of a call: opens what the callee answers.
pub struct Calling {
    answers: Aes256Gcm,
}

/// The callee's side.
#[derive(Clone)]
pub struct Answering {
    answers: Aes256Gcm,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    from: IdentityKey,
    expires: u64,
    /// JSON of the invitation, as it is signed.
    invitation: String,
    signature: String,
}

/// Calls `to`. `seed` and `nonce` are drawn anew for each call; `now`: seconds since 1970.
pub fn call(
    identity: &Identity,
    to: &IdentityKey,
    call: &CallId,
    invitation: &Invitation,
    (mut seed, nonce): ([u8; KEY_BYTES], [u8; NONCE_BYTES]),
    now: u64,
) -> Option<(Sealed, Calling)> {
    let ephemeral = StaticSecret::from(seed);
    seed.zeroize();
    let public = PublicKey::from(&ephemeral).to_bytes();
    let shared = ephemeral.diffie_hellman(&PublicKey::from(montgomery(to)?));
    let keys = Keys::derive(shared.was_contributory().then_some(shared.as_bytes())?, &public, to, call);
    let expires = now + LIFETIME;
    let invitation = serde_json::to_string(invitation).expect("strings are always JSON");
    let digest = digest(&[SIGNED, call.0.as_bytes(), &to.0, &public, &expires.to_be_bytes(), invitation.as_bytes()]);
    let signature = URL_SAFE_NO_PAD.encode(identity.sign(&digest));
    let signed = Signed { from: identity.public(), expires, invitation, signature };
    let sealed = close(&keys.call, nonce, &signed);
    let payload = [&public[..], &sealed].concat();
    Some((Sealed(URL_SAFE_NO_PAD.encode(payload)), Calling { answers: keys.answers }))
}

/// Opens a call to us: who calls, and what they say.
pub fn open(
    identity: &Identity,
    call: &CallId,
    sealed: &Sealed,
    now: u64,
) -> Result<(IdentityKey, Invitation, Answering), SealError> {
    let bytes = decode(sealed)?;
    let (public, sealed) = bytes.split_at_checked(KEY_BYTES).ok_or(SealError::NotSealed)?;
    let public: [u8; KEY_BYTES] = public.try_into().map_err(|_| SealError::NotSealed)?;
    let us = identity.public();
    let shared = identity.agree(&PublicKey::from(public)).ok_or(SealError::Untrusted)?;
    let keys = Keys::derive(&shared, &public, &us, call);
    let signed: Signed = reveal(&keys.call, sealed)?;
    let expires = signed.expires.to_be_bytes();
    let digest = digest(&[SIGNED, call.0.as_bytes(), &us.0, &public, &expires, signed.invitation.as_bytes()]);
    verify(&signed.from, &digest, &signed.signature).ok_or(SealError::Untrusted)?;
    if signed.expires + CLOCK_TOLERANCE < now || signed.expires > now + LIFETIME + CLOCK_TOLERANCE {
        return Err(SealError::Expired);
    }
    let invitation: Invitation = serde_json::from_str(&signed.invitation).map_err(|_| SealError::NotUnderstood)?;
    let invitation = invitation.cleaned().ok_or(SealError::NotUnderstood)?;
    Ok((signed.from, invitation, Answering { answers: keys.answers }))
}

/// What the callee says.
pub fn answer(answering: &Answering, nonce: [u8; NONCE_BYTES], reply: &Reply) -> Sealed {
    Sealed(URL_SAFE_NO_PAD.encode(close(&answering.answers, nonce, reply)))
}

impl Calling {
    /// What the callee has said.
    pub fn open(&self, sealed: &Sealed) -> Result<Reply, SealError> {
        reveal(&self.answers, &decode(sealed)?)
    }
}

impl std::fmt::Debug for Calling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Calling")
    }
}

impl std::fmt::Debug for Answering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answering")
    }
}

/// Signs the server's nonce: whoever has this key listens there.
pub fn proof(identity: &Identity, nonce: &str) -> String {
    URL_SAFE_NO_PAD.encode(identity.sign(&digest(&[LISTENS, nonce.as_bytes(), &identity.public().0])))
}

/// Whether `signature` is the proof of `key` over `nonce`.
pub fn proves(key: &IdentityKey, nonce: &str, signature: &str) -> bool {
    verify(key, &digest(&[LISTENS, nonce.as_bytes(), &key.0]), signature).is_some()
}

struct Keys {
    call: Aes256Gcm,
    answers: Aes256Gcm,
}

impl Keys {
    fn derive(shared: &[u8; KEY_BYTES], ephemeral: &[u8; KEY_BYTES], to: &IdentityKey, call: &CallId) -> Self {
        let salt = [&ephemeral[..], &to.0, call.0.as_bytes()].concat();
        let hkdf = Hkdf::<Sha256>::new(Some(&salt), shared);
        let key = |info| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand(info, key.as_mut_slice()).expect("32 bytes are less than the 8160 that HKDF-SHA256 gives");
            Aes256Gcm::new(aes_gcm::Key::<Aes256Gcm>::from_slice(key.as_slice()))
        };
        Self { call: key(CALL_INFO), answers: key(ANSWER_INFO) }
    }
}

fn montgomery(key: &IdentityKey) -> Option<[u8; KEY_BYTES]> {
    let key = VerifyingKey::from_bytes(&key.0).ok().filter(|key| !key.is_weak())?;
    Some(key.to_montgomery().to_bytes())
}

fn verify(key: &IdentityKey, digest: &[u8], signature: &str) -> Option<()> {
    let bytes: [u8; 64] = (signature.len() == 86).then(|| URL_SAFE_NO_PAD.decode(signature).ok())??.try_into().ok()?;
    VerifyingKey::from_bytes(&key.0).ok()?.verify_strict(digest, &Signature::from_bytes(&bytes)).ok()
}

/// Of all parts, each with its length before it, so that none can reach into the next.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn close<T: Serialize>(key: &Aes256Gcm, nonce: [u8; NONCE_BYTES], message: &T) -> Vec<u8> {
    let text = serde_json::to_vec(message).expect("strings and numbers are always JSON");
    let sealed = key.encrypt(Nonce::from_slice(&nonce), Payload::from(text.as_slice()));
    [&nonce[..], &sealed.expect("a message is shorter than the 64 GiB of AES-GCM")].concat()
}

fn decode(sealed: &Sealed) -> Result<Vec<u8>, SealError> {
    if sealed.0.len() > MAX_SEALED {
        return Err(SealError::NotSealed);
    }
    URL_SAFE_NO_PAD.decode(&sealed.0).map_err(|_| SealError::NotSealed)
}

fn reveal<T: DeserializeOwned>(key: &Aes256Gcm, bytes: &[u8]) -> Result<T, SealError> {
    let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::NotSealed)?;
    let text = key.decrypt(Nonce::from_slice(nonce), ciphertext).map_err(|_| SealError::Untrusted)?;
    serde_json::from_slice(&text).map_err(|_| SealError::NotUnderstood)
}
