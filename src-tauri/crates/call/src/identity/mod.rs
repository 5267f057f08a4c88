//! Who somebody is: one Ed25519 key for each installation, what it vouches for, and the words by which two people find out
//! that nobody sits between them.
//!
//! Pure: the caller keeps the key, draws the random numbers and tells the time. Keys are overwritten when they are dropped.

mod binding;
mod handshake;
mod words;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

pub use binding::{BindingError, CLOCK_TOLERANCE, Fingerprint, LIFETIME};
pub use handshake::{Answering, Offering, PeerIdentity, RANDOM_BYTES, Random, Seats};
pub use words::{Language, MEANINGS, WORDS, all as all_words, word};

/// Bytes of a secret key, and of a public one.
pub const KEY_BYTES: usize = 32;

/// Our own key. Clones share it.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    /// Overwrites itself.
    key: SigningKey,
    lasting: bool,
}

impl Identity {
    /// `lasting`: the same key will be here next time too, so that others can remember it.
    pub fn from_seed(seed: &[u8; KEY_BYTES], lasting: bool) -> Self {
        Self(Arc::new(Inner { key: SigningKey::from_bytes(seed), lasting }))
    }

    pub fn public(&self) -> IdentityKey {
        IdentityKey(self.0.key.verifying_key().to_bytes())
    }

    pub fn is_lasting(&self) -> bool {
        self.0.lasting
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.key.sign(bytes).to_bytes()
    }

    /// X25519 of our key, as a key of Montgomery's form, and theirs. `None` if theirs is one that gives the same with every key.
    pub(crate) fn agree(&self, theirs: &PublicKey) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
        let ours = StaticSecret::from(*Zeroizing::new(self.0.key.to_scalar_bytes()));
        let shared = ours.diffie_hellman(theirs);
        shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Somebody's public key; as text base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityKey(pub [u8; KEY_BYTES]);

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey")
    }
}

impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl IdentityKey {
    pub fn parse(text: &str) -> Option<Self> {
        bytes(text).map(Self)
    }
}

impl Serialize for IdentityKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for IdentityKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a key"))
    }
}

/// Somebody whom the user has saved, or whose words they have compared: the key, and the user's own name for them, which is
/// the one that they had then if the user gave no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    pub name: String,
    pub key: IdentityKey,
    /// The words have been compared. They have been for all that were kept before others could be.
    #[serde(default = "compared")]
    pub verified: bool,
    /// Where we have met last, so where they may be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<url::Url>,
}

const fn compared() -> bool {
    true
}

/// What is known of who somebody is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Trust {
    /// Not connected yet.
    #[default]
    Unknown,
    /// Encrypted, but their app is too old to say who they are.
    NotVerifiable,
    /// Encrypted; the words have not been compared.
    Unverified,
    /// The words were the same, now or in an earlier call.
    Verified,
    /// Has the name of somebody verified, but another key.
    Changed,
    /// The words differed: cut off.
    Differs,
    /// What they say is not sealed with the link's secret, or not signed: no connection.
    Refused,
}

/// Reads base64url of exactly `N` bytes; what is longer is not decoded.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != (N * 4).div_ceil(3) {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_text_and_back() {
        let key = Identity::from_seed(&[7; 32], true).public();
        assert_eq!(IdentityKey::parse(&key.to_string()), Some(key));
        let contact = Contact { name: "Åsa".into(), key, verified: false, server: None };
        let json = serde_json::to_string(&contact).unwrap();
        assert_eq!(serde_json::from_str::<Contact>(&json).unwrap(), contact);
        let older = json.replace(r#","verified":false"#, "");
        assert_eq!(serde_json::from_str::<Contact>(&older).unwrap(), Contact { verified: true, ..contact });
        for wrong in ["", "AAAA", &"A".repeat(42), &"A".repeat(44), &"!".repeat(43)] {
            assert_eq!(IdentityKey::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_of_a_key_is_written() {
        let identity = Identity::from_seed(&[7; 32], true);
        assert_eq!(format!("{identity:?} {:?}", identity.public()), "Identity IdentityKey");
    }
}
