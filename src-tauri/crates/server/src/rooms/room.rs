//! One room: its people, what holds for it, and who is told what. Pure, owned by [`super::Rooms`].

use std::collections::VecDeque;

use fika_call::door::RoomOptions;
use fika_call::room::{Role, RoomState, WaitingGuest};
use fika_call::signal::{MAX_PARTICIPANTS, MediaState, ParticipantInfo, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use serde::{Deserialize, Serialize};

use super::chat::History;
use super::invites::Invite;
use super::{ConnectionId, Digest, FRESH_ROOM, Grant, LEFT_ROOM, Now, Output, TOKEN_LIFE, TOKEN_RENEWAL};
use crate::limits::{Bucket, Rate};
use crate::moment::Moment;

/// Chat messages of one participant.
pub(super) const CHAT_RATE: Rate = Rate { per_second: 2.0, burst: 10.0 };
/// Reactions and new names of one participant.
pub(super) const GESTURE_RATE: Rate = Rate { per_second: 4.0, burst: 16.0 };
/// People whose tokens open nothing, until those have run out. Full: the oldest is forgotten.
const MAX_BARRED: usize = 256;

#[derive(Serialize, Deserialize)]
pub(super) struct Room {
    /// In order of joining; who waits is among them.
    pub(super) people: Vec<Person>,
    pub(super) state: RoomState,
    /// Connections that act for the owner without a seat.
    pub(super) owners: Vec<ConnectionId>,
    pub(super) host_key: Digest,
    pub(super) passcode: Option<Digest>,
    pub(super) invite_only: bool,
    /// Kept until then, and what that is by the other clock.
    pub(super) until: Option<(u32, Moment)>,
    pub(super) invites: Vec<Invite>,
    pub(super) history: History,
    /// The host stands in for somebody, and was a co-host before.
    pub(super) deputy_was_co_host: bool,
    /// Whose tokens do not lead past the door, and when those have run out.
    pub(super) barred: VecDeque<(ParticipantId, Moment)>,
    /// Until then a token leads to a seat that waits and nowhere else: who was put out before is not known.
    pub(super) seats_only_until: Option<Moment>,
    /// Set while nobody is here.
    pub(super) ends: Option<Moment>,
    told: RoomState,
    told_waiting: Vec<WaitingGuest>,
    /// Who knows `told_waiting`.
    informed: Vec<ConnectionId>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) info: ParticipantInfo,
    pub(super) line: Line,
    /// Else before the door.
    pub(super) inside: bool,
    /// Has shown the host key.
    pub(super) owner: bool,
    /// May become host when there is none. Not so who was let in from the waiting room.
    pub(super) may_inherit: bool,
    /// Id of the invite that opened the door.
    pub(super) invite: Option<String>,
    pub(super) label: Option<String>,
    pub(super) renew_at: Moment,
    pub(super) chat: Bucket,
    pub(super) gestures: Bucket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Line {
    Up(ConnectionId),
    /// Broken; the seat is given up then.
    DownUntil(Moment),
}

impl Line {
    pub(super) fn connection(self) -> Option<ConnectionId> {
        match self {
            Self::Up(connection) => Some(connection),
            Self::DownUntil(_) => None,
        }
    }

    pub(super) fn is_over(self, now: Moment) -> bool {
        matches!(self, Self::DownUntil(until) if until <= now)
    }
}

impl Person {
    pub(super) fn new(info: ParticipantInfo, connection: ConnectionId, now: Now) -> Self {
        Self {
            info,
            line: Line::Up(connection),
            inside: false,
            owner: false,
            may_inherit: false,
            invite: None,
            label: None,
            renew_at: now.at + TOKEN_RENEWAL,
            chat: Bucket::new(CHAT_RATE, now.at),
            gestures: Bucket::new(GESTURE_RATE, now.at),
        }
    }

    pub(super) fn grant(&self, room: &RoomId) -> Grant {
        Grant {
            room: room.clone(),
            participant: self.info.id.clone(),
            inside: self.inside,
            owner: self.owner,
            invite: self.invite.clone(),
        }
    }
}

impl Room {
    pub(super) fn new(host_key: Digest, passcode: Option<Digest>, options: &RoomOptions, now: Now) -> Self {
        let until = options.until.map(|until| (until, at(until, now)));
        let state = RoomState { waiting_room: options.waiting_room, ..RoomState::default() };
        Self {
            people: Vec::new(),
            told: state.clone(),
            state,
            owners: Vec::new(),
            host_key,
            passcode,
            invite_only: options.invite_only,
            until,
            invites: Vec::new(),
            history: History::default(),
            deputy_was_co_host: false,
            barred: VecDeque::new(),
            seats_only_until: None,
            ends: Some(until.map_or(now.at + FRESH_ROOM, |(_, at)| at)),
            told_waiting: Vec::new(),
            informed: Vec::new(),
        }
    }

    pub(super) fn inside(&self) -> impl Iterator<Item = &Person> + Clone {
        self.people.iter().filter(|person| person.inside)
    }

    pub(super) fn is_inside(&self, id: &ParticipantId) -> bool {
        self.inside().any(|person| person.info.id == *id)
    }

    pub(super) fn is_full(&self) -> bool {
        self.inside().count() >= MAX_PARTICIPANTS
    }

    pub(super) fn person_mut(&mut self, id: &ParticipantId) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.info.id == *id)
    }

    pub(super) fn role(&self, id: &ParticipantId) -> Role {
        if self.is_inside(id) { self.state.role(id) } else { Role::Participant }
    }

    /// To everybody inside, and to the owner.
    pub(super) fn tell(&self, except: Option<&ParticipantId>, news: &ServerMessage, outputs: &mut VecDeque<Output>) {
        let people = self.inside().filter(|person| Some(&person.info.id) != except);
        for to in people.filter_map(|person| person.line.connection()).chain(self.owners.iter().copied()) {
            outputs.push_back(Output::Send { to, message: news.clone() });
        }
    }

    pub(super) fn set_media(&mut self, who: &ParticipantId, media: MediaState, outputs: &mut VecDeque<Output>) {
        let Some(person) = self.person_mut(who).filter(|person| person.info.media != media) else { return };
        person.info.media = media;
        if person.inside {
            let news = ServerMessage::ParticipantChanged { participant: person.info.clone() };
            self.tell(Some(who), &news, outputs);
        }
    }

    /// What follows from who is here now, and is told to whom it concerns. Whether everybody was told the state.
    pub(super) fn settle(&mut self, outputs: &mut VecDeque<Output>) -> bool {
        let inside: Vec<ParticipantId> = self.inside().map(|person| person.info.id.clone()).collect();
        let here = |id: &ParticipantId| inside.contains(id);
        self.state.co_hosts.retain(here);
        self.state.hands.retain(here);
        self.state.spotlight.take_if(|id| !here(id));
        if self.state.host.take_if(|id| !here(id)).is_some() {
            self.deputy_was_co_host = false;
        }
        self.find_host();
        let changed = self.state != self.told;
        if changed {
            self.told = self.state.clone();
            let news = ServerMessage::Room { state: self.state.clone() };
            self.tell(None, &news, outputs);
        }
        self.tell_waiting(outputs);
        changed
    }

    /// Somebody is host wherever somebody may be. The owner before all others.
    fn find_host(&mut self) {
        let host = self.state.host.clone();
        let of_owner = |id: &ParticipantId| self.inside().any(|person| person.owner && person.info.id == *id);
        if host.as_ref().is_some_and(of_owner) {
            return;
        }
        let chosen = self.state.host.clone();
        let owner = self.inside().find(|person| person.owner).map(|person| person.info.id.clone());
        if let Some(owner) = owner {
            // Not over the host that the owner has chosen: then the owner is a co-host.
            if chosen.is_some() && self.state.co_hosts.contains(&owner) {
                return;
            }
            if let Some(deputy) = chosen
                && std::mem::take(&mut self.deputy_was_co_host)
            {
                self.state.co_hosts.push(deputy);
            }
            self.state.co_hosts.retain(|id| *id != owner);
            self.state.host = Some(owner);
            return;
        }
        if chosen.is_some() {
            return;
        }
        let co_host = self.inside().find(|person| self.state.co_hosts.contains(&person.info.id));
        let heir = co_host.or_else(|| self.inside().find(|person| person.may_inherit));
        if let Some(heir) = heir.map(|person| person.info.id.clone()) {
            self.deputy_was_co_host = self.state.co_hosts.contains(&heir);
            self.state.co_hosts.retain(|id| *id != heir);
            self.state.host = Some(heir);
        }
    }

    fn tell_waiting(&mut self, outputs: &mut VecDeque<Output>) {
        let waiting = self.waiting();
        if waiting != self.told_waiting {
            self.told_waiting = waiting;
            self.informed.clear();
        }
        let moderators = self.inside().filter(|person| self.state.role(&person.info.id).may_moderate());
        let all: Vec<ConnectionId> =
            moderators.filter_map(|person| person.line.connection()).chain(self.owners.iter().copied()).collect();
        self.informed.retain(|known| all.contains(known));
        for to in all {
            if !self.informed.contains(&to) {
                self.informed.push(to);
                // An empty room before the door goes without saying.
                let news = ServerMessage::WaitingRoom { guests: self.told_waiting.clone() };
                outputs.push_back(Output::Send { to, message: news });
            }
        }
    }

    fn waiting(&self) -> Vec<WaitingGuest> {
        let waiting = self.people.iter().filter(|person| !person.inside);
        let guest = |person: &Person| WaitingGuest {
            id: person.info.id.clone(),
            name: person.info.name.clone(),
            label: person.label.clone(),
        };
        waiting.map(guest).collect()
    }

    /// Name of the host, for those who wait.
    pub(super) fn host_name(&self) -> Option<String> {
        let host = self.state.host.as_ref()?;
        self.inside().find(|person| person.info.id == *host).map(|person| person.info.name.clone())
    }

    /// Nobody is here any more: when the room ends.
    pub(super) fn emptied(&mut self, now: Now) -> Option<Moment> {
        if !self.people.is_empty() || self.ends.is_some() {
            return None;
        }
        let left = now.at + LEFT_ROOM;
        self.ends = Some(self.until.map_or(left, |(_, until)| until.max(left)));
        self.ends
    }

    pub(super) fn bar(&mut self, who: ParticipantId, now: Now) {
        self.barred.retain(|(_, until)| now.at < *until);
        if self.barred.len() == MAX_BARRED {
            self.barred.pop_front();
        }
        self.barred.push_back((who, now.at + TOKEN_LIFE));
    }

    pub(super) fn is_barred(&self, who: &ParticipantId) -> bool {
        self.barred.iter().any(|(barred, _)| barred == who)
    }

    pub(super) fn renew(&mut self, id: &RoomId, now: Now, outputs: &mut VecDeque<Output>) {
        for person in self.people.iter_mut().filter(|person| person.renew_at <= now.at) {
            person.renew_at = now.at + TOKEN_RENEWAL;
            if let Line::Up(to) = person.line {
                let message = ServerMessage::Token { resume: String::new(), ice_servers: Vec::new() };
                outputs.push_back(Output::Token { to, grant: person.grant(id), message });
            }
        }
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = Moment> + '_ {
        let people = self.people.iter().map(|person| match person.line {
            Line::Up(_) => person.renew_at,
            Line::DownUntil(until) => until,
        });
        people.chain(self.ends)
    }
}

/// A time of the wall clock by the other clock.
pub(super) fn at(unix: u32, now: Now) -> Moment {
    now.at + std::time::Duration::from_secs(u64::from(unix.saturating_sub(now.unix)))
}
