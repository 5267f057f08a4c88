//! Who wants to listen for calls shows first that the key is theirs. Known to the instance alone that was asked; the house
//! hears of it when it is shown.

use std::collections::HashMap;
use std::net::IpAddr;

use fika_call::identity::IdentityKey;
use fika_call::ring;
use fika_call::signal::{ClientMessage, PROTOCOL_VERSION, Refusal, ServerMessage};

use super::{Hub, Number, Private};
use crate::house::Wish;
use crate::random;
use crate::rooms::Now;

/// Bytes of what is to be signed.
const NONCE_BYTES: usize = 16;

/// Of each connection that has asked, its last question; gone with the connection.
#[derive(Default)]
pub(super) struct Challenges(HashMap<Number, (IdentityKey, String)>);

impl Challenges {
    pub(super) fn forget(&mut self, id: Number) {
        self.0.remove(&id);
    }
}

impl Hub {
    /// `listen` is answered here; `prove` becomes a wish.
    pub(super) fn introduced(&mut self, id: Number, address: IpAddr, message: &ClientMessage, now: Now) {
        let wish = match message {
            // Somebody else would get calls here that are for the owner of this computer.
            _ if self.listeners_from.is_some_and(|only| only != address) => Wish::Refuse(Refusal::BadMessage),
            ClientMessage::Listen { version, key } => match self.challenge(id, *version, key) {
                Ok(()) => return,
                Err(reason) => Wish::Refuse(reason),
            },
            ClientMessage::Prove { signature } => self.prove(id, signature),
            _ => Wish::Refuse(Refusal::BadMessage),
        };
        self.propose_wish(id, wish, Private::Nothing, now);
    }

    fn challenge(&mut self, id: Number, version: u32, key: &str) -> Result<(), Refusal> {
        if version != PROTOCOL_VERSION {
            return Err(Refusal::Version);
        }
        let key = IdentityKey::parse(key).ok_or(Refusal::BadMessage)?;
        if self.draining.is_some() {
            return Err(Refusal::TooManyRequests);
        }
        let nonce = random::base64url::<NONCE_BYTES>();
        self.challenges.0.insert(id, (key, nonce.clone()));
        self.send(id, &ServerMessage::Challenge { nonce });
        Ok(())
    }

    fn prove(&mut self, id: Number, signature: &str) -> Wish {
        let asked = self.challenges.0.remove(&id);
        match asked.filter(|(key, nonce)| ring::proves(key, nonce, signature)) {
            Some((key, _)) => Wish::Listen { key },
            None => Wish::Refuse(Refusal::BadMessage),
        }
    }
}
