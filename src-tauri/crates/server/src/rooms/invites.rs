//! Invites of a room, and what of rooms and invites is kept on disk.

use fika_call::RoomId;
use fika_call::door::{InviteInfo, InviteOptions, MAX_INVITES, MAX_LABEL};
use fika_call::room::{Decline, Role, RoomState};
use fika_call::signal::{Refusal, ServerMessage};
use serde::{Deserialize, Serialize};

use super::room::{Room, at};
use super::{ConnectionId, Digest, Done, Now, Output, Place, Rooms};

#[derive(Serialize, Deserialize)]
pub(super) struct Invite {
    /// Names it to its maker.
    pub(super) id: String,
    /// Of the code.
    pub(super) digest: Digest,
    pub(super) options: InviteOptions,
    pub(super) used: u32,
    pub(super) revoked: bool,
}

/// A change of what is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// New, or changed.
    Room(KeptRoom),
    Invite(RoomId, KeptInvite),
    /// A room with its invites.
    Gone(RoomId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRoom {
    pub id: RoomId,
    pub host_key: Digest,
    pub passcode: Option<Digest>,
    pub waiting_room: bool,
    pub invite_only: bool,
    /// Seconds since 1970.
    pub until: u32,
    /// Filled when it is read.
    pub invites: Vec<KeptInvite>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptInvite {
    pub id: String,
    pub digest: Digest,
    pub options: InviteOptions,
    pub used: u32,
    pub revoked: bool,
}

impl Rooms {
    /// `id` and the code were drawn at random; `digest` is that of the code, which the answer lacks.
    pub fn make_invite(&mut self, from: ConnectionId, options: InviteOptions, id: String, digest: Digest) -> Done {
        let label_is_fine = |label: &String| label.chars().count() <= MAX_LABEL && !label.chars().any(char::is_control);
        if !options.label.iter().all(label_is_fine) {
            return Err(Refusal::BadMessage);
        }
        let (room_id, room) = match self.owned(from)? {
            Some(owned) => owned,
            None => return Ok(Err(Decline::NotAllowed)),
        };
        if room.invites.len() >= MAX_INVITES {
            return Ok(Err(Decline::Full));
        }
        let invite = Invite { id: id.clone(), digest, options, used: 0, revoked: false };
        let answer = ServerMessage::InviteMade { invite: invite.info(), code: String::new() };
        room.invites.push(invite);
        let what: Vec<Kept> = room.kept_invite(&room_id, &id).into_iter().collect();
        self.answer(from, what, answer);
        Ok(Ok(()))
    }

    pub fn revoke_invite(&mut self, from: ConnectionId, id: &str) -> Done {
        let Some((room_id, room)) = self.owned(from)? else { return Ok(Err(Decline::NotAllowed)) };
        let Some(kept) = room.invites.iter().any(|invite| invite.id == id).then(|| room.revoke(&room_id, id)) else {
            return Ok(Err(Decline::NotHere));
        };
        let answer = ServerMessage::Invites { invites: room.invite_list() };
        self.answer(from, kept.into_iter().collect(), answer);
        Ok(Ok(()))
    }

    pub fn list_invites(&mut self, from: ConnectionId) -> Done {
        let Some((_, room)) = self.owned(from)? else { return Ok(Err(Decline::NotAllowed)) };
        let answer = ServerMessage::Invites { invites: room.invite_list() };
        self.answer(from, Vec::new(), answer);
        Ok(Ok(()))
    }

    /// The room of which this connection is the owner or the host.
    fn owned(&mut self, from: ConnectionId) -> Result<Option<(RoomId, &mut Room)>, Refusal> {
        let (id, may) = match self.places.get(&from).ok_or(Refusal::BadMessage)? {
            Place::Owner(id) => (id.clone(), true),
            Place::Person(id, me) => {
                let role = self.rooms.get(id).map(|room| room.role(me));
                (id.clone(), role == Some(Role::Host))
            }
        };
        let room = self.rooms.get_mut(&id).ok_or(Refusal::BadMessage)?;
        Ok(may.then_some((id, room)))
    }

    fn answer(&mut self, to: ConnectionId, what: Vec<Kept>, message: ServerMessage) {
        self.outputs.push_back(if what.is_empty() {
            Output::Send { to, message }
        } else {
            Output::Keep { what, answer: Some((to, message)) }
        });
    }
}

impl Invite {
    fn info(&self) -> InviteInfo {
        let InviteOptions { label, single_use, until, skip_waiting, co_host } = self.options.clone();
        let Self { id, used, revoked, .. } = self;
        InviteInfo { id: id.clone(), label, single_use, until, skip_waiting, co_host, used: *used, revoked: *revoked }
    }

    fn opens(&self, now: Now) -> bool {
        let used_up = self.options.single_use && self.used > 0;
        !self.revoked && !used_up && self.options.until.is_none_or(|until| now.unix < until)
    }
}

impl Room {
    /// Index of the invite with this code, if it opens the door now.
    pub(super) fn invite_of(&self, code: &Digest, now: Now) -> Option<usize> {
        let found = self.invites.iter().position(|invite| invite.digest == *code)?;
        self.invites[found].opens(now).then_some(found)
    }

    /// Who came in by it may come back.
    pub(super) fn is_valid_for_return(&self, id: &str) -> bool {
        self.invites.iter().any(|invite| invite.id == id && !invite.revoked)
    }

    pub(super) fn invite_list(&self) -> Vec<InviteInfo> {
        self.invites.iter().map(Invite::info).collect()
    }

    /// What is to be kept of it, in a room that is kept.
    pub(super) fn revoke(&mut self, room: &RoomId, id: &str) -> Option<Kept> {
        let invite = self.invites.iter_mut().find(|invite| invite.id == id)?;
        invite.revoked = true;
        self.kept_invite(room, id)
    }

    pub(super) fn kept_invite(&self, room: &RoomId, id: &str) -> Option<Kept> {
        self.until?;
        let Invite { id, digest, options, used, revoked } = self.invites.iter().find(|invite| invite.id == id)?;
        let invite =
            KeptInvite { id: id.clone(), digest: *digest, options: options.clone(), used: *used, revoked: *revoked };
        Some(Kept::Invite(room.clone(), invite))
    }

    pub(super) fn kept(&self, id: &RoomId) -> Option<KeptRoom> {
        Some(KeptRoom {
            id: id.clone(),
            host_key: self.host_key,
            passcode: self.passcode,
            waiting_room: self.state.waiting_room,
            invite_only: self.invite_only,
            until: self.until?.0,
            invites: Vec::new(),
        })
    }

    pub(super) fn restored(kept: KeptRoom, now: Now) -> Self {
        let options = fika_call::door::RoomOptions {
            waiting_room: kept.waiting_room,
            invite_only: kept.invite_only,
            passcode: None,
            until: Some(kept.until),
        };
        let mut room = Self::new(kept.host_key, kept.passcode, &options, now);
        room.ends = Some(at(kept.until, now));
        room.state = RoomState { waiting_room: kept.waiting_room, ..RoomState::default() };
        room.invites = kept
            .invites
            .into_iter()
            .map(|KeptInvite { id, digest, options, used, revoked }| Invite { id, digest, options, used, revoked })
            .collect();
        room
    }
}
