//! A binding: somebody's signature over the certificate of one connection, for one room, pair, session and direction.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::{Identity, IdentityKey, bytes, text};
use crate::signal::Binding;
use crate::{ParticipantId, RoomId};

/// How long a binding holds, in seconds.
pub const LIFETIME: u64 = 24 * 60 * 60;
/// Clocks may differ by this much, in seconds; a binding that ends later than any honest one is none.
pub const CLOCK_TOLERANCE: u64 = 24 * 60 * 60;

const DOMAIN: &[u8] = b"fika binding v1";
const COMMITMENT: &[u8] = b"fika commitment v1";

/// SHA-256 of a DTLS certificate.
pub type Fingerprint = [u8; 32];
/// Names one binding with all it says.
pub(super) type Digest = [u8; 32];

/// Why a binding vouches for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// Not what a client of ours says.
    #[error("the binding cannot be read")]
    Malformed,
    /// Set the clock of one of the two computers.
    #[error("the binding is past its time, or a clock is wrong")]
    Expired,
    /// Somebody has changed something: not signed for this certificate, room, pair or session.
    #[error("the binding is not signed for this connection")]
    Forged,
    /// The key is not the one of before, or there is none any more.
    #[error("the key is not the one of before")]
    Changed,
}

/// What a binding is for.
pub(super) struct Terms<'a> {
    pub(super) room: &'a RoomId,
    pub(super) from: &'a ParticipantId,
    pub(super) to: &'a ParticipantId,
    pub(super) session: &'a str,
    pub(super) fingerprint: &'a Fingerprint,
    /// Of an answer: the offer's binding. An answer to another offer, or to none, is another one.
    pub(super) offer: Option<&'a Digest>,
}

/// What a binding has been found to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vouched {
    pub(super) key: IdentityKey,
    pub(super) lasting: bool,
    pub(super) ephemeral: [u8; 32],
    /// An offer's commitment, an answer's nonce.
    pub(super) share: [u8; 32],
    pub(super) digest: Digest,
}

pub(super) fn sign(
    identity: &Identity,
    terms: &Terms<'_>,
    ephemeral: &[u8; 32],
    share: &[u8; 32],
    now: u64,
) -> (Binding, Digest) {
    let expires = u32::try_from(now + LIFETIME).unwrap_or(u32::MAX);
    let (key, lasting) = (identity.public(), identity.is_lasting());
    let digest = digest(terms, &key, lasting, ephemeral, share, expires);
    let binding = Binding {
        key: key.to_string(),
        lasting,
        ephemeral: text(ephemeral),
        share: text(share),
        expires,
        signature: text(&identity.sign(&digest)),
    };
    (binding, digest)
}

pub(super) fn verify(binding: &Binding, terms: &Terms<'_>, now: u64) -> Result<Vouched, BindingError> {
    let key = bytes(&binding.key).ok_or(BindingError::Malformed)?;
    let ephemeral = bytes(&binding.ephemeral).ok_or(BindingError::Malformed)?;
    let share = bytes(&binding.share).ok_or(BindingError::Malformed)?;
    let signature = bytes(&binding.signature).ok_or(BindingError::Malformed)?;
    let verifying = VerifyingKey::from_bytes(&key).map_err(|_| BindingError::Malformed)?;
    let key = IdentityKey(key);
    let digest = digest(terms, &key, binding.lasting, &ephemeral, &share, binding.expires);
    // Strict: no weak keys, one signature for each message.
    let signed = verifying.verify_strict(&digest, &Signature::from_bytes(&signature));
    signed.map_err(|_| BindingError::Forged)?;
    let expires = u64::from(binding.expires);
    if expires < now || expires > now + LIFETIME + CLOCK_TOLERANCE {
        return Err(BindingError::Expired);
    }
    Ok(Vouched { key, lasting: binding.lasting, ephemeral, share, digest })
}

/// What an offer says of a nonce that it shows only when the answer is there.
pub(super) fn commitment(nonce: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(COMMITMENT);
    hash.update(nonce);
    hash.finalize().into()
}

/// Of all parts, each with its length before it, so that none can reach into the next.
fn digest(
    terms: &Terms<'_>,
    key: &IdentityKey,
    lasting: bool,
    ephemeral: &[u8; 32],
    share: &[u8; 32],
    expires: u32,
) -> Digest {
    let role: &[u8] = if terms.offer.is_some() { b"answer" } else { b"offer" };
    let mut hash = Sha256::new();
    for part in [
        DOMAIN,
        terms.room.0.as_bytes(),
        terms.from.0.as_bytes(),
        terms.to.0.as_bytes(),
        terms.session.as_bytes(),
        role,
        &terms.fingerprint[..],
        terms.offer.map_or(&[][..], |offer| &offer[..]),
        &key.0,
        &[u8::from(lasting)],
        ephemeral,
        share,
        &expires.to_be_bytes(),
    ] {
        // Ids and names of rooms are shorter than a message, so than this number.
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
