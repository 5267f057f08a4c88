//! Seals what two participants say to each other, so that whoever runs the signalling can neither read nor change it.
//!
//! Pure: the caller draws the nonces and runs it on its own thread; nothing is queued. A message that does not open is
//! an error and never a panic; lengths are checked before anything is decoded.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::chat::{self, ChatBody};
use crate::invite::Secret;
use crate::signal::{PeerMessage, Sealed};
use crate::{ParticipantId, RoomId};

/// Bytes of a nonce (NIST SP 800-38D section 8.2.2): random and never used twice with one key.
pub const NONCE_BYTES: usize = 12;
/// Longest JSON text of a [`PeerMessage`], in bytes; sealed and wrapped it stays under [`crate::signal::MAX_MESSAGE`].
pub const MAX_PLAINTEXT: usize = 47 * 1024;

const TAG_BYTES: usize = 16;
const INFO: &[u8] = b"fika signal v1";
const CHAT_INFO: &[u8] = b"fika chat v1";
/// `MAX_PLAINTEXT` with nonce and tag, in base64 without padding.
const MAX_SEALED: usize = (NONCE_BYTES + MAX_PLAINTEXT + TAG_BYTES).div_ceil(3) * 4;

/// The keys of one room: the people with the link have them, the server does not. Overwritten when they are dropped.
#[derive(Clone)]
pub struct Key {
    signal: Aes256Gcm,
    chat: Aes256Gcm,
}

impl Key {
    /// HKDF-SHA256 (RFC 5869): ikm = the link's secret, salt = room id, info = `fika signal v1` or `fika chat v1`, 32
    /// bytes.
    pub fn derive(secret: &Secret, room: &RoomId) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(room.0.as_bytes()), secret.as_bytes());
        let key = |info| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand(info, key.as_mut_slice()).expect("32 bytes are less than the 8160 that HKDF-SHA256 gives");
            Aes256Gcm::new(aes_gcm::Key::<Aes256Gcm>::from_slice(key.as_slice()))
        };
        Self { signal: key(INFO), chat: key(CHAT_INFO) }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// Why a payload does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Drop it: it is no sealed message at all, or too long for one.
    #[error("not a sealed message")]
    NotSealed,
    /// Trust nothing of it and say so: made with another secret, for another pair, or changed on the way.
    #[error("not sealed with the secret of this link")]
    Untrusted,
    /// Drop it: somebody with the link's secret says what this version does not understand.
    #[error("sealed, but not understood")]
    NotUnderstood,
}

/// Seals `message` for the way from `from` to `to`. The server drops what is longer than [`MAX_PLAINTEXT`].
pub fn seal(
    key: &Key,
    from: &ParticipantId,
    to: &ParticipantId,
    nonce: [u8; NONCE_BYTES],
    message: &PeerMessage,
) -> Sealed {
    close(&key.signal, &additional_data(from, to), nonce, message)
}

/// Opens a payload that the server says came from `from` to `to`.
pub fn open(key: &Key, from: &ParticipantId, to: &ParticipantId, sealed: &Sealed) -> Result<PeerMessage, SealError> {
    reveal(&key.signal, &additional_data(from, to), MAX_SEALED, sealed)
}

/// Seals what `from` writes to `to`, or to everybody.
pub fn seal_chat(
    key: &Key,
    from: &ParticipantId,
    to: Option<&ParticipantId>,
    nonce: [u8; NONCE_BYTES],
    body: &ChatBody,
) -> Sealed {
    close(&key.chat, &chat_data(from, to), nonce, body)
}

/// Opens a chat message that the server says came from `from` to `to`, or to everybody.
pub fn open_chat(
    key: &Key,
    from: &ParticipantId,
    to: Option<&ParticipantId>,
    sealed: &Sealed,
) -> Result<ChatBody, SealError> {
    reveal(&key.chat, &chat_data(from, to), chat::MAX_SEALED, sealed)
}

fn close<T: Serialize>(key: &Aes256Gcm, aad: &[u8], nonce: [u8; NONCE_BYTES], message: &T) -> Sealed {
    let text = serde_json::to_vec(message).expect("strings and numbers are always JSON");
    let sealed = key
        .encrypt(Nonce::from_slice(&nonce), Payload { msg: &text, aad })
        .expect("a message is shorter than the 64 GiB of AES-GCM");
    let mut bytes = Vec::with_capacity(NONCE_BYTES + sealed.len());
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    Sealed(URL_SAFE_NO_PAD.encode(bytes))
}

fn reveal<T: DeserializeOwned>(key: &Aes256Gcm, aad: &[u8], longest: usize, sealed: &Sealed) -> Result<T, SealError> {
    if sealed.0.len() > longest {
        return Err(SealError::NotSealed);
    }
    let bytes = URL_SAFE_NO_PAD.decode(&sealed.0).map_err(|_| SealError::NotSealed)?;
    let (nonce, ciphertext) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::NotSealed)?;
    let text =
        key.decrypt(Nonce::from_slice(nonce), Payload { msg: ciphertext, aad }).map_err(|_| SealError::Untrusted)?;
    serde_json::from_slice(&text).map_err(|_| SealError::NotUnderstood)
}

/// Looks like a sealed message; says nothing about what is in it. For the server, which passes payloads on unread.
pub fn is_well_formed(sealed: &Sealed) -> bool {
    sealed.0.len() <= MAX_SEALED && sealed.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// `from "\n" to`: neither id can hold a line break, because the server makes them.
fn additional_data(from: &ParticipantId, to: &ParticipantId) -> Vec<u8> {
    [from.0.as_bytes(), b"\n", to.0.as_bytes()].concat()
}

/// No id is a star.
fn chat_data(from: &ParticipantId, to: Option<&ParticipantId>) -> Vec<u8> {
    [from.0.as_bytes(), b"\n", to.map_or(b"*".as_slice(), |to| to.0.as_bytes())].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chat::MessageId;
    use crate::signal::{MAX_MESSAGE, PeerBody, ServerMessage};

    fn key() -> Key {
        Key::derive(&Secret::from_bytes(*b"0123456789abcdef"), &RoomId("aaaq-eaye-auda-oceb".into()))
    }

    fn ids() -> (ParticipantId, ParticipantId) {
        (ParticipantId("alice".into()), ParticipantId("bob".into()))
    }

    fn message(sdp: &str) -> PeerMessage {
        PeerMessage { session: "s1".into(), seq: 7, body: PeerBody::Offer { sdp: sdp.into(), binding: None } }
    }

    /// Made with WebCrypto: `deriveKey({name: "HKDF", hash: "SHA-256", salt, info}, ...)`, then
    /// `encrypt({name: "AES-GCM", iv, additionalData}, ...)`.
    #[test]
    fn a_browser_seals_the_same() {
        let (alice, bob) = ids();
        let sealed = seal(&key(), &alice, &bob, *b"nonce-of-12b", &message("v=0"));
        assert_eq!(
            sealed.0,
            "bm9uY2Utb2YtMTJiyt-UNkQpPQVYapQpaqj4EkLVNFNy1MqOax3hFOpuo5or_c3jZKO4tHUdFsZpzxyVAf2rwXla_q8_hiCqDyzuO5D8km_Wx9M-2Jl4xQ"
        );
        assert_eq!(open(&key(), &alice, &bob, &sealed), Ok(message("v=0")));
    }

    #[test]
    fn another_pair_direction_room_or_secret_does_not_open_it() {
        let (alice, bob) = ids();
        let sealed = seal(&key(), &alice, &bob, [1; 12], &message("v=0"));
        assert_eq!(open(&key(), &bob, &alice, &sealed), Err(SealError::Untrusted));
        assert_eq!(open(&key(), &alice, &ParticipantId("eve".into()), &sealed), Err(SealError::Untrusted));
        let other_room = Key::derive(&Secret::from_bytes(*b"0123456789abcdef"), &RoomId("bbbb".into()));
        assert_eq!(open(&other_room, &alice, &bob, &sealed), Err(SealError::Untrusted));
        let other_secret = Key::derive(&Secret::from_bytes([0; 16]), &RoomId("aaaq-eaye-auda-oceb".into()));
        assert_eq!(open(&other_secret, &alice, &bob, &sealed), Err(SealError::Untrusted));
    }

    #[test]
    fn a_browser_seals_chat_the_same() {
        let (alice, _) = ids();
        let body = ChatBody { text: "hej".into(), reply_to: None };
        let sealed = seal_chat(&key(), &alice, None, *b"nonce-of-12b", &body);
        let known = "bm9uY2Utb2YtMTJi8429scD6d4X--JbfCkk5hh9U3wx3nthBC6REIIN0bIY3YcUKK34ETxlzTCW4";
        assert_eq!(sealed.0, known);
    }

    #[test]
    fn chat_has_a_key_of_its_own_and_names_its_receiver() {
        let (alice, bob) = ids();
        let body = ChatBody { text: "hej".into(), reply_to: None };
        let to_all = seal_chat(&key(), &alice, None, [1; 12], &body);
        assert_eq!(open_chat(&key(), &alice, None, &to_all), Ok(body.clone()));
        assert_eq!(open_chat(&key(), &bob, None, &to_all), Err(SealError::Untrusted));
        assert_eq!(open_chat(&key(), &alice, Some(&bob), &to_all), Err(SealError::Untrusted));
        let to_bob = seal_chat(&key(), &alice, Some(&bob), [1; 12], &body);
        assert_eq!(open_chat(&key(), &alice, Some(&bob), &to_bob), Ok(body));
        assert_eq!(open(&key(), &alice, &bob, &to_bob), Err(SealError::Untrusted), "another key");
        let longest = ChatBody { text: "\u{1f600}".repeat(chat::MAX_TEXT), reply_to: Some(MessageId(u32::MAX)) };
        let sealed = seal_chat(&key(), &alice, None, [1; 12], &longest);
        assert!(sealed.0.len() <= chat::MAX_SEALED, "{}", sealed.0.len());
        assert_eq!(open_chat(&key(), &alice, None, &sealed), Ok(longest));
        let long = Sealed("a".repeat(chat::MAX_SEALED + 1));
        assert_eq!(open_chat(&key(), &alice, None, &long), Err(SealError::NotSealed));
    }

    #[test]
    fn what_is_sealed_but_not_understood_is_told_apart() {
        let (alice, bob) = ids();
        let nonce = [2; 12];
        let payload = Payload { msg: b"{\"seq\":-1}", aad: b"alice\nbob" };
        let mut bytes = nonce.to_vec();
        bytes.extend(key().signal.encrypt(Nonce::from_slice(&nonce), payload).unwrap());
        let sealed = Sealed(URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(open(&key(), &alice, &bob, &sealed), Err(SealError::NotUnderstood));
    }

    #[test]
    fn the_longest_message_fits_the_wire_and_a_longer_one_is_not_looked_at() {
        let (alice, bob) = ids();
        let frame = serde_json::to_vec(&message("")).unwrap().len();
        let longest = message(&"x".repeat(MAX_PLAINTEXT - frame));
        let sealed = seal(&key(), &alice, &bob, [3; 12], &longest);
        assert_eq!(sealed.0.len().next_multiple_of(4), MAX_SEALED);
        assert!(open(&key(), &alice, &bob, &sealed).is_ok() && is_well_formed(&sealed));
        let from = ParticipantId("a".repeat(32));
        let wire = serde_json::to_string(&ServerMessage::Signal { from, payload: sealed.clone() }).unwrap();
        assert!(wire.len() <= MAX_MESSAGE, "{}", wire.len());

        let longer = message(&"x".repeat(MAX_PLAINTEXT - frame + 3));
        let sealed = seal(&key(), &alice, &bob, [3; 12], &longer);
        assert_eq!(open(&key(), &alice, &bob, &sealed), Err(SealError::NotSealed));
        assert!(!is_well_formed(&sealed));
        assert!(!is_well_formed(&Sealed("\u{1}".into())));
    }

    proptest! {
        #[test]
        fn any_text_is_an_error_and_no_panic(text in ".{0,200}") {
            let (alice, bob) = ids();
            prop_assert!(open(&key(), &alice, &bob, &Sealed(text)).is_err());
        }

        #[test]
        fn every_changed_bit_is_noticed(sdp in ".{0,100}", at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let (alice, bob) = ids();
            let sealed = seal(&key(), &alice, &bob, [4; 12], &message(&sdp));
            let mut bytes = URL_SAFE_NO_PAD.decode(&sealed.0).unwrap();
            let index = at.index(bytes.len());
            bytes[index] ^= 1 << bit;
            let changed = Sealed(URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(open(&key(), &alice, &bob, &changed), Err(SealError::Untrusted));
        }
    }
}
