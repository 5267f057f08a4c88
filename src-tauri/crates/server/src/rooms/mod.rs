//! The rooms: who sits where, who waits before which door, and what is passed on to whom.
//!
//! Pure: told the time and given every random id. The hub's task owns it, feeds it messages and sends what
//! `poll_output` says. Rooms are capped by [`Rooms::new`], seats by `MAX_PARTICIPANTS`, waiting people by `MAX_WAITING`;
//! when full, the newcomer is refused. What a room keeps of its chat is bounded by [`chat::History`].
//!
//! This is the one place that decides who may do what: a role is never taken from a message.

mod again;
mod chat;
mod door;
mod farewell;
mod invites;
mod moderation;
mod room;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use fika_call::chat::MessageId;
use fika_call::room::{Decline, Reaction};
use fika_call::signal::{MAX_NAME, MediaState, RESUME_SECONDS, Refusal, Sealed, ServerMessage};
use fika_call::{ParticipantId, RoomId, seal};
use serde::{Deserialize, Serialize};

pub use self::again::{NewRoom, Past};
pub use self::door::{Digest, Grant, Join, Shown};
use self::farewell::Farewells;
pub use self::invites::{Kept, KeptInvite, KeptRoom};
use self::room::{Line, Room};
use crate::moment::Moment;

/// How long a room waits for its first participant.
pub const FRESH_ROOM: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a room waits for somebody to come back after the last one left.
pub const LEFT_ROOM: Duration = Duration::from_secs(10 * 60);
/// How long a seat is kept for a participant after the last word of a connection that fell silent.
pub const RESUME: Duration = Duration::from_secs(RESUME_SECONDS);
/// And for one whose end closed it without a word: a program that was killed, which the others may not wait for as long as
/// for a computer that sleeps. Who only tries again is back within a few seconds, since the way to the server is open.
pub const HUNG_UP: Duration = Duration::from_secs(18);
/// How long a token holds with which a seat is claimed again.
pub const TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);
/// A new token is told after this time.
pub const TOKEN_RENEWAL: Duration = Duration::from_secs(5 * 60);
/// The longest time for which a room is kept.
pub const MAX_KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// One WebSocket connection: the instance that has it, in the upper half, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    pub fn at(instance: u32, number: u32) -> Self {
        Self(u64::from(instance) << 32 | u64::from(number))
    }

    pub fn instance(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub fn number(self) -> u32 {
        self.0 as u32
    }
}

/// What time it is, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub at: Moment,
    /// Seconds since 1970, as the wall clock says.
    pub unix: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Send {
        to: ConnectionId,
        message: ServerMessage,
    },
    /// `joined`, `waiting` or `token`: the hub fills in the token that says `grant`, and the credentials for relays.
    Token {
        to: ConnectionId,
        grant: Grant,
        message: ServerMessage,
    },
    /// To be kept on disk; the answer goes out when it is.
    Keep {
        what: Vec<Kept>,
        answer: Option<(ConnectionId, ServerMessage)>,
    },
    /// After what was sent before.
    Close(ConnectionId),
}

/// Where a connection belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// Inside, or before the door.
    Person(RoomId, ParticipantId),
    /// Has shown the host key and takes no seat.
    Owner(RoomId),
}

#[derive(Serialize, Deserialize)]
pub struct Rooms {
    max_rooms: usize,
    rooms: HashMap<RoomId, Room>,
    places: HashMap<ConnectionId, Place>,
    farewells: Farewells,
    #[serde(skip)]
    outputs: VecDeque<Output>,
    /// No deadline is earlier.
    next: Option<Moment>,
}

/// How many there are; for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub rooms: usize,
    pub participants: usize,
    pub waiting: usize,
}

/// What comes of a wish: a broken rule costs the connection, a refused wish does not.
type Done = Result<Result<(), Decline>, Refusal>;

impl Rooms {
    pub fn new(max_rooms: usize) -> Self {
        Self {
            max_rooms,
            rooms: HashMap::new(),
            places: HashMap::new(),
            farewells: Farewells::default(),
            outputs: VecDeque::new(),
            next: None,
        }
    }

    pub fn count(&self) -> Count {
        let inside = |room: &Room| room.inside().count();
        Count {
            rooms: self.rooms.len(),
            participants: self.rooms.values().map(inside).sum(),
            waiting: self.rooms.values().map(|room| room.people.len() - inside(room)).sum(),
        }
    }

    /// All that have a place.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.places.keys().copied()
    }

    pub(crate) fn has(&self, connection: ConnectionId) -> bool {
        self.places.contains_key(&connection)
    }

    /// To one connection, after what was said before.
    pub(crate) fn say(&mut self, to: ConnectionId, message: ServerMessage) {
        self.outputs.push_back(Output::Send { to, message });
    }

    pub fn set_media(&mut self, from: ConnectionId, media: MediaState) -> Result<(), Refusal> {
        let (room, me) = person(&mut self.rooms, &self.places, from)?;
        room.set_media(&me, media, &mut self.outputs);
        Ok(())
    }

    pub fn set_name(&mut self, from: ConnectionId, name: String, now: Now) -> Done {
        if !is_name(&name) {
            return Err(Refusal::BadMessage);
        }
        let (room, me) = person(&mut self.rooms, &self.places, from)?;
        let Some(person) = room.person_mut(&me) else { return Ok(Err(Decline::NotHere)) };
        if !person.gestures.take(1.0, now.at) {
            return Ok(Err(Decline::TooFast));
        }
        if person.info.name != name {
            person.info.name = name;
            if person.inside {
                let news = ServerMessage::ParticipantChanged { participant: person.info.clone() };
                room.tell(Some(&me), &news, &mut self.outputs);
            }
            room.settle(&mut self.outputs);
        }
        Ok(Ok(()))
    }

    pub fn set_hand(&mut self, from: ConnectionId, up: bool) -> Done {
        let Some((room, me)) = seat(&mut self.rooms, &self.places, from)? else { return Ok(Err(Decline::NotHere)) };
        if !up {
            room.state.hands.retain(|hand| *hand != me);
        } else if !room.state.hands.contains(&me) {
            room.state.hands.push(me);
        }
        room.settle(&mut self.outputs);
        Ok(Ok(()))
    }

    pub fn react(&mut self, from: ConnectionId, reaction: Reaction, now: Now) -> Done {
        let Some((room, me)) = seat(&mut self.rooms, &self.places, from)? else { return Ok(Err(Decline::NotHere)) };
        if !room.person_mut(&me).is_some_and(|person| person.gestures.take(1.0, now.at)) {
            return Ok(Err(Decline::TooFast));
        }
        let news = ServerMessage::Reacted { participant: me, reaction };
        room.tell(None, &news, &mut self.outputs);
        Ok(Ok(()))
    }

    pub fn chat(&mut self, from: ConnectionId, tag: u32, to: Option<ParticipantId>, payload: Sealed, now: Now) -> Done {
        if payload.0.len() > fika_call::chat::MAX_SEALED || !seal::is_well_formed(&payload) {
            return Err(Refusal::BadMessage);
        }
        let Some((room, me)) = seat(&mut self.rooms, &self.places, from)? else { return Ok(Err(Decline::NotHere)) };
        Ok(room.chat(&me, tag, to, payload, now, &mut self.outputs))
    }

    pub fn react_to_message(
        &mut self,
        from: ConnectionId,
        message: MessageId,
        reaction: Reaction,
        on: bool,
        now: Now,
    ) -> Done {
        let Some((room, me)) = seat(&mut self.rooms, &self.places, from)? else { return Ok(Err(Decline::NotHere)) };
        Ok(room.react_to_message(&me, message, reaction, on, now, &mut self.outputs))
    }

    /// Passes a payload on. One for somebody who has just left, or who is away, is lost without an answer.
    pub fn signal(&mut self, from: ConnectionId, to: &ParticipantId, payload: Sealed) -> Result<(), Refusal> {
        let (room, me) = person(&mut self.rooms, &self.places, from)?;
        if *to == me || !seal::is_well_formed(&payload) {
            return Err(Refusal::BadMessage);
        }
        // Who was sent out before the door may not know it yet.
        if !room.is_inside(&me) {
            return Ok(());
        }
        if let Some(to) = room.inside().find(|person| person.info.id == *to).and_then(|person| person.line.connection())
        {
            self.outputs.push_back(Output::Send { to, message: ServerMessage::Signal { from: me, payload } });
        }
        Ok(())
    }

    /// Gives the seat up and closes the connection.
    pub fn leave(&mut self, from: ConnectionId, now: Now) {
        match self.places.remove(&from) {
            Some(Place::Person(room, me)) => self.vacate(&room, |person| person.info.id == me, now),
            Some(Place::Owner(room)) => self.disown(&room, from),
            None => {}
        }
        self.outputs.push_back(Output::Close(from));
    }

    /// The connection broke: the seat is kept for [`RESUME`] or [`HUNG_UP`].
    pub fn disconnected(&mut self, from: ConnectionId, keep: Duration, now: Now) {
        let until = now.at + keep;
        match self.places.remove(&from) {
            Some(Place::Person(id, me)) => {
                if let Some(room) = self.rooms.get_mut(&id)
                    && let Some(person) = room.person_mut(&me)
                {
                    person.line = Line::DownUntil(until);
                    person.info.away = true;
                    if person.inside {
                        let news = ServerMessage::ParticipantChanged { participant: person.info.clone() };
                        room.tell(Some(&me), &news, &mut self.outputs);
                    }
                }
                self.wake_at(until);
            }
            Some(Place::Owner(id)) => self.disown(&id, from),
            None => {}
        }
    }

    /// Gives up the seats and rooms whose time is over, and renews tokens.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.next.is_none_or(|next| now.at < next) {
            return;
        }
        let mut due: Vec<RoomId> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.deadlines().any(|at| at <= now.at))
            .map(|(id, _)| id.clone())
            .collect();
        // In the same order on every instance.
        due.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for id in due {
            self.vacate(&id, |person| person.line.is_over(now.at), now);
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            room.renew(&id, now, &mut self.outputs);
            if room.ends.is_some_and(|ends| ends <= now.at) {
                self.end(&id, now);
            }
        }
        self.next = self.rooms.values().flat_map(Room::deadlines).min();
    }

    /// After what was said before.
    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.outputs.push_back(Output::Close(connection));
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.next
    }

    /// The room is no more.
    fn end(&mut self, id: &RoomId, now: Now) {
        let Some(room) = self.rooms.remove(id) else { return };
        self.farewells.say(id, None, Refusal::Ended, now.at);
        for owner in room.owners {
            self.places.remove(&owner);
            self.outputs.push_back(Output::Close(owner));
        }
        if room.until.is_some() {
            self.outputs.push_back(Output::Keep { what: vec![Kept::Gone(id.clone())], answer: None });
        }
    }

    fn disown(&mut self, id: &RoomId, owner: ConnectionId) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.owners.retain(|one| *one != owner);
        }
    }

    fn vacate(&mut self, id: &RoomId, gone: impl Fn(&room::Person) -> bool, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let (left, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut room.people).into_iter().partition(gone);
        room.people = kept;
        if left.is_empty() {
            return;
        }
        for person in left.iter().filter(|person| person.inside) {
            let news = ServerMessage::ParticipantLeft { participant: person.info.id.clone() };
            room.tell(None, &news, &mut self.outputs);
        }
        room.settle(&mut self.outputs);
        let ends = room.emptied(now);
        ends.into_iter().for_each(|at| self.wake_at(at));
    }

    fn wake_at(&mut self, at: Moment) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// Where this connection belongs, inside or before the door; without a place there is nothing but `join` to say.
fn person<'a>(
    rooms: &'a mut HashMap<RoomId, Room>,
    places: &HashMap<ConnectionId, Place>,
    connection: ConnectionId,
) -> Result<(&'a mut Room, ParticipantId), Refusal> {
    match places.get(&connection) {
        Some(Place::Person(room, me)) => Ok((rooms.get_mut(room).ok_or(Refusal::BadMessage)?, me.clone())),
        _ => Err(Refusal::BadMessage),
    }
}

/// For what only people inside may do. Who was sent out before the door may not know it yet: `None`.
fn seat<'a>(
    rooms: &'a mut HashMap<RoomId, Room>,
    places: &HashMap<ConnectionId, Place>,
    connection: ConnectionId,
) -> Result<Option<(&'a mut Room, ParticipantId)>, Refusal> {
    let (room, me) = person(rooms, places, connection)?;
    Ok(room.is_inside(&me).then_some((room, me)))
}

fn is_name(name: &str) -> bool {
    name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control)
}
