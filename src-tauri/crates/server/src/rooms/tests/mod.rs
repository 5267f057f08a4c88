//! The rooms in virtual time.

mod door;
mod hosts;
mod model;
mod seats;
mod talk;

use fika_call::door::RoomOptions;
use fika_call::room::{Moderation, Role, RoomState};
use fika_call::signal::{MAX_PARTICIPANTS, ParticipantInfo};

use super::*;

pub(super) const MEDIA: MediaState = MediaState { microphone: true, camera: false };
pub(super) const KEY: Digest = Digest([1; 32]);
pub(super) const PASSCODE: Digest = Digest([2; 32]);
const START: u32 = 1_000_000;

pub(super) fn new(id: RoomId, options: RoomOptions) -> NewRoom {
    NewRoom { id, host_key: KEY, passcode: None, options, past: None }
}

/// A house with one room.
pub(super) struct House {
    pub(super) rooms: Rooms,
    pub(super) room: RoomId,
    pub(super) now: Now,
    /// The last token of each connection.
    pub(super) grants: HashMap<ConnectionId, Grant>,
}

impl House {
    pub(super) fn new() -> Self {
        Self::with(RoomOptions::default(), None)
    }

    pub(super) fn with(options: RoomOptions, passcode: Option<Digest>) -> Self {
        let mut rooms = Rooms::new(4);
        let room = RoomId("aaaa-aaaa-aaaa-aaaa".into());
        let now = Now { at: Moment(u64::from(START) * 1000), unix: START };
        rooms.create(None, NewRoom { passcode, ..new(room.clone(), options) }, now).unwrap();
        Self { rooms, room, now, grants: HashMap::new() }
    }

    /// With a waiting room, and its owner as the host on connection 0.
    pub(super) fn hosted() -> Self {
        let mut house = Self::with(RoomOptions { waiting_room: true, ..RoomOptions::default() }, None);
        house.own(0);
        house.outputs();
        house
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.unix += u32::try_from(time.as_secs()).unwrap();
        self.rooms.handle_timeout(self.now);
    }

    pub(super) fn come(&mut self, connection: u64, resume: Option<Grant>, shown: Shown) -> Result<(), Refusal> {
        let join = Join { room: self.room.clone(), name: "Elin".into(), media: MEDIA, resume, shown };
        self.rooms.join(ConnectionId(connection), join, id(connection), self.now)
    }

    pub(super) fn join(&mut self, connection: u64) {
        self.come(connection, None, Shown::default()).unwrap();
    }

    pub(super) fn own(&mut self, connection: u64) {
        self.come(connection, None, Shown { host_key: Some(KEY), ..Shown::default() }).unwrap();
    }

    pub(super) fn moderate(&mut self, connection: u64, action: Moderation) -> Result<(), Decline> {
        self.rooms.moderate(ConnectionId(connection), action, self.now).unwrap()
    }

    pub(super) fn outputs(&mut self) -> Vec<Output> {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.rooms.poll_output()).collect();
        for output in &outputs {
            if let Output::Token { to, grant, .. } = output {
                self.grants.insert(*to, grant.clone());
            }
        }
        outputs
    }

    /// What was sent to this connection.
    pub(super) fn sent(&mut self, connection: u64) -> Vec<ServerMessage> {
        let outputs = self.outputs();
        sent(&outputs, connection)
    }

    pub(super) fn state(&self) -> &RoomState {
        &self.rooms.rooms[&self.room].state
    }

    pub(super) fn role(&self, connection: u64) -> Role {
        self.rooms.rooms[&self.room].role(&id(connection))
    }

    pub(super) fn inside(&self) -> Vec<ParticipantId> {
        let Some(room) = self.rooms.rooms.get(&self.room) else { return Vec::new() };
        room.inside().map(|person| person.info.id.clone()).collect()
    }
}

pub(super) fn id(connection: u64) -> ParticipantId {
    ParticipantId(format!("{connection:016x}"))
}

pub(super) fn info(connection: u64, away: bool) -> ParticipantInfo {
    ParticipantInfo { id: id(connection), name: "Elin".into(), media: MEDIA, away }
}

pub(super) fn sent(outputs: &[Output], connection: u64) -> Vec<ServerMessage> {
    let to_this = |output: &Output| match output {
        Output::Send { to, message } | Output::Token { to, message, .. } if *to == ConnectionId(connection) => {
            Some(message.clone())
        }
        _ => None,
    };
    outputs.iter().filter_map(to_this).collect()
}

/// Without what is told of the room as a whole.
pub(super) fn news(outputs: &[Output], connection: u64) -> Vec<ServerMessage> {
    let mut news = sent(outputs, connection);
    news.retain(|message| !matches!(message, ServerMessage::Room { .. } | ServerMessage::WaitingRoom { .. }));
    news
}

pub(super) fn closed(outputs: &[Output], connection: u64) -> bool {
    outputs.contains(&Output::Close(ConnectionId(connection)))
}

pub(super) fn joined(connection: u64, others: &[u64]) -> ServerMessage {
    ServerMessage::Joined {
        you: id(connection),
        resume: String::new(),
        participants: others.iter().map(|other| info(*other, false)).collect(),
        ice_servers: Vec::new(),
    }
}

#[test]
fn a_full_house_is_full() {
    let mut house = House::new();
    for more in 0..3 {
        let room = RoomId(format!("{more}"));
        house.rooms.create(None, new(room, RoomOptions::default()), house.now).unwrap();
    }
    let room = RoomId("one too many".into());
    let more = house.rooms.create(None, new(room, RoomOptions::default()), house.now);
    assert_eq!(more, Err(Refusal::TooManyRequests));
    assert_eq!(house.rooms.count(), Count { rooms: 4, participants: 0, waiting: 0 });
    (0..MAX_PARTICIPANTS as u64).for_each(|connection| house.join(connection));
    assert_eq!(house.come(100, None, Shown::default()), Err(Refusal::RoomFull));
}
