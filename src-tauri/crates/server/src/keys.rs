//! What the server signs and recognises: tokens for those who come back, digests of keys, codes and passcodes.
//!
//! Used by the hub's task. A token is a JWT (RFC 7519) with EdDSA (RFC 8037) and nothing else: its header is compared as
//! a whole, so no other algorithm is ever looked at. It travels in messages only, never in an address.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fika_call::signal::MAX_TOKEN;
use fika_call::{ParticipantId, RoomId};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};

use crate::limits::{Origin, network};
use crate::random;
use crate::rooms::{Digest, Grant, TOKEN_LIFE};

/// `{"alg":"EdDSA","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9";
const ISSUER: &str = "fika-server";
/// Clocks of several instances may differ by this many seconds.
const LEEWAY: u32 = 30;

/// 32 secret bytes from which everything else is derived.
#[derive(Clone)]
pub(crate) struct Seed(pub(crate) [u8; 32]);

impl Seed {
    pub(crate) fn random() -> Self {
        Self(random::bytes())
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed")
    }
}

pub(crate) struct Keys {
    tokens: Ed25519KeyPair,
    passcodes: hmac::Key,
    origins: hmac::Key,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// The room.
    aud: String,
    /// The participant.
    sub: String,
    iat: u32,
    exp: u32,
    jti: String,
    inside: bool,
    owner: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invite: Option<String>,
}

impl Keys {
    pub(crate) fn new(seed: &Seed) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &seed.0);
        let derived = |purpose: &[u8]| hmac::sign(&master, purpose);
        let tokens = Ed25519KeyPair::from_seed_unchecked(derived(b"fika tokens v1").as_ref())
            .expect("a digest has the 32 bytes of a seed");
        let passcodes = hmac::Key::new(hmac::HMAC_SHA256, derived(b"fika passcodes v1").as_ref());
        let origins = hmac::Key::new(hmac::HMAC_SHA256, derived(b"fika origins v1").as_ref());
        Self { tokens, passcodes, origins }
    }

    /// Of whoever asks from this address: the same on every instance, and no address any more.
    pub(crate) fn origin(&self, address: IpAddr) -> Origin {
        let tag = hmac::sign(&self.origins, network(address).to_string().as_bytes());
        Origin(first_of(tag.as_ref()))
    }

    /// A number of this server that nobody else knows.
    pub(crate) fn salt(&self) -> u64 {
        first_of(hmac::sign(&self.origins, b"salt").as_ref())
    }

    /// Of a passcode of this room.
    pub(crate) fn passcode(&self, room: &RoomId, passcode: &str) -> Digest {
        let tag = hmac::sign(&self.passcodes, format!("{}\n{passcode}", room.0).as_bytes());
        Digest(tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes"))
    }

    pub(crate) fn token(&self, grant: &Grant, unix: u32) -> String {
        let life = u32::try_from(TOKEN_LIFE.as_secs()).expect("ten minutes");
        let claims = Claims {
            iss: ISSUER.into(),
            aud: grant.room.0.clone(),
            sub: grant.participant.0.clone(),
            iat: unix,
            exp: unix.saturating_add(life),
            jti: random::hex::<8>(),
            inside: grant.inside,
            owner: grant.owner,
            invite: grant.invite.clone(),
        };
        let claims = serde_json::to_vec(&claims).expect("strings and numbers are always JSON");
        let signed = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self.tokens.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a token grants; `None` if it is none of ours, or has run out.
    pub(crate) fn grant(&self, token: &str, unix: u32) -> Option<Grant> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let claims = signed.strip_prefix(HEADER)?.strip_prefix('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let public = UnparsedPublicKey::new(&ED25519, self.tokens.public_key().as_ref());
        public.verify(signed.as_bytes(), &signature).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let holds = claims.iss == ISSUER && claims.iat <= unix.saturating_add(LEEWAY) && unix < claims.exp;
        holds.then_some(Grant {
            room: RoomId(claims.aud),
            participant: ParticipantId(claims.sub),
            inside: claims.inside,
            owner: claims.owner,
            invite: claims.invite,
        })
    }
}

fn first_of(tag: &[u8]) -> u64 {
    let first = tag.first_chunk().expect("HMAC-SHA256 has 32 bytes");
    u64::from_le_bytes(*first)
}

/// The room of this host key: whoever has the key, and nobody else, can open it again where it was forgotten.
pub(crate) fn room_of(host_key: &str) -> RoomId {
    let digest = digest::digest(&digest::SHA256, format!("fika room v1\n{host_key}").as_bytes());
    RoomId::from_bytes(*digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes"))
}

/// Of a host key or the code of an invite: random enough to need no more than this.
pub(crate) fn digest(secret: &str) -> Digest {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    Digest(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grant() -> Grant {
        Grant {
            room: RoomId("aaaa-aaaa-aaaa-aaaa".into()),
            participant: ParticipantId("p".into()),
            inside: true,
            owner: false,
            invite: Some("0123".into()),
        }
    }

    fn keys() -> Keys {
        Keys::new(&Seed([7; 32]))
    }

    #[test]
    fn a_token_holds_for_ten_minutes_and_only_here() {
        let keys = keys();
        let token = keys.token(&grant(), 1000);
        assert!(token.len() <= MAX_TOKEN && token.starts_with(HEADER), "{token}");
        assert_eq!(keys.grant(&token, 1000), Some(grant()));
        assert_eq!(keys.grant(&token, 1599), Some(grant()));
        assert_eq!(keys.grant(&token, 1600), None);
        assert_eq!(keys.grant(&token, 900), None, "from the future");
        assert_eq!(Keys::new(&Seed([8; 32])).grant(&token, 1000), None);
    }

    #[test]
    fn no_other_algorithm_is_looked_at() {
        let keys = keys();
        let token = keys.token(&grant(), 1000);
        let (_, rest) = token.split_once('.').unwrap();
        let (claims, _) = rest.split_once('.').unwrap();
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"typ":"JWT","alg":"EdDSA"}"#] {
            let header = URL_SAFE_NO_PAD.encode(header);
            assert_eq!(keys.grant(&format!("{header}.{rest}"), 1000), None);
            assert_eq!(keys.grant(&format!("{header}.{claims}."), 1000), None);
        }
    }

    #[test]
    fn a_passcode_is_that_of_one_room_and_one_server() {
        let (here, there) = (RoomId("a".into()), RoomId("b".into()));
        let keys = keys();
        assert_eq!(keys.passcode(&here, "1234"), keys.passcode(&here, "1234"));
        assert_ne!(keys.passcode(&here, "1234"), keys.passcode(&here, "1235"));
        assert_ne!(keys.passcode(&here, "1234"), keys.passcode(&there, "1234"));
        assert_ne!(keys.passcode(&here, "1234"), Keys::new(&Seed([8; 32])).passcode(&here, "1234"));
    }

    proptest! {
        #[test]
        fn any_text_is_no_token(text in ".{0,200}") {
            prop_assert_eq!(keys().grant(&text, 1000), None);
        }

        #[test]
        fn a_changed_letter_is_noticed(at in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.-]") {
            let token = keys().token(&grant(), 1000);
            let at = at.index(token.len());
            let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
            // The last letters of the signature may carry bits that mean nothing.
            prop_assume!(changed != token && at + 1 < token.len());
            prop_assert_eq!(keys().grant(&changed, 1000), None);
        }
    }
}
