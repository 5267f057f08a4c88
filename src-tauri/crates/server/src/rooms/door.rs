//! The door of a room: who comes in, who waits, who comes back.

use fika_call::room::MAX_WAITING;
use fika_call::signal::{MediaState, ParticipantInfo, Refusal, ServerMessage};
use fika_call::{ParticipantId, RoomId};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::room::{Line, Person, Room};
use super::{ConnectionId, Now, Output, Place, Rooms, TOKEN_RENEWAL, is_name};

/// SHA-256 or HMAC-SHA256 of something secret. Compared in a time that does not depend on the contents.
#[derive(Clone, Copy, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub [u8; 32]);

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        URL_SAFE_NO_PAD.encode(digest.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("a digest has 32 bytes in base64url")
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest")
    }
}

/// What a token says; signed by the server, so it may be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub room: RoomId,
    pub participant: ParticipantId,
    /// Else before the door.
    pub inside: bool,
    pub owner: bool,
    /// By which invite.
    pub invite: Option<String>,
}

/// What somebody asks for with `join`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    pub room: RoomId,
    pub name: String,
    pub media: MediaState,
    pub resume: Option<Grant>,
    pub shown: Shown,
}

/// What somebody shows at the door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub host_key: Option<Digest>,
    pub invite: Option<Digest>,
    pub passcode: Option<Digest>,
}

impl Rooms {
    /// Takes a new seat or a place before the door, or an earlier one again if `resume` names it. `fresh`: drawn at
    /// random, for a new one.
    pub fn join(&mut self, from: ConnectionId, join: Join, fresh: ParticipantId, now: Now) -> Result<(), Refusal> {
        self.handle_timeout(now);
        if matches!(self.places.get(&from), Some(Place::Person(..))) || !is_name(&join.name) {
            return Err(Refusal::BadMessage);
        }
        let resume = join.resume.as_ref().filter(|grant| grant.room == join.room);
        if let Some(farewell) = resume.and_then(|grant| self.farewells.to(grant)) {
            return Err(farewell);
        }
        let room = self.rooms.get_mut(&join.room).ok_or(Refusal::RoomNotFound)?;
        let known = resume.map(|grant| grant.participant.clone()).filter(|id| room.person_mut(id).is_some());
        let id = match known {
            Some(id) => id,
            None => {
                let (person, used) = room.welcome(&join, resume, fresh, from, now)?;
                let id = person.info.id.clone();
                if let Some(used) = used {
                    let what = room.kept_invite(&join.room, &used).into_iter().collect::<Vec<_>>();
                    if !what.is_empty() {
                        self.outputs.push_back(Output::Keep { what, answer: None });
                    }
                }
                room.people.push(person);
                room.ends = None;
                self.sit(from, &join.room, &id, false, now.at);
                return Ok(());
            }
        };
        if let Some(person) = room.person_mut(&id) {
            if let Line::Up(old) = person.line {
                self.places.remove(&old);
                self.outputs.push_back(Output::Close(old));
            }
            person.line = Line::Up(from);
            person.info.name = join.name;
            person.info.media = join.media;
            person.info.away = false;
            person.renew_at = now.at + TOKEN_RENEWAL;
        }
        self.sit(from, &join.room, &id, true, now.at);
        Ok(())
    }

    /// The owner without a seat.
    pub fn manage(&mut self, from: ConnectionId, id: RoomId, host_key: super::Digest, now: Now) -> Result<(), Refusal> {
        self.handle_timeout(now);
        if self.places.contains_key(&from) {
            return Err(Refusal::BadMessage);
        }
        let room = self.rooms.get_mut(&id).filter(|room| room.host_key == host_key).ok_or(Refusal::RoomNotFound)?;
        room.owners.push(from);
        let participants = room.inside().map(|person| person.info.clone());
        for participant in participants.collect::<Vec<_>>() {
            self.outputs
                .push_back(Output::Send { to: from, message: ServerMessage::ParticipantJoined { participant } });
        }
        self.outputs.push_back(Output::Send { to: from, message: ServerMessage::Room { state: room.state.clone() } });
        room.settle(&mut self.outputs);
        let invites = ServerMessage::Invites { invites: room.invite_list() };
        self.outputs.push_back(Output::Send { to: from, message: invites });
        self.places.insert(from, Place::Owner(id));
        Ok(())
    }

    /// Tells somebody who has a connection again or anew where they are, and the others that they are there.
    fn sit(&mut self, from: ConnectionId, id: &RoomId, who: &ParticipantId, again: bool, now: super::Moment) {
        if let Some(Place::Owner(owned)) = self.places.remove(&from)
            && let Some(room) = self.rooms.get_mut(&owned)
        {
            room.owners.retain(|owner| *owner != from);
        }
        self.places.insert(from, Place::Person(id.clone(), who.clone()));
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.enter(id, who, again, &mut self.outputs);
        self.wake_at(now + TOKEN_RENEWAL);
    }
}

impl Room {
    /// A newcomer, and the invite that opened the door. Every wrong thing has the same answer.
    fn welcome(
        &mut self,
        join: &Join,
        resume: Option<&Grant>,
        fresh: ParticipantId,
        from: ConnectionId,
        now: Now,
    ) -> Result<(Person, Option<String>), Refusal> {
        let believed = self.seats_only_until.is_none_or(|until| until <= now.at);
        let back = resume.filter(|grant| believed && grant.inside && !self.is_barred(&grant.participant));
        let back = back.filter(|grant| grant.invite.as_ref().is_none_or(|invite| self.is_valid_for_return(invite)));
        let owner =
            join.shown.host_key.is_some_and(|key| key == self.host_key) || back.is_some_and(|grant| grant.owner);
        let invite = join.shown.invite.and_then(|code| self.invite_of(&code, now));
        let knows_passcode = self.passcode.is_none_or(|passcode| join.shown.passcode == Some(passcode));
        let opened = !self.state.locked && knows_passcode && (invite.is_some() || !self.invite_only);
        // An invite that is not valid does not turn into an open door.
        let opened = opened && (join.shown.invite.is_none() || invite.is_some());
        if !(owner || back.is_some() || opened) {
            return Err(Refusal::RoomNotFound);
        }
        let skips = invite.is_some_and(|at| self.invites[at].options.skip_waiting || self.invites[at].options.co_host);
        let waits = self.state.waiting_room && !(owner || back.is_some() || skips);
        let waiting = self.people.iter().filter(|person| !person.inside).count();
        let full = if waits { waiting >= MAX_WAITING } else { self.is_full() };
        if full {
            return Err(Refusal::RoomFull);
        }
        // Whoever knows them from before knows them again.
        let id = back.map_or(fresh, |grant| grant.participant.clone());
        let info = ParticipantInfo { id, name: join.name.clone(), media: join.media, away: false };
        let mut person = Person::new(info, from, now);
        person.inside = !waits;
        person.owner = owner;
        person.may_inherit = owner || !self.state.waiting_room;
        person.invite = back.and_then(|grant| grant.invite.clone());
        let mut used = None;
        if let Some(invite) = invite.map(|at| &mut self.invites[at]) {
            invite.used = invite.used.saturating_add(1);
            person.label = invite.options.label.clone();
            person.invite = Some(invite.id.clone());
            used = Some(invite.id.clone());
            if invite.options.co_host && !owner {
                self.state.co_hosts.push(person.info.id.clone());
            }
        }
        Ok((person, used))
    }

    /// Tells somebody where they are now, and the others that they are there.
    pub(super) fn enter(
        &mut self,
        room: &RoomId,
        who: &ParticipantId,
        again: bool,
        outputs: &mut std::collections::VecDeque<Output>,
    ) {
        let Some(person) = self.people.iter().find(|person| person.info.id == *who) else { return };
        let (Line::Up(to), grant) = (person.line, person.grant(room)) else { return };
        if !person.inside {
            let message = ServerMessage::Waiting { you: who.clone(), resume: String::new(), host: self.host_name() };
            outputs.push_back(Output::Token { to, grant, message });
            self.settle(outputs);
            return;
        }
        let participants =
            self.inside().filter(|other| other.info.id != *who).map(|other| other.info.clone()).collect();
        let message =
            ServerMessage::Joined { you: who.clone(), resume: String::new(), participants, ice_servers: Vec::new() };
        outputs.push_back(Output::Token { to, grant, message });
        for (message, tag) in self.history.of(who) {
            outputs.push_back(Output::Send { to, message: ServerMessage::Chat { message, tag, history: true } });
        }
        let participant = person.info.clone();
        let news = if again {
            ServerMessage::ParticipantChanged { participant }
        } else {
            ServerMessage::ParticipantJoined { participant }
        };
        self.tell(Some(who), &news, outputs);
        // After all that was said.
        if !self.settle(outputs) {
            outputs.push_back(Output::Send { to, message: ServerMessage::Room { state: self.state.clone() } });
        }
    }
}
