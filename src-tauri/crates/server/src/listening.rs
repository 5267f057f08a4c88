//! Who can be called, and the calls that are under way between two connections. Part of the house: pure, and the same on every
//! instance. What is said in a call is sealed; the server knows the key that is called, and not who calls.
//!
//! Full: of [`MAX_LISTENERS`] the newcomer is refused, of [`MAX_RINGS`] at one listener too.

use std::collections::BTreeMap;
use std::time::Duration;

use fika_call::identity::IdentityKey;
use fika_call::ring::{CallId, RINGS};
use fika_call::signal::{Refusal, Sealed, ServerMessage};
use serde::{Deserialize, Serialize};

use crate::limits::{ByOrigin, Origin, Rate};
use crate::moment::Moment;
use crate::presence::{Change, Presence};
use crate::rooms::{ConnectionId, Rooms};

const MAX_LISTENERS: usize = 10_000;
/// Calls to one listener at a time.
const MAX_RINGS: usize = 8;
/// Both apps end a call by themselves after [`RINGS`]; this is for those that do not.
const LIFE: Duration = RINGS.saturating_add(Duration::from_secs(15));

#[derive(Serialize, Deserialize)]
pub(crate) struct Listening {
    listeners: BTreeMap<IdentityKey, ConnectionId>,
    /// The same, the other way round.
    keys: BTreeMap<ConnectionId, IdentityKey>,
    rings: BTreeMap<CallId, Ring>,
    /// One call for each connection.
    callers: BTreeMap<ConnectionId, CallId>,
    calls: ByOrigin,
    #[serde(default)]
    presence: Presence,
}

#[derive(Serialize, Deserialize)]
struct Ring {
    caller: ConnectionId,
    callee: ConnectionId,
    until: Moment,
}

impl Listening {
    pub(crate) fn new(calls: Rate) -> Self {
        Self {
            listeners: BTreeMap::new(),
            keys: BTreeMap::new(),
            rings: BTreeMap::new(),
            callers: BTreeMap::new(),
            calls: ByOrigin::new(calls),
            presence: Presence::default(),
        }
    }

    pub(crate) fn listeners(&self) -> usize {
        self.listeners.len()
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.keys.keys().chain(self.callers.keys()).copied()
    }

    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.keys.contains_key(&connection) || self.callers.contains_key(&connection)
    }

    /// From now on calls for this key go there; an earlier connection of the key is closed.
    pub(crate) fn listen(&mut self, id: ConnectionId, key: IdentityKey, out: &mut Rooms) -> Result<(), Refusal> {
        if let Some(before) = self.listeners.get(&key).copied() {
            self.gone(before, out);
            out.close(before);
        } else if self.listeners.len() >= MAX_LISTENERS {
            return Err(Refusal::TooManyRequests);
        }
        self.listeners.insert(key, id);
        self.keys.insert(id, key);
        out.say(id, ServerMessage::Listening { presence: true });
        Ok(())
    }

    /// Those who listen here and have named each other hear of each other. `to`: in order, each once.
    pub(crate) fn show(
        &mut self,
        id: ConnectionId,
        to: Vec<IdentityKey>,
        now: Moment,
        out: &mut Rooms,
    ) -> Result<(), Refusal> {
        let key = *self.keys.get(&id).ok_or(Refusal::BadMessage)?;
        let Change { here, come, gone } = self.presence.show(key, to, now)?;
        out.say(id, ServerMessage::Present { keys: here.iter().map(IdentityKey::to_string).collect(), here: true });
        self.present(key, &come, true, out);
        self.present(key, &gone, false, out);
        Ok(())
    }

    fn present(&self, key: IdentityKey, to: &[IdentityKey], here: bool, out: &mut Rooms) {
        for id in to.iter().filter_map(|key| self.listeners.get(key)) {
            out.say(*id, ServerMessage::Present { keys: vec![key.to_string()], here });
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one for each part of the message, and where it comes from")]
    pub(crate) fn ring(
        &mut self,
        id: ConnectionId,
        origin: Origin,
        to: IdentityKey,
        call: CallId,
        payload: Sealed,
        now: Moment,
        out: &mut Rooms,
    ) -> Result<(), Refusal> {
        if !self.calls.take(origin, now) {
            return Err(Refusal::TooManyRequests);
        }
        if self.rings.contains_key(&call) {
            return Err(Refusal::BadMessage);
        }
        let callee = self.listeners.get(&to).copied().ok_or(Refusal::NotReachable)?;
        if self.rings.values().filter(|ring| ring.callee == callee).count() >= MAX_RINGS {
            return Err(Refusal::TooManyRequests);
        }
        out.say(callee, ServerMessage::Ringing { call: call.clone(), payload });
        self.callers.insert(id, call.clone());
        self.rings.insert(call, Ring { caller: id, callee, until: now + LIFE });
        Ok(())
    }

    /// Of a call that has ended meanwhile the answer is lost.
    pub(crate) fn answer(
        &mut self,
        id: ConnectionId,
        call: CallId,
        payload: Sealed,
        out: &mut Rooms,
    ) -> Result<(), Refusal> {
        if !self.keys.contains_key(&id) {
            return Err(Refusal::BadMessage);
        }
        if let Some(ring) = self.rings.get(&call).filter(|ring| ring.callee == id) {
            out.say(ring.caller, ServerMessage::RingAnswered { call, payload });
        }
        Ok(())
    }

    /// The connection is no more, and so are its calls.
    pub(crate) fn gone(&mut self, id: ConnectionId, out: &mut Rooms) {
        let key = self.keys.remove(&id);
        let listened = key.is_some();
        if let Some(key) = key {
            self.listeners.remove(&key);
            let seen = self.presence.gone(&key);
            self.present(key, &seen, false, out);
        }
        if !listened && !self.callers.contains_key(&id) {
            return;
        }
        self.end(|ring| ring.caller == id || ring.callee == id, Some(id), out);
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment, out: &mut Rooms) {
        self.end(|ring| ring.until <= now, None, out);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        self.rings.values().map(|ring| ring.until).min()
    }

    /// `gone`: who needs to be told nothing more.
    fn end(&mut self, over: impl Fn(&Ring) -> bool, gone: Option<ConnectionId>, out: &mut Rooms) {
        for (call, Ring { caller, callee, .. }) in self.rings.extract_if(.., |_, ring| over(ring)) {
            self.callers.remove(&caller);
            if gone != Some(callee) {
                out.say(callee, ServerMessage::RingEnded { call: call.clone() });
            }
            if gone != Some(caller) {
                out.say(caller, ServerMessage::RingEnded { call });
                out.close(caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::keys::{Keys, Seed};
    use crate::rooms::Output;

    const LISTENING: ServerMessage = ServerMessage::Listening { presence: true };

    fn key(seed: u8) -> IdentityKey {
        IdentityKey([seed; 32])
    }

    fn call(number: u8) -> CallId {
        CallId(format!("call{number:018}"))
    }

    fn payload(text: &str) -> Sealed {
        Sealed(text.into())
    }

    struct Bed {
        listening: Listening,
        rooms: Rooms,
        origin: Origin,
    }

    impl Bed {
        fn new() -> Self {
            let origin = Keys::new(&Seed::random()).origin(IpAddr::V4(Ipv4Addr::LOCALHOST));
            Self { listening: Listening::new(Rate::per_minute(30, 30)), rooms: Rooms::new(1), origin }
        }

        fn ring(&mut self, from: u64, to: u8, number: u8) -> Result<(), Refusal> {
            let (to, call) = (key(to), call(number));
            self.listening.ring(ConnectionId(from), self.origin, to, call, payload("hej"), Moment(0), &mut self.rooms)
        }

        fn said(&mut self) -> Vec<(u64, ServerMessage)> {
            let mut said = Vec::new();
            while let Some(output) = self.rooms.poll_output() {
                match output {
                    Output::Send { to, message } => said.push((to.0, message)),
                    Output::Close(id) => said.push((id.0, ServerMessage::Pong)),
                    other => panic!("{other:?}"),
                }
            }
            said
        }
    }

    #[test]
    fn a_call_goes_to_who_listens_and_the_answer_comes_back() {
        let mut bed = Bed::new();
        assert_eq!(bed.ring(1, 7, 1), Err(Refusal::NotReachable));
        bed.listening.listen(ConnectionId(2), key(7), &mut bed.rooms).unwrap();
        bed.ring(1, 7, 1).unwrap();
        assert_eq!(bed.ring(3, 7, 1), Err(Refusal::BadMessage), "the same call twice");
        bed.listening.answer(ConnectionId(2), call(1), payload("ja"), &mut bed.rooms).unwrap();
        // Somebody else's call cannot be answered.
        bed.listening.listen(ConnectionId(4), key(8), &mut bed.rooms).unwrap();
        bed.listening.answer(ConnectionId(4), call(1), payload("nej"), &mut bed.rooms).unwrap();
        assert_eq!(
            bed.said(),
            [
                (2, LISTENING),
                (2, ServerMessage::Ringing { call: call(1), payload: payload("hej") }),
                (1, ServerMessage::RingAnswered { call: call(1), payload: payload("ja") }),
                (4, LISTENING),
            ]
        );
        assert_eq!(
            bed.listening.answer(ConnectionId(1), call(1), payload("x"), &mut bed.rooms),
            Err(Refusal::BadMessage),
            "who does not listen answers nothing"
        );
    }

    #[test]
    fn a_call_ends_with_either_side_or_by_itself() {
        for (gone, told) in [
            (1, vec![(2, ServerMessage::RingEnded { call: call(1) })]),
            (2, vec![(1, ServerMessage::RingEnded { call: call(1) }), (1, ServerMessage::Pong)]),
        ] {
            let mut bed = Bed::new();
            bed.listening.listen(ConnectionId(2), key(7), &mut bed.rooms).unwrap();
            bed.ring(1, 7, 1).unwrap();
            bed.said();
            bed.listening.gone(ConnectionId(gone), &mut bed.rooms);
            assert_eq!(bed.said(), told);
            assert_eq!(bed.listening.listeners(), usize::from(gone == 1));
        }
        let mut bed = Bed::new();
        bed.listening.listen(ConnectionId(2), key(7), &mut bed.rooms).unwrap();
        bed.ring(1, 7, 1).unwrap();
        let until = bed.listening.poll_timeout().unwrap();
        assert_eq!(until, Moment(0) + LIFE);
        bed.listening.handle_timeout(until, &mut bed.rooms);
        assert_eq!(bed.said().len(), 5);
        assert_eq!(bed.listening.poll_timeout(), None);
    }

    #[test]
    fn a_key_listens_at_one_place_and_is_not_flooded() {
        let mut bed = Bed::new();
        bed.listening.listen(ConnectionId(2), key(7), &mut bed.rooms).unwrap();
        bed.listening.listen(ConnectionId(3), key(7), &mut bed.rooms).unwrap();
        assert_eq!(bed.said(), [(2, LISTENING), (2, ServerMessage::Pong), (3, LISTENING)]);
        for number in 0..8 {
            bed.ring(10 + u64::from(number), 7, number).unwrap();
        }
        assert_eq!(bed.ring(99, 7, 99), Err(Refusal::TooManyRequests));
        assert!(bed.said().iter().all(|(to, _)| *to == 3));
        for number in 0..22 {
            let _ = bed.ring(99, 9, number + 100);
        }
        assert_eq!(bed.ring(99, 9, 200), Err(Refusal::TooManyRequests), "from one address");
    }
}
