//! One call on several ways: through meeting servers, and at places on the local network. It rings once, whichever way comes first.
//!
//! The caller sends the same sealed call on each way, and keeps the first on which the callee has answered, which only the callee can. The
//! callee answers on each way on which the call has come. Pure.

use core::net::SocketAddrV4;
use std::collections::{BTreeSet, VecDeque};

use super::{Answering, CallId, News, Reply};

/// Calls that may be answered at a time. Full: the oldest can no longer.
const MAX_ARRIVED: usize = 16;

/// Of a call that goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The meeting servers, one after the other.
    Servers,
    /// The search on the local network, which may open further ways.
    Look,
    /// One that has been found.
    Nearby(SocketAddrV4),
}

/// What came of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The callee has answered.
    Reply(Reply),
    /// They are not there, or no longer.
    NotHere,
    /// It leads nowhere.
    Broken,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Other ways are open.
    Wait,
    /// Tell it. All ways but this one end.
    Tell(News),
    /// Tell it: the call is over.
    Over(News),
}

/// The ways of a call that goes out.
#[derive(Debug, Default)]
pub struct Ways {
    open: BTreeSet<Way>,
    answered: Option<Way>,
    broken: bool,
}

impl Ways {
    /// Whether this way is to be tried.
    pub fn open(&mut self, way: Way) -> bool {
        self.answered.is_none() && self.open.insert(way)
    }

    pub fn heard(&mut self, way: Way, heard: Heard) -> Turn {
        if self.answered.is_some_and(|answered| answered != way) || !self.open.contains(&way) {
            return Turn::Wait;
        }
        let broken = match heard {
            Heard::Reply(reply) => {
                self.answered = Some(way);
                return Turn::Tell(News::Reply(reply));
            }
            // On the local network anybody may say that they are somebody.
            Heard::Broken => way == Way::Servers,
            Heard::NotHere => false,
        };
        self.broken |= broken;
        self.open.remove(&way);
        if self.answered.is_some() {
            // Their line broke while it rang.
            return Turn::Over(News::Unreachable);
        }
        match self.open.is_empty() {
            true => Turn::Over(if self.broken { News::Failed } else { News::Unreachable }),
            false => Turn::Wait,
        }
    }
}

/// Where a call has come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    Server,
    /// Our own server, on the local network.
    Nearby,
}

/// Calls that have come in and may be answered.
#[derive(Debug, Default)]
pub struct Arrived(VecDeque<(CallId, Answering, BTreeSet<Door>)>);

impl Arrived {
    pub fn came(&mut self, call: CallId, answering: Answering, door: Door) {
        if let Some((.., doors)) = self.0.iter_mut().find(|(came, ..)| *came == call) {
            doors.insert(door);
            return;
        }
        if self.0.len() == MAX_ARRIVED {
            self.0.pop_front();
        }
        self.0.push_back((call, answering, BTreeSet::from([door])));
    }

    /// With what it is sealed, and where it goes out. After the last word nothing more is said.
    pub fn answer(&mut self, call: &CallId, reply: &Reply) -> Option<(Answering, BTreeSet<Door>)> {
        let at = self.0.iter().position(|(came, ..)| came == call)?;
        let (_, answering, doors) = if *reply == Reply::Ringing { self.0[at].clone() } else { self.0.remove(at)? };
        Some((answering, doors))
    }

    /// It has ended there. Whether it has ended altogether.
    pub fn ended(&mut self, call: &CallId, door: Door) -> bool {
        let Some((.., doors)) = self.0.iter_mut().find(|(came, ..)| came == call) else { return true };
        doors.remove(&door);
        let over = doors.is_empty();
        self.0.retain(|(.., doors)| !doors.is_empty());
        over
    }

    /// Nobody listens there any more: the calls that have ended with it.
    pub fn closed(&mut self, door: Door) -> Vec<CallId> {
        let calls: Vec<CallId> =
            self.0.iter().filter(|(.., doors)| doors.contains(&door)).map(|(call, ..)| call.clone()).collect();
        calls.into_iter().filter(|call| self.ended(call, door)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::seal;
    use super::*;
    use crate::identity::Identity;
    use crate::ring::Invitation;

    const PLACE: Way = Way::Nearby(SocketAddrV4::new(core::net::Ipv4Addr::new(10, 0, 0, 7), 7420));
    const RINGS: Heard = Heard::Reply(Reply::Ringing);

    fn ways() -> Ways {
        let mut ways = Ways::default();
        assert!(ways.open(Way::Servers) && ways.open(Way::Look) && ways.open(PLACE) && !ways.open(PLACE));
        ways
    }

    #[test]
    fn whichever_way_answers_first_is_the_one() {
        for (first, second) in [(Way::Servers, PLACE), (PLACE, Way::Servers)] {
            let mut ways = ways();
            assert_eq!(ways.heard(first, RINGS), Turn::Tell(News::Reply(Reply::Ringing)));
            assert_eq!(ways.heard(second, RINGS), Turn::Wait, "it rings once");
            assert_eq!(ways.heard(second, Heard::Broken), Turn::Wait);
            assert!(!ways.open(Way::Nearby(SocketAddrV4::new([10, 0, 0, 8].into(), 7420))), "nobody is called twice");
            assert_eq!(ways.heard(first, Heard::Reply(Reply::Accepted)), Turn::Tell(News::Reply(Reply::Accepted)));
            assert_eq!(ways.heard(first, Heard::NotHere), Turn::Over(News::Unreachable), "their line breaks");
        }
    }

    #[test]
    fn a_call_is_in_vain_when_no_way_is_left() {
        for order in
            [[Way::Servers, Way::Look, PLACE], [PLACE, Way::Look, Way::Servers], [Way::Look, PLACE, Way::Servers]]
        {
            for (server, news) in [(Heard::NotHere, News::Unreachable), (Heard::Broken, News::Failed)] {
                let mut ways = ways();
                let mut heard = |way| ways.heard(way, if way == Way::Servers { server.clone() } else { Heard::Broken });
                assert_eq!((heard(order[0]), heard(order[1])), (Turn::Wait, Turn::Wait));
                assert_eq!(heard(order[2]), Turn::Over(news.clone()), "{order:?}");
            }
        }
        let mut alone = Ways::default();
        alone.open(Way::Look);
        assert_eq!(alone.heard(Way::Look, Heard::NotHere), Turn::Over(News::Unreachable));
    }

    #[test]
    fn a_call_that_came_by_two_doors_is_answered_at_both_and_ends_with_the_last() {
        let amir = Identity::from_seed(&[2; 32], true);
        let id = |number: u8| CallId::from_bytes([number; 16]);
        let answering = |call: &CallId| {
            let invitation = Invitation { link: crate::ring::tests::link(1), name: "Åsa".into(), video: true };
            let asa = Identity::from_seed(&[1; 32], true);
            let (sealed, _) = seal::call(&asa, &amir.public(), call, &invitation, ([3; 32], [4; 12]), 1000).unwrap();
            seal::open(&amir, call, &sealed, 1000).unwrap().2
        };
        let doors =
            |arrived: &mut Arrived, reply| arrived.answer(&id(1), &reply).map(|(_, doors)| Vec::from_iter(doors));
        let mut arrived = Arrived::default();
        arrived.came(id(1), answering(&id(1)), Door::Nearby);
        arrived.came(id(1), answering(&id(1)), Door::Server);
        assert_eq!(doors(&mut arrived, Reply::Ringing), Some(vec![Door::Server, Door::Nearby]));
        assert!(!arrived.ended(&id(1), Door::Server), "the caller has let one way go");
        assert_eq!(doors(&mut arrived, Reply::Accepted), Some(vec![Door::Nearby]));
        assert_eq!(doors(&mut arrived, Reply::Accepted), None);
        assert!(arrived.ended(&id(1), Door::Nearby), "what nobody waits for is over");

        arrived.came(id(2), answering(&id(2)), Door::Nearby);
        arrived.came(id(3), answering(&id(3)), Door::Nearby);
        arrived.came(id(3), answering(&id(3)), Door::Server);
        assert_eq!(arrived.closed(Door::Nearby), [id(2)]);
        for number in 10..40 {
            arrived.came(id(number), answering(&id(number)), Door::Server);
        }
        assert_eq!(arrived.0.len(), MAX_ARRIVED);
    }
}
