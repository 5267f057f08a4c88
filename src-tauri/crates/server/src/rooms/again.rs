//! What a room begins with. One that was forgotten is opened again by its owner: its seats wait for the people in it as after
//! any broken connection, and take those who show their tokens.

use std::collections::VecDeque;

use fika_call::RoomId;
use fika_call::door::RoomOptions;
use fika_call::room::RoomState;
use fika_call::signal::{MAX_PARTICIPANTS, ParticipantInfo, Refusal};
use serde::{Deserialize, Serialize};

use super::room::{Line, Person, Room};
use super::{ConnectionId, Digest, Kept, KeptRoom, MAX_KEPT, Now, Output, Place, RESUME, Rooms, TOKEN_LIFE, is_name};

/// Length of the ids that this server gives.
const ID: usize = 16;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewRoom {
    pub id: RoomId,
    pub host_key: Digest,
    pub passcode: Option<Digest>,
    /// Without the passcode.
    pub options: RoomOptions,
    /// It is opened again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Past>,
}

/// What the owner remembers of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The owner first.
    people: Vec<ParticipantInfo>,
    state: RoomState,
}

impl Past {
    /// `None`: no server has told so.
    pub(crate) fn new(people: Vec<ParticipantInfo>, state: RoomState) -> Option<Self> {
        let id = |id: &str| id.len() == ID && id.bytes().all(|letter| letter.is_ascii_hexdigit());
        let mut ids: Vec<&str> = people.iter().map(|one| one.id.0.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let fine = people.len() <= MAX_PARTICIPANTS && people.iter().all(|one| id(&one.id.0) && is_name(&one.name));
        (fine && ids.len() == people.len() && state.is_plausible()).then_some(Self { people, state })
    }

    /// Where nobody can show a token that holds, seats would wait in vain.
    pub(crate) fn without_people(self) -> Self {
        Self { people: Vec::new(), ..self }
    }
}

impl Rooms {
    /// What was kept, when the server starts.
    pub fn restore(&mut self, kept: Vec<KeptRoom>, now: Now) {
        for kept in kept {
            let id = kept.id.clone();
            let room = Room::restored(kept, now);
            room.ends.into_iter().for_each(|at| self.wake_at(at));
            self.rooms.insert(id, room);
        }
    }

    /// Opens a room whose id follows from its key. `from`: acts as its owner from now on.
    pub fn create(&mut self, from: Option<ConnectionId>, new: NewRoom, now: Now) -> Result<(), Refusal> {
        self.handle_timeout(now);
        let NewRoom { id, host_key, passcode, options, past } = new;
        if let Some(done) = self.own_again(from, &id, host_key) {
            return done;
        }
        let until = options.until.map(|until| u64::from(until.saturating_sub(now.unix)));
        if until.is_some_and(|seconds| seconds == 0 || seconds > MAX_KEPT.as_secs()) {
            return Err(Refusal::BadMessage);
        }
        // Rooms of a day leave space for those of a moment.
        let most = if options.until.is_some() { self.max_rooms / 2 } else { self.max_rooms };
        if self.rooms.len() >= most {
            return Err(Refusal::TooManyRequests);
        }
        if let Some(from) = from {
            if self.places.contains_key(&from) {
                return Err(Refusal::BadMessage);
            }
            self.places.insert(from, Place::Owner(id.clone()));
        }
        let mut room = Room::new(host_key, passcode, &options, now);
        room.owners.extend(from);
        if let Some(past) = past {
            room.remember(past, now, &mut self.outputs);
        }
        room.deadlines().collect::<Vec<_>>().into_iter().for_each(|at| self.wake_at(at));
        if let Some(kept) = room.kept(&id) {
            self.outputs.push_back(Output::Keep { what: vec![Kept::Room(kept)], answer: None });
        }
        self.rooms.insert(id, room);
        Ok(())
    }

    /// Is there already: who has its key acts as its owner. `None`: there is no such room.
    pub(super) fn own_again(
        &mut self,
        from: Option<ConnectionId>,
        id: &RoomId,
        host_key: Digest,
    ) -> Option<Result<(), Refusal>> {
        let room = self.rooms.get_mut(id)?;
        if room.host_key != host_key {
            return Some(Err(Refusal::RoomNotFound));
        }
        if let Some(from) = from {
            if self.places.contains_key(&from) {
                return Some(Err(Refusal::BadMessage));
            }
            self.places.insert(from, Place::Owner(id.clone()));
            room.owners.push(from);
        }
        Some(Ok(()))
    }
}

impl Room {
    pub(super) fn remember(&mut self, past: Past, now: Now, outputs: &mut VecDeque<Output>) {
        let Past { people, state } = past;
        let may_inherit = !state.waiting_room;
        for (at, info) in people.into_iter().enumerate() {
            let mut person = Person::new(ParticipantInfo { away: true, ..info }, ConnectionId(0), now);
            person.line = Line::DownUntil(now.at + RESUME);
            person.inside = true;
            person.owner = at == 0;
            person.may_inherit = may_inherit;
            self.people.push(person);
        }
        if !self.people.is_empty() {
            self.ends = None;
        }
        let waiting_room = self.state.waiting_room;
        self.state = RoomState { waiting_room, host: None, ..state };
        self.history.begin_after(now.unix);
        self.seats_only_until = Some(now.at + TOKEN_LIFE);
        self.settle(outputs);
    }
}
