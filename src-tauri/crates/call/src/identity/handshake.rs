//! The talk that goes with offer and answer: each side's binding, and the words.
//!
//! The offer's binding holds a commitment to a nonce, the answer's binding a nonce of its own, then the offerer shows its
//! nonce. So whoever sits in the middle has to choose before learning what would fit, and has one guess of 2^32.

use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::binding::{self, BindingError, Digest, Fingerprint, Terms, Vouched};
use super::{Identity, IdentityKey, WORDS, bytes, text};
use crate::signal::Binding;
use crate::{ParticipantId, RoomId};

/// Bytes of [`Random`].
pub const RANDOM_BYTES: usize = 64;

const SALT_BYTES: usize = 64;
const INFO: &[u8] = b"fika words v1";

/// Fresh from the system for each offer and answer.
pub type Random = [u8; RANDOM_BYTES];

/// What is known of the key of a peer whose description was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerIdentity {
    /// `None`: its client says nothing of a key, so it cannot be verified.
    pub key: Option<IdentityKey>,
    /// It will have the same key next time.
    pub lasting: bool,
    /// To compare, once both sides have shown their numbers.
    pub words: Option<[u8; WORDS]>,
}

/// Two participants of a room; `us` speaks.
#[derive(Clone, Debug)]
pub struct Seats {
    pub room: RoomId,
    pub us: ParticipantId,
    pub them: ParticipantId,
}

impl Seats {
    fn ours<'a>(&'a self, session: &'a str, fingerprint: &'a Fingerprint, offer: Option<&'a Digest>) -> Terms<'a> {
        Terms { room: &self.room, from: &self.us, to: &self.them, session, fingerprint, offer }
    }

    fn theirs<'a>(&'a self, session: &'a str, fingerprint: &'a Fingerprint, offer: Option<&'a Digest>) -> Terms<'a> {
        Terms { room: &self.room, from: &self.them, to: &self.us, session, fingerprint, offer }
    }
}

/// What we draw for one connection.
struct Own {
    ephemeral: StaticSecret,
    public: [u8; 32],
    nonce: Zeroizing<[u8; 32]>,
}

impl Own {
    fn new(random: Random) -> Self {
        let random = Zeroizing::new(random);
        let half = |at: usize| Zeroizing::new(std::array::from_fn::<u8, 32, _>(|i| random[at + i]));
        let ephemeral = StaticSecret::from(*half(0));
        let public = PublicKey::from(&ephemeral).to_bytes();
        Self { ephemeral, public, nonce: half(32) }
    }
}

/// The side that offers.
pub struct Offering {
    seats: Seats,
    session: String,
    own: Option<(Own, Digest)>,
}

impl Offering {
    /// `identity`: `None` says nothing of us.
    pub fn new(
        seats: &Seats,
        identity: Option<&Identity>,
        session: &str,
        fingerprint: &Fingerprint,
        random: Random,
        now: u64,
    ) -> (Self, Option<Binding>) {
        let signed = identity.map(|identity| {
            let own = Own::new(random);
            let commitment = binding::commitment(&own.nonce);
            let terms = seats.ours(session, fingerprint, None);
            let (binding, digest) = binding::sign(identity, &terms, &own.public, &commitment, now);
            ((own, digest), binding)
        });
        let (own, binding) = signed.unzip();
        (Self { seats: seats.clone(), session: session.to_owned(), own }, binding)
    }

    /// Checks an answer before it is acted upon. With it comes the nonce, which is told now and not before.
    pub fn answered(
        self,
        fingerprint: &Fingerprint,
        binding: Option<&Binding>,
        now: u64,
    ) -> Result<(PeerIdentity, Option<String>), BindingError> {
        let Some(binding) = binding else { return Ok((PeerIdentity::default(), None)) };
        // Who answers with a binding answers one of ours.
        let (own, offer) = self.own.as_ref().ok_or(BindingError::Forged)?;
        let theirs = binding::verify(binding, &self.seats.theirs(&self.session, fingerprint, Some(offer)), now)?;
        let words = words(own, &theirs, [&own.nonce, &theirs.share], [offer, &theirs.digest])?;
        let peer = PeerIdentity { key: Some(theirs.key), lasting: theirs.lasting, words: Some(words) };
        Ok((peer, Some(text(own.nonce.as_slice()))))
    }
}

/// The side that answers.
pub struct Answering {
    seats: Seats,
    session: String,
    theirs: Option<Vouched>,
    own: Option<(Own, Digest)>,
}

impl Answering {
    /// Checks an offer before it is acted upon.
    pub fn new(
        seats: &Seats,
        session: &str,
        fingerprint: &Fingerprint,
        binding: Option<&Binding>,
        now: u64,
    ) -> Result<Self, BindingError> {
        let verify = |binding| binding::verify(binding, &seats.theirs(session, fingerprint, None), now);
        let theirs = binding.map(verify).transpose()?;
        Ok(Self { seats: seats.clone(), session: session.to_owned(), theirs, own: None })
    }

    /// The words are still missing.
    pub fn peer(&self) -> PeerIdentity {
        match &self.theirs {
            Some(theirs) => PeerIdentity { key: Some(theirs.key), lasting: theirs.lasting, words: None },
            None => PeerIdentity::default(),
        }
    }

    /// Our binding for the answer. `None`: to an offer without one, there is nothing to tie it to.
    pub fn answer(
        &mut self,
        identity: Option<&Identity>,
        fingerprint: &Fingerprint,
        random: Random,
        now: u64,
    ) -> Option<Binding> {
        let (theirs, identity) = self.theirs.as_ref().zip(identity)?;
        let own = Own::new(random);
        let terms = self.seats.ours(&self.session, fingerprint, Some(&theirs.digest));
        let (binding, digest) = binding::sign(identity, &terms, &own.public, &own.nonce, now);
        self.own = Some((own, digest));
        Some(binding)
    }

    /// The offerer shows its nonce. An error: it is not the one that it has committed to.
    pub fn revealed(&self, nonce: &str) -> Result<PeerIdentity, BindingError> {
        let (theirs, (own, digest)) = self.theirs.as_ref().zip(self.own.as_ref()).ok_or(BindingError::Malformed)?;
        let nonce = bytes(nonce).ok_or(BindingError::Malformed)?;
        if binding::commitment(&nonce) != theirs.share {
            return Err(BindingError::Forged);
        }
        let words = words(own, theirs, [&nonce, &own.nonce], [&theirs.digest, digest])?;
        Ok(PeerIdentity { words: Some(words), ..self.peer() })
    }
}

/// Nonces and digests of the offerer first.
fn words(
    own: &Own,
    theirs: &Vouched,
    nonces: [&[u8; 32]; 2],
    digests: [&Digest; 2],
) -> Result<[u8; WORDS], BindingError> {
    let shared = own.ephemeral.diffie_hellman(&PublicKey::from(theirs.ephemeral));
    if !shared.was_contributory() {
        return Err(BindingError::Forged);
    }
    let mut salt = Zeroizing::new([0; SALT_BYTES]);
    salt[..32].copy_from_slice(nonces[0]);
    salt[32..].copy_from_slice(nonces[1]);
    let mut words = [0; WORDS];
    Hkdf::<Sha256>::new(Some(salt.as_slice()), shared.as_bytes())
        .expand_multi_info(&[INFO, digests[0], digests[1]], &mut words)
        .map_err(|_| BindingError::Malformed)?;
    Ok(words)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
