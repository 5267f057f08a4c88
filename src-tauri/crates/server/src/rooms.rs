//! The rooms: who sits where, and what is passed on to whom.
//!
//! Pure: told the time and given every random id. The hub's task owns it, feeds it messages and sends what
//! `poll_output` says. Rooms are capped by [`Rooms::new`], seats by `MAX_PARTICIPANTS`; when full, the newcomer is refused.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use fika_call::signal::{
    IceServer, MAX_NAME, MAX_PARTICIPANTS, MediaState, ParticipantInfo, RESUME_SECONDS, Refusal, Sealed, ServerMessage,
};
use fika_call::{ParticipantId, RoomId, seal};

/// How long a room waits for its first participant.
pub const FRESH_ROOM: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a room waits for somebody to come back after the last one left.
pub const LEFT_ROOM: Duration = Duration::from_secs(10 * 60);
/// How long a seat is kept for a participant whose connection broke.
pub const RESUME: Duration = Duration::from_secs(RESUME_SECONDS);

/// One WebSocket connection, numbered by the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// What somebody asks for with `join`.
#[derive(Clone, Debug)]
pub struct Join {
    pub room: RoomId,
    pub name: String,
    pub media: MediaState,
    pub resume: Option<String>,
}

/// Random values for a new seat, used if a new seat is taken.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub participant: ParticipantId,
    pub resume: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Send {
        to: ConnectionId,
        message: ServerMessage,
    },
    /// After what was sent before.
    Close(ConnectionId),
}

pub struct Rooms {
    max_rooms: usize,
    ice_servers: Vec<IceServer>,
    rooms: HashMap<RoomId, Room>,
    seated: HashMap<ConnectionId, (RoomId, ParticipantId)>,
    outputs: VecDeque<Output>,
    /// No deadline is earlier.
    next: Option<Instant>,
}

struct Room {
    /// In order of joining.
    seats: Vec<Seat>,
    /// Set while nobody sits here.
    ends: Option<Instant>,
}

struct Seat {
    info: ParticipantInfo,
    resume: String,
    line: Line,
}

#[derive(Clone, Copy)]
enum Line {
    Up(ConnectionId),
    /// Broken; the seat is given up then.
    DownUntil(Instant),
}

impl Rooms {
    pub fn new(max_rooms: usize, ice_servers: Vec<IceServer>) -> Self {
        Self {
            max_rooms,
            ice_servers,
            rooms: HashMap::new(),
            seated: HashMap::new(),
            outputs: VecDeque::new(),
            next: None,
        }
    }

    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// Opens an empty room under an id that was drawn at random.
    pub fn create(&mut self, room: RoomId, now: Instant) -> Result<(), Refusal> {
        self.handle_timeout(now);
        if self.rooms.len() >= self.max_rooms {
            return Err(Refusal::TooManyRequests);
        }
        let ends = now + FRESH_ROOM;
        self.rooms.insert(room, Room { seats: Vec::new(), ends: Some(ends) });
        self.wake_at(ends);
        Ok(())
    }

    /// Takes a new seat, or an earlier one again if `resume` names it.
    pub fn join(&mut self, from: ConnectionId, join: Join, fresh: Fresh, now: Instant) -> Result<(), Refusal> {
        self.handle_timeout(now);
        if self.seated.contains_key(&from) || !is_name(&join.name) {
            return Err(Refusal::BadMessage);
        }
        let room = self.rooms.get_mut(&join.room).ok_or(Refusal::RoomNotFound)?;
        let claimed = join.resume.as_deref();
        let seat = room.seats.iter_mut().find(|seat| claimed.is_some_and(|secret| same(secret, &seat.resume)));
        let (you, news) = if let Some(seat) = seat {
            if let Line::Up(old) = seat.line {
                self.seated.remove(&old);
                self.outputs.push_back(Output::Close(old));
            }
            seat.line = Line::Up(from);
            seat.info.name = join.name;
            seat.info.media = join.media;
            seat.info.away = false;
            (seat.info.id.clone(), ServerMessage::ParticipantChanged { participant: seat.info.clone() })
        } else {
            if room.seats.len() >= MAX_PARTICIPANTS {
                return Err(Refusal::RoomFull);
            }
            let info =
                ParticipantInfo { id: fresh.participant.clone(), name: join.name, media: join.media, away: false };
            let news = ServerMessage::ParticipantJoined { participant: info.clone() };
            room.seats.push(Seat { info, resume: fresh.resume, line: Line::Up(from) });
            (fresh.participant, news)
        };
        room.ends = None;
        let resume = room.seats.iter().find(|seat| seat.info.id == you).map(|seat| seat.resume.clone());
        let participants = room.seats.iter().filter(|seat| seat.info.id != you).map(|seat| seat.info.clone()).collect();
        let message = ServerMessage::Joined {
            you: you.clone(),
            resume: resume.unwrap_or_default(),
            participants,
            ice_servers: self.ice_servers.clone(),
        };
        self.outputs.push_back(Output::Send { to: from, message });
        tell(room, &you, &news, &mut self.outputs);
        self.seated.insert(from, (join.room, you));
        Ok(())
    }

    pub fn set_media(&mut self, from: ConnectionId, media: MediaState) -> Result<(), Refusal> {
        let (room, me) = seat(&mut self.rooms, &self.seated, from)?;
        let Some(seat) = room.seats.iter_mut().find(|seat| seat.info.id == *me) else { return Ok(()) };
        if seat.info.media != media {
            seat.info.media = media;
            let news = ServerMessage::ParticipantChanged { participant: seat.info.clone() };
            tell(room, me, &news, &mut self.outputs);
        }
        Ok(())
    }

    /// Passes a payload on. One for somebody who has just left, or who is away, is lost without an answer.
    pub fn signal(&mut self, from: ConnectionId, to: &ParticipantId, payload: Sealed) -> Result<(), Refusal> {
        let (room, me) = seat(&mut self.rooms, &self.seated, from)?;
        if to == me || !seal::is_well_formed(&payload) {
            return Err(Refusal::BadMessage);
        }
        let line = room.seats.iter().find(|seat| seat.info.id == *to).map(|seat| seat.line);
        if let Some(Line::Up(to)) = line {
            self.outputs.push_back(Output::Send { to, message: ServerMessage::Signal { from: me.clone(), payload } });
        }
        Ok(())
    }

    /// Gives the seat up and closes the connection.
    pub fn leave(&mut self, from: ConnectionId, now: Instant) {
        if let Some((room, me)) = self.seated.remove(&from) {
            self.vacate(&room, |seat| seat.info.id == me, now);
        }
        self.outputs.push_back(Output::Close(from));
    }

    /// The connection broke: the seat is kept for [`RESUME`].
    pub fn disconnected(&mut self, from: ConnectionId, now: Instant) {
        let Some((room, me)) = self.seated.remove(&from) else { return };
        let until = now + RESUME;
        if let Some(room) = self.rooms.get_mut(&room)
            && let Some(seat) = room.seats.iter_mut().find(|seat| seat.info.id == me)
        {
            seat.line = Line::DownUntil(until);
            seat.info.away = true;
            let news = ServerMessage::ParticipantChanged { participant: seat.info.clone() };
            tell(room, &me, &news, &mut self.outputs);
        }
        self.wake_at(until);
    }

    /// Gives up the seats and rooms whose time is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        let over = |seat: &Seat| matches!(seat.line, Line::DownUntil(until) if until <= now);
        let late: Vec<RoomId> =
            self.rooms.iter().filter(|(_, room)| room.seats.iter().any(over)).map(|(id, _)| id.clone()).collect();
        for room in late {
            self.vacate(&room, over, now);
        }
        self.rooms.retain(|_, room| room.ends.is_none_or(|ends| now < ends));
        self.next = self.rooms.values().flat_map(Room::deadlines).min();
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    fn vacate(&mut self, id: &RoomId, gone: impl Fn(&Seat) -> bool, now: Instant) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let (left, kept) = std::mem::take(&mut room.seats).into_iter().partition(gone);
        room.seats = kept;
        for seat in left {
            let participant = seat.info.id;
            let news = ServerMessage::ParticipantLeft { participant: participant.clone() };
            tell(room, &participant, &news, &mut self.outputs);
        }
        if room.seats.is_empty() && room.ends.is_none() {
            let ends = now + LEFT_ROOM;
            room.ends = Some(ends);
            self.wake_at(ends);
        }
    }

    fn wake_at(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

impl Room {
    fn deadlines(&self) -> impl Iterator<Item = Instant> + '_ {
        let seats = self.seats.iter().filter_map(|seat| match seat.line {
            Line::Up(_) => None,
            Line::DownUntil(until) => Some(until),
        });
        seats.chain(self.ends)
    }
}

/// Where this connection sits; without a seat there is nothing but `join` to say.
fn seat<'a>(
    rooms: &'a mut HashMap<RoomId, Room>,
    seated: &'a HashMap<ConnectionId, (RoomId, ParticipantId)>,
    connection: ConnectionId,
) -> Result<(&'a mut Room, &'a ParticipantId), Refusal> {
    let (room, me) = seated.get(&connection).ok_or(Refusal::BadMessage)?;
    let room = rooms.get_mut(room).ok_or(Refusal::BadMessage)?;
    Ok((room, me))
}

fn tell(room: &Room, except: &ParticipantId, news: &ServerMessage, outputs: &mut VecDeque<Output>) {
    for seat in &room.seats {
        if let (Line::Up(to), true) = (seat.line, seat.info.id != *except) {
            outputs.push_back(Output::Send { to, message: news.clone() });
        }
    }
}

fn is_name(name: &str) -> bool {
    name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control)
}

/// Takes as long for a nearly right secret as for a wrong one.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
