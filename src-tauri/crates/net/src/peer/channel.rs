//! What we and one peer say to each other, sealed: numbers the messages of a session and refuses replayed ones.
//!
//! Plain state of the peer's task. The description carries the DTLS fingerprint, so the seal authenticates the media.

use std::collections::VecDeque;

use fika_call::ParticipantId;
use fika_call::seal::{self, Key, SealError};
use fika_call::signal::{Binding, PeerBody, PeerMessage, Sealed};

/// Sessions of the past that are not begun again.
const MAX_PAST: usize = 64;
/// Longest session id that is looked at, in bytes.
const MAX_SESSION: usize = 64;

pub(crate) struct Channel {
    key: Key,
    us: ParticipantId,
    them: ParticipantId,
    session: Option<String>,
    past: VecDeque<String>,
    /// The last session before ours in which they spoke, and the number of their next message there. They may not know of ours.
    heard: Option<(String, u32)>,
    next_sent: u32,
    next_received: u32,
}

/// What to make of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Message(PeerBody),
    /// An offer, which begins a session.
    Offer(String, Option<Binding>),
    /// A wish for an offer from a peer that has no session with us, or does not know of the one that we have begun.
    Restart,
    /// Old, repeated, or not understood: dropped.
    Stale,
    /// Not sealed with our link's secret.
    Untrusted,
}

impl Channel {
    pub(crate) const fn new(key: Key, us: ParticipantId, them: ParticipantId) -> Self {
        Self { key, us, them, session: None, past: VecDeque::new(), heard: None, next_sent: 0, next_received: 0 }
    }

    /// Begins a session; messages of the one before are stale from now on.
    pub(crate) fn begin(&mut self, session: String) {
        if let Some(past) = self.session.replace(session) {
            if self.next_received > 0 {
                self.heard = Some((past.clone(), self.next_received));
            }
            self.remember(past);
        }
        self.next_sent = 0;
        self.next_received = 0;
    }

    /// Empty before there is one.
    pub(crate) fn session(&self) -> &str {
        self.session.as_deref().unwrap_or_default()
    }

    fn remember(&mut self, past: String) {
        if self.past.len() == MAX_PAST {
            self.past.pop_front();
        }
        self.past.push_back(past);
    }

    /// `None` before there is a session.
    pub(crate) fn seal(&mut self, body: PeerBody) -> Option<Sealed> {
        let message = PeerMessage { session: self.session.clone()?, seq: self.next_sent, body };
        self.next_sent += 1;
        Some(seal::seal(&self.key, &self.us, &self.them, crate::random::bytes(), &message))
    }

    pub(crate) fn open(&mut self, payload: &Sealed) -> Opened {
        let message = match seal::open(&self.key, &self.them, &self.us, payload) {
            Ok(message) => message,
            Err(SealError::NotUnderstood) => return Opened::Stale,
            Err(_) => return Opened::Untrusted,
        };
        if message.session.len() > MAX_SESSION {
            return Opened::Stale;
        }
        if self.session.as_ref() == Some(&message.session) {
            // The server may lose messages, for instance while it restarts; it must not repeat them.
            if message.seq < self.next_received {
                return Opened::Stale;
            }
            self.next_received = message.seq.saturating_add(1);
            return Opened::Message(message.body);
        }
        if self.past.contains(&message.session) {
            return if self.is_new_wish(&message) { Opened::Restart } else { Opened::Stale };
        }
        match message.body {
            PeerBody::Offer { sdp, binding } => {
                self.begin(message.session);
                self.next_received = message.seq.saturating_add(1);
                Opened::Offer(sdp, binding)
            }
            // Ours goes on: the offer that answers the wish may be under way.
            PeerBody::Restart => {
                self.heard = Some((message.session.clone(), message.seq.saturating_add(1)));
                self.remember(message.session);
                Opened::Restart
            }
            _ => Opened::Stale,
        }
    }

    /// As long as nothing has come in our session, our offer may be lost, and they ask where they spoke last. Each wish counts
    /// once, and none any more when they have answered: whoever relays the messages could end a connection with an old one.
    fn is_new_wish(&mut self, message: &PeerMessage) -> bool {
        let Some((session, next)) = &mut self.heard else { return false };
        let new = self.next_received == 0 && *session == message.session && message.seq >= *next;
        let wish = new && message.body == PeerBody::Restart;
        if wish {
            *next = message.seq.saturating_add(1);
        }
        wish
    }
}

#[cfg(test)]
mod tests {
    use fika_call::RoomId;
    use fika_call::invite::Secret;

    use super::*;

    fn pair() -> (Channel, Channel) {
        let key = Key::derive(&Secret::from_bytes([1; 16]), &RoomId("aaaa".into()));
        let (a, b) = (ParticipantId("a".into()), ParticipantId("b".into()));
        (Channel::new(key.clone(), a.clone(), b.clone()), Channel::new(key, b, a))
    }

    fn offer(sdp: &str) -> PeerBody {
        PeerBody::Offer { sdp: sdp.into(), binding: None }
    }

    #[test]
    fn a_conversation() {
        let (mut a, mut b) = pair();
        assert_eq!(a.seal(PeerBody::Restart), None);
        a.begin("one".into());
        assert_eq!(b.open(&a.seal(offer("x")).unwrap()), Opened::Offer("x".into(), None));
        let answer = PeerBody::Answer { sdp: "y".into(), binding: None };
        assert_eq!(a.open(&b.seal(answer.clone()).unwrap()), Opened::Message(answer));
        let _lost = a.seal(PeerBody::Restart).unwrap();
        assert_eq!(b.open(&a.seal(PeerBody::Restart).unwrap()), Opened::Message(PeerBody::Restart));
    }

    #[test]
    fn repeated_and_past_messages_are_stale() {
        let (mut a, mut b) = pair();
        a.begin("one".into());
        let first = a.seal(offer("x")).unwrap();
        b.open(&first);
        assert_eq!(b.open(&first), Opened::Stale);
        a.begin("two".into());
        let second = a.seal(offer("z")).unwrap();
        assert_eq!(b.open(&second), Opened::Offer("z".into(), None));
        assert_eq!(b.open(&first), Opened::Stale, "an old offer does not begin its session again");
    }

    #[test]
    fn a_wish_from_nowhere_leaves_our_session_alone() {
        let (mut a, mut b) = pair();
        a.begin("one".into());
        let offer = a.seal(offer("x")).unwrap();
        b.begin("wish".into());
        let wish = b.seal(PeerBody::Restart).unwrap();
        assert_eq!(a.open(&wish), Opened::Restart);
        assert_eq!(a.open(&wish), Opened::Stale);
        b.open(&offer);
        let answer = PeerBody::Answer { sdp: "y".into(), binding: None };
        assert_eq!(a.open(&b.seal(answer.clone()).unwrap()), Opened::Message(answer));
    }

    #[test]
    fn whoever_did_not_get_our_offer_asks_in_the_session_before_it() {
        let (mut a, mut b) = pair();
        a.begin("one".into());
        b.open(&a.seal(offer("x")).unwrap());
        let answer = PeerBody::Answer { sdp: "y".into(), binding: None };
        a.open(&b.seal(answer.clone()).unwrap());
        let kept = b.seal(PeerBody::Restart).unwrap();
        for lost in ["two", "three"] {
            a.begin(lost.into());
            let _lost = a.seal(offer("x")).unwrap();
            let wish = b.seal(PeerBody::Restart).unwrap();
            assert_eq!(a.open(&wish), Opened::Restart);
            assert_eq!(a.open(&wish), Opened::Stale, "once");
            assert_eq!(a.open(&b.seal(answer.clone()).unwrap()), Opened::Stale, "nothing else of that session counts");
        }
        assert_eq!(a.open(&kept), Opened::Stale, "older than what was heard");
        let held_back = b.seal(PeerBody::Restart).unwrap();
        a.begin("four".into());
        b.open(&a.seal(offer("z")).unwrap());
        a.open(&b.seal(answer).unwrap());
        assert_eq!(a.open(&held_back), Opened::Stale, "they have answered since");
    }

    #[test]
    fn who_never_had_a_session_may_ask_again() {
        let (mut a, mut b) = pair();
        a.begin("one".into());
        b.begin("wish".into());
        for _ in 0..2 {
            assert_eq!(a.open(&b.seal(PeerBody::Restart).unwrap()), Opened::Restart);
        }
    }

    #[test]
    fn an_answer_begins_nothing_and_a_stranger_is_not_trusted() {
        let (mut a, mut b) = pair();
        a.begin("one".into());
        let answer = a.seal(PeerBody::Answer { sdp: "y".into(), binding: None }).unwrap();
        assert_eq!(b.open(&answer), Opened::Stale);
        assert_eq!(b.open(&Sealed("bm9uc2Vuc2U".into())), Opened::Untrusted);
        let theirs = a.seal(offer("x")).unwrap();
        assert_eq!(a.open(&theirs), Opened::Untrusted, "our own message, sent back");
    }
}
