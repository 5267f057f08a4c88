//! What somebody hears who comes back to a place that is no more: put out, not let in, or the meeting is over. Whoever was
//! away just then could not be told, and would try for a minute to come back into a room that nobody knows.
//!
//! A plain value, told the time. Bounded by [`MOST`]; full: the oldest is forgotten, who then hears of no such room.

use std::collections::VecDeque;

use fika_call::signal::Refusal;
use fika_call::{ParticipantId, RoomId};
use serde::{Deserialize, Serialize};

use super::{Grant, TOKEN_LIFE};
use crate::moment::Moment;

const MOST: usize = 4096;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Farewells(VecDeque<Farewell>);

#[derive(Debug, Serialize, Deserialize)]
struct Farewell {
    room: RoomId,
    /// `None`: everybody who was there.
    who: Option<ParticipantId>,
    reason: Refusal,
    /// No token holds longer.
    until: Moment,
}

impl Farewells {
    pub(super) fn say(&mut self, room: &RoomId, who: Option<&ParticipantId>, reason: Refusal, now: Moment) {
        let over =
            self.0.partition_point(|farewell| farewell.until <= now).max((self.0.len() + 1).saturating_sub(MOST));
        self.0.drain(..over);
        self.0.push_back(Farewell { room: room.clone(), who: who.cloned(), reason, until: now + TOKEN_LIFE });
    }

    /// For the one who shows this token.
    pub(super) fn to(&self, grant: &Grant) -> Option<Refusal> {
        let meant = |farewell: &&Farewell| {
            farewell.room == grant.room && farewell.who.as_ref().is_none_or(|who| *who == grant.participant)
        };
        self.0.iter().rev().find(meant).map(|farewell| farewell.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut farewells = Farewells::default();
        let (room, now) = (RoomId::from_bytes([1; 10]), Moment(1_000_000));
        let id = |n: usize| ParticipantId(format!("{n:016x}"));
        let grant = |n| Grant { room: room.clone(), participant: id(n), inside: true, owner: false, invite: None };
        for n in 0..=MOST {
            farewells.say(&room, Some(&id(n)), Refusal::Removed, now);
        }
        assert_eq!(farewells.0.len(), MOST);
        assert_eq!((farewells.to(&grant(0)), farewells.to(&grant(1))), (None, Some(Refusal::Removed)));
        farewells.say(&room, None, Refusal::Ended, now + TOKEN_LIFE);
        assert_eq!(farewells.0.len(), 1);
        assert_eq!(farewells.to(&grant(0)), Some(Refusal::Ended));
        assert_eq!(farewells.to(&Grant { room: RoomId::from_bytes([2; 10]), ..grant(0) }), None);
    }
}
