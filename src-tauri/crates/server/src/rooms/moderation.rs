//! What hosts, co-hosts and the owner may do. Nothing here switches a microphone or a camera on.

use std::collections::VecDeque;

use fika_call::room::{Decline, MAX_WAITING, Moderation, Role};
use fika_call::signal::{MediaState, Refusal, ServerMessage};
use fika_call::{ParticipantId, RoomId};

use super::invites::Kept;
use super::room::Room;
use super::{ConnectionId, Done, Now, Output, Place, Rooms};

/// Who does it.
struct Actor {
    /// `None`: the owner without a seat.
    id: Option<ParticipantId>,
    role: Role,
}

impl Rooms {
    pub fn moderate(&mut self, from: ConnectionId, action: Moderation, now: Now) -> Done {
        let (id, actor) = match self.places.get(&from).ok_or(Refusal::BadMessage)? {
            Place::Owner(id) => (id.clone(), None),
            Place::Person(id, me) => (id.clone(), Some(me.clone())),
        };
        let room = self.rooms.get_mut(&id).ok_or(Refusal::BadMessage)?;
        let role = actor.as_ref().map_or(Role::Host, |me| room.role(me));
        if !role.may_moderate() || action.is_for_host() && role != Role::Host {
            return Ok(Err(Decline::NotAllowed));
        }
        let actor = Actor { id: actor, role };
        match action {
            Moderation::Admit { who } => Ok(self.admit(&id, &who)),
            Moderation::AdmitAll => {
                self.admit_all(&id);
                Ok(Ok(()))
            }
            Moderation::SetWaitingRoom { on } => {
                room.state.waiting_room = on;
                if !on {
                    self.admit_all(&id);
                }
                self.changed(&id)
            }
            Moderation::Deny { who } => {
                let waits = room.people.iter().any(|person| person.info.id == who && !person.inside);
                if waits {
                    self.put_out(&id, &who, Refusal::Denied, now);
                }
                Ok(if waits { Ok(()) } else { Err(Decline::NotHere) })
            }
            Moderation::Remove { who } => match room.target(&actor, &who) {
                Ok(()) => {
                    self.remove(&id, &who, now);
                    Ok(Ok(()))
                }
                Err(decline) => Ok(Err(decline)),
            },
            Moderation::End => {
                self.end_for_all(&id, now);
                Ok(Ok(()))
            }
            action => {
                let done = room.moderate(&id, &actor, action, now, &mut self.outputs);
                room.settle(&mut self.outputs);
                Ok(done)
            }
        }
    }

    fn admit(&mut self, id: &RoomId, who: &ParticipantId) -> Result<(), Decline> {
        let room = self.rooms.get_mut(id).ok_or(Decline::NotHere)?;
        room.admit(id, who, &mut self.outputs)
    }

    /// In the order of knocking, until the room is full.
    fn admit_all(&mut self, id: &RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let waiting: Vec<ParticipantId> =
            room.people.iter().filter(|person| !person.inside).map(|person| person.info.id.clone()).collect();
        for who in waiting {
            if room.admit(id, &who, &mut self.outputs).is_err() {
                return;
            }
        }
    }

    /// Settings that are kept have changed.
    fn changed(&mut self, id: &RoomId) -> Done {
        let room = self.rooms.get_mut(id).ok_or(Refusal::BadMessage)?;
        room.settle(&mut self.outputs);
        if let Some(kept) = room.kept(id) {
            self.outputs.push_back(Output::Keep { what: vec![Kept::Room(kept)], answer: None });
        }
        Ok(Ok(()))
    }

    fn remove(&mut self, id: &RoomId, who: &ParticipantId, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.bar(who.clone(), now);
        // Who was put out does not come back by the same link unasked.
        room.state.waiting_room = true;
        let invite = room.person_mut(who).and_then(|person| person.invite.clone());
        if let Some(invite) = invite.and_then(|invite| room.revoke(id, &invite)) {
            self.outputs.push_back(Output::Keep { what: vec![invite], answer: None });
        }
        if let Some(kept) = room.kept(id) {
            self.outputs.push_back(Output::Keep { what: vec![Kept::Room(kept)], answer: None });
        }
        self.put_out(id, who, Refusal::Removed, now);
    }

    fn put_out(&mut self, id: &RoomId, who: &ParticipantId, reason: Refusal, now: Now) {
        self.farewells.say(id, Some(who), reason, now.at);
        let line = self.rooms.get_mut(id).and_then(|room| room.person_mut(who)).map(|person| person.line);
        if let Some(to) = line.and_then(super::room::Line::connection) {
            self.places.remove(&to);
            self.outputs.push_back(Output::Send { to, message: ServerMessage::Refused { reason } });
            self.outputs.push_back(Output::Close(to));
        }
        self.vacate(id, |person| person.info.id == *who, now);
    }

    /// A room of a moment is no more; one that is kept waits for its owner.
    fn end_for_all(&mut self, id: &RoomId, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let all: Vec<ConnectionId> = room.people.iter().filter_map(|person| person.line.connection()).collect();
        for to in all {
            self.places.remove(&to);
            let message = ServerMessage::Refused { reason: Refusal::Ended };
            self.outputs.push_back(Output::Send { to, message });
            self.outputs.push_back(Output::Close(to));
        }
        let ids: Vec<ParticipantId> = room.people.drain(..).map(|person| person.info.id).collect();
        if room.until.is_none() {
            return self.end(id, now);
        }
        for who in ids {
            self.farewells.say(id, Some(&who), Refusal::Ended, now.at);
            room.bar(who, now);
        }
        room.state.waiting_room = true;
        room.history = super::chat::History::default();
        room.settle(&mut self.outputs);
        let ends = room.emptied(now);
        let kept = room.kept(id);
        ends.into_iter().for_each(|at| self.wake_at(at));
        if let Some(kept) = kept {
            self.outputs.push_back(Output::Keep { what: vec![Kept::Room(kept)], answer: None });
        }
    }
}

impl Room {
    fn admit(&mut self, id: &RoomId, who: &ParticipantId, outputs: &mut VecDeque<Output>) -> Result<(), Decline> {
        let waits = |person: &super::room::Person| person.info.id == *who && !person.inside;
        let at = self.people.iter().position(waits).ok_or(Decline::NotHere)?;
        if self.is_full() {
            return Err(Decline::Full);
        }
        let mut person = self.people.remove(at);
        person.inside = true;
        self.barred.retain(|(barred, _)| barred != who);
        let participant = person.info.clone();
        let away = participant.away;
        self.people.push(person);
        if away {
            // Told when the connection is back.
            self.tell(Some(who), &ServerMessage::ParticipantJoined { participant }, outputs);
            self.settle(outputs);
        } else {
            self.enter(id, who, false, outputs);
        }
        Ok(())
    }

    /// Whether the actor may do something to this person inside: not to themselves, and a co-host not to the host.
    fn target(&self, actor: &Actor, who: &ParticipantId) -> Result<(), Decline> {
        if !self.is_inside(who) {
            Err(Decline::NotHere)
        } else if actor.id.as_ref() == Some(who) || actor.role != Role::Host && self.state.role(who) == Role::Host {
            Err(Decline::NotAllowed)
        } else {
            Ok(())
        }
    }

    fn moderate(
        &mut self,
        id: &RoomId,
        actor: &Actor,
        action: Moderation,
        now: Now,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Decline> {
        match action {
            Moderation::Mute { who } => {
                self.target(actor, &who)?;
                self.mute(actor, &who, outputs);
            }
            Moderation::MuteAll => {
                let others = self.inside().filter(|person| self.state.role(&person.info.id) == Role::Participant);
                let others: Vec<ParticipantId> = others.map(|person| person.info.id.clone()).collect();
                others.iter().for_each(|who| self.mute(actor, who, outputs));
            }
            Moderation::StopCamera { who } => {
                self.target(actor, &who)?;
                let Some(person) = self.person_mut(&who) else { return Err(Decline::NotHere) };
                let media = MediaState { camera: false, ..person.info.media };
                self.set_media(&who, media, outputs);
                self.say(&who, ServerMessage::CameraStopped { by: actor.id.clone() }, outputs);
            }
            Moderation::Ask { who, what } => {
                self.target(actor, &who)?;
                self.say(&who, ServerMessage::Asked { by: actor.id.clone(), what }, outputs);
            }
            Moderation::MoveToWaiting { who } => {
                self.target(actor, &who)?;
                self.move_to_waiting(id, &who, now, outputs)?;
            }
            Moderation::SetCoHost { who, on } => {
                self.target(actor, &who)?;
                self.state.co_hosts.retain(|co_host| *co_host != who);
                if on && self.state.host.as_ref() != Some(&who) {
                    self.state.co_hosts.push(who);
                }
            }
            Moderation::MakeHost { who } => {
                self.target(actor, &who)?;
                self.state.co_hosts.retain(|co_host| *co_host != who);
                self.state.co_hosts.extend(self.state.host.replace(who.clone()).filter(|host| *host != who));
                self.deputy_was_co_host = false;
            }
            Moderation::SetLocked { on } => self.state.locked = on,
            Moderation::Spotlight { who } => {
                if who.as_ref().is_some_and(|who| !self.is_inside(who)) {
                    return Err(Decline::NotHere);
                }
                self.state.spotlight = who;
            }
            Moderation::LowerHand { who } => self.state.hands.retain(|hand| *hand != who),
            Moderation::Admit { .. }
            | Moderation::AdmitAll
            | Moderation::Deny { .. }
            | Moderation::Remove { .. }
            | Moderation::SetWaitingRoom { .. }
            | Moderation::End => return Err(Decline::NotAllowed),
        }
        Ok(())
    }

    /// Everybody is told at once; the one concerned does it.
    fn mute(&mut self, actor: &Actor, who: &ParticipantId, outputs: &mut VecDeque<Output>) {
        let Some(person) = self.person_mut(who) else { return };
        let media = MediaState { microphone: false, ..person.info.media };
        self.set_media(who, media, outputs);
        self.say(who, ServerMessage::Muted { by: actor.id.clone() }, outputs);
    }

    fn move_to_waiting(
        &mut self,
        id: &RoomId,
        who: &ParticipantId,
        now: Now,
        outputs: &mut VecDeque<Output>,
    ) -> Result<(), Decline> {
        if self.people.iter().filter(|person| !person.inside).count() >= MAX_WAITING {
            return Err(Decline::Full);
        }
        let Some(at) = self.people.iter().position(|person| person.info.id == *who) else {
            return Err(Decline::NotHere);
        };
        // The last one to come before the door.
        let mut person = self.people.remove(at);
        person.inside = false;
        person.may_inherit = false;
        let line = person.line;
        let grant = person.grant(id);
        self.people.push(person);
        self.bar(who.clone(), now);
        self.tell(None, &ServerMessage::ParticipantLeft { participant: who.clone() }, outputs);
        if let Some(to) = line.connection() {
            let message = ServerMessage::Waiting { you: who.clone(), resume: String::new(), host: self.host_name() };
            outputs.push_back(Output::Token { to, grant, message });
        }
        Ok(())
    }

    fn say(&self, who: &ParticipantId, message: ServerMessage, outputs: &mut VecDeque<Output>) {
        let line = self.people.iter().find(|person| person.info.id == *who).and_then(|person| person.line.connection());
        if let Some(to) = line {
            outputs.push_back(Output::Send { to, message });
        }
    }
}
