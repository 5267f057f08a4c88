//! Whose certificate a description names: signs ours, checks theirs before they are acted upon, and finds the words.
//!
//! Plain state of the peer's task. A key that a participant has shown stays theirs as long as they keep their seat.

use fika_call::identity::{Answering, BindingError, Identity, IdentityKey, Offering, PeerIdentity, Seats};
use fika_call::signal::Binding;

use crate::{clock, random, sdp};

pub(crate) struct Vouching {
    /// `None`: we say nothing of ourselves.
    identity: Option<Identity>,
    seats: Seats,
    /// What they have shown so far.
    pinned: Option<IdentityKey>,
    talk: Talk,
}

enum Talk {
    None,
    Offering(Offering),
    Answering(Answering),
}

impl Vouching {
    pub(crate) const fn new(identity: Option<Identity>, seats: Seats) -> Self {
        Self { identity, seats, pinned: None, talk: Talk::None }
    }

    /// For the offer of this description.
    pub(crate) fn offer(&mut self, session: &str, sdp: &str) -> Option<Binding> {
        let fingerprint = sdp::fingerprint(sdp)?;
        let (seats, identity, random) = (&self.seats, self.identity.as_ref(), random::bytes());
        let (offering, binding) = Offering::new(seats, identity, session, &fingerprint, random, clock::unix_seconds());
        self.talk = Talk::Offering(offering);
        binding
    }

    /// Their answer. With who they are comes the nonce that is shown to them now.
    pub(crate) fn answered(
        &mut self,
        sdp: &str,
        binding: Option<&Binding>,
    ) -> Result<(PeerIdentity, Option<String>), BindingError> {
        let Talk::Offering(offering) = std::mem::replace(&mut self.talk, Talk::None) else {
            return Err(BindingError::Forged);
        };
        let fingerprint = sdp::fingerprint(sdp).ok_or(BindingError::Malformed)?;
        let (peer, nonce) = offering.answered(&fingerprint, binding, clock::unix_seconds())?;
        self.pin(&peer)?;
        Ok((peer, nonce))
    }

    /// Their offer.
    pub(crate) fn offered(
        &mut self,
        session: &str,
        sdp: &str,
        binding: Option<&Binding>,
    ) -> Result<PeerIdentity, BindingError> {
        let fingerprint = sdp::fingerprint(sdp).ok_or(BindingError::Malformed)?;
        let answering = Answering::new(&self.seats, session, &fingerprint, binding, clock::unix_seconds())?;
        let peer = answering.peer();
        self.pin(&peer)?;
        self.talk = Talk::Answering(answering);
        Ok(peer)
    }

    /// For our answer with this description.
    pub(crate) fn answer(&mut self, sdp: &str) -> Option<Binding> {
        let Talk::Answering(answering) = &mut self.talk else { return None };
        answering.answer(self.identity.as_ref(), &sdp::fingerprint(sdp)?, random::bytes(), clock::unix_seconds())
    }

    /// What their offer had committed to.
    pub(crate) fn revealed(&self, nonce: &str) -> Result<PeerIdentity, BindingError> {
        match &self.talk {
            Talk::Answering(answering) => answering.revealed(nonce),
            Talk::None | Talk::Offering(_) => Err(BindingError::Malformed),
        }
    }

    fn pin(&mut self, peer: &PeerIdentity) -> Result<(), BindingError> {
        if self.pinned.is_some() && self.pinned != peer.key {
            return Err(BindingError::Changed);
        }
        self.pinned = peer.key;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use fika_call::{ParticipantId, RoomId};

    use super::*;

    fn pair(alice: Option<u8>, bob: Option<u8>) -> (Vouching, Vouching) {
        let id = |text: &str| ParticipantId(text.into());
        let room = RoomId("aaaa".into());
        let key = |seed: Option<u8>| seed.map(|seed| Identity::from_seed(&[seed; 32], false));
        let alices = Seats { room: room.clone(), us: id("a"), them: id("b") };
        let bobs = Seats { room, us: id("b"), them: id("a") };
        (Vouching::new(key(alice), alices), Vouching::new(key(bob), bobs))
    }

    fn description(fill: &str) -> String {
        format!("v=0\r\na=fingerprint:sha-256 {}\r\nm=audio 9 x\r\n", [fill; 32].join(":"))
    }

    #[test]
    fn two_find_their_words() {
        let (mut a, mut b) = pair(Some(1), Some(2));
        let (offer, answer) = (description("AA"), description("BB"));
        let binding = a.offer("s1", &offer);
        let seen = b.offered("s1", &offer, binding.as_ref()).unwrap();
        assert_eq!((seen.key.is_some(), seen.words), (true, None));
        let binding = b.answer(&answer);
        let (by_a, nonce) = a.answered(&answer, binding.as_ref()).unwrap();
        let by_b = b.revealed(&nonce.unwrap()).unwrap();
        assert!(by_a.words.is_some());
        assert_eq!(by_a.words, by_b.words);
        assert_eq!(a.answered(&answer, None), Err(BindingError::Forged), "one answer for each offer");
    }

    #[test]
    fn another_certificate_is_refused() {
        let (mut a, mut b) = pair(Some(1), Some(2));
        let binding = a.offer("s1", &description("AA"));
        assert_eq!(b.offered("s1", &description("EE"), binding.as_ref()), Err(BindingError::Forged));
        b.offered("s1", &description("AA"), binding.as_ref()).unwrap();
        let binding = b.answer(&description("BB"));
        assert_eq!(a.answered(&description("EE"), binding.as_ref()), Err(BindingError::Forged));
    }

    #[test]
    fn a_key_stays_as_long_as_the_seat() {
        let (mut a, mut b) = pair(Some(1), Some(2));
        let sdp = description("AA");
        b.offered("s1", &sdp, a.offer("s1", &sdp).as_ref()).unwrap();
        let (mut other, _) = pair(Some(3), None);
        assert_eq!(b.offered("s2", &sdp, other.offer("s2", &sdp).as_ref()), Err(BindingError::Changed));
        assert_eq!(b.offered("s3", &sdp, None), Err(BindingError::Changed), "nor may it be left out");
        assert!(b.offered("s4", &sdp, a.offer("s4", &sdp).as_ref()).is_ok());
    }

    #[test]
    fn an_older_client_is_taken_as_one_that_cannot_be_verified() {
        let (mut a, mut b) = pair(None, Some(2));
        let sdp = description("AA");
        assert_eq!(a.offer("s1", &sdp), None);
        assert_eq!(b.offered("s1", &sdp, None), Ok(PeerIdentity::default()));
        assert_eq!(b.answer(&sdp), None);
        assert_eq!(a.answered(&sdp, None), Ok((PeerIdentity::default(), None)));
    }
}
