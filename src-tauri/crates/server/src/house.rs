//! What all instances of a server have in common: the rooms, and how much has been asked for from where.
//!
//! Pure: told the time, and given everything that is drawn at random. A [`Change`] can be written down: every instance that
//! has made the same changes in the same order has the same house, whoever was asked for them. Bounded as [`Rooms`] and
//! [`crate::limits`] are.

use std::time::Duration;

use fika_call::door::InviteOptions;
use fika_call::identity::IdentityKey;
use fika_call::ring::CallId;
use fika_call::room::Decline;
use fika_call::signal::{ClientMessage, Refusal, Sealed, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use serde::{Deserialize, Serialize};

use crate::Limits;
use crate::limits::{ByOrigin, Guesses, Origin};
use crate::listening::Listening;
use crate::moment::Moment;
use crate::rooms::{ConnectionId, Count, Digest, Grant, Join, KeptRoom, NewRoom, Now, Output, RESUME, Rooms};

/// Part of the log that instances share: what is changed here is read by instances of the version before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    Wish {
        from: ConnectionId,
        wish: Wish,
    },
    /// By the program that runs the server.
    Open(NewRoom),
    /// The connection ended; its seat is kept for so many seconds.
    Gone {
        from: ConnectionId,
        keep: u64,
    },
    /// All connections of an instance ended.
    Lost {
        instance: u32,
    },
    /// Time has passed.
    Tick,
}

/// What a connection wants, without the secrets it has shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Wish {
    Create {
        origin: Origin,
        new: NewRoom,
    },
    Manage {
        origin: Origin,
        room: RoomId,
        host_key: Digest,
    },
    Join {
        origin: Origin,
        join: Join,
        fresh: ParticipantId,
    },
    MakeInvite {
        options: InviteOptions,
        id: String,
        digest: Digest,
    },
    /// The key has been shown to be theirs.
    Listen {
        key: IdentityKey,
    },
    Ring {
        origin: Origin,
        to: IdentityKey,
        call: CallId,
        payload: Sealed,
    },
    /// In order, each once.
    Show {
        to: Vec<IdentityKey>,
    },
    /// Nothing secret and nothing random is in it.
    Say(ClientMessage),
    /// It has broken a rule, or asked for what this instance does not give.
    Refuse(Refusal),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct House {
    rooms: Rooms,
    creates: ByOrigin,
    joins: ByOrigin,
    guesses: Guesses,
    listening: Listening,
}

/// What comes of a wish: a broken rule costs the connection, a refused wish does not.
type Done = Result<Result<(), Decline>, Refusal>;

impl House {
    pub(crate) fn new(limits: &Limits, salt: u64) -> Self {
        Self {
            rooms: Rooms::new(limits.rooms),
            creates: ByOrigin::new(limits.creates),
            joins: ByOrigin::new(limits.joins),
            guesses: Guesses::new(limits.guesses, limits.guesses_at_room, salt),
            listening: Listening::new(limits.rings),
        }
    }

    /// What was kept, when the server starts.
    pub(crate) fn restore(&mut self, kept: Vec<KeptRoom>, now: Now) {
        self.rooms.restore(kept, now);
    }

    /// Whether it was done.
    pub(crate) fn apply(&mut self, change: Change, now: Now) -> Result<(), Refusal> {
        match change {
            Change::Wish { from, wish } => {
                let tag = if let Wish::Say(ClientMessage::Chat { tag, .. }) = wish { Some(tag) } else { None };
                match self.wish(from, wish, now) {
                    Ok(Ok(())) => {}
                    Ok(Err(reason)) => self.rooms.say(from, ServerMessage::Declined { tag, reason }),
                    Err(reason) => {
                        self.rooms.say(from, ServerMessage::Refused { reason });
                        self.leave(from, now);
                        return Err(reason);
                    }
                }
            }
            Change::Open(new) => self.rooms.create(None, new, now)?,
            Change::Gone { from, keep } => self.disconnected(from, Duration::from_secs(keep), now),
            Change::Lost { instance } => {
                let mut lost: Vec<_> = self.connections().filter(|one| one.instance() == instance).collect();
                // In the same order on every instance.
                lost.sort_unstable_by_key(|one| one.number());
                for from in lost {
                    self.disconnected(from, RESUME, now);
                }
            }
            Change::Tick => {
                self.rooms.handle_timeout(now);
                self.listening.handle_timeout(now.at, &mut self.rooms);
            }
        }
        Ok(())
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.rooms.poll_output()
    }

    /// When to make a [`Change::Tick`].
    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        self.rooms.poll_timeout().into_iter().chain(self.listening.poll_timeout()).min()
    }

    pub(crate) fn count(&self) -> Count {
        self.rooms.count()
    }

    /// How many listen for calls.
    pub(crate) fn listeners(&self) -> usize {
        self.listening.listeners()
    }

    /// Whose connections are in rooms, or listen.
    pub(crate) fn instances(&self) -> Vec<u32> {
        let mut instances: Vec<u32> = self.connections().map(ConnectionId::instance).collect();
        instances.sort_unstable();
        instances.dedup();
        instances
    }

    fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.rooms.connections().chain(self.listening.connections())
    }

    fn leave(&mut self, id: ConnectionId, now: Now) {
        self.listening.gone(id, &mut self.rooms);
        self.rooms.leave(id, now);
    }

    fn disconnected(&mut self, id: ConnectionId, keep: Duration, now: Now) {
        self.listening.gone(id, &mut self.rooms);
        self.rooms.disconnected(id, keep, now);
    }

    fn wish(&mut self, id: ConnectionId, wish: Wish, now: Now) -> Done {
        let begins = matches!(
            wish,
            Wish::Create { .. } | Wish::Manage { .. } | Wish::Join { .. } | Wish::Listen { .. } | Wish::Ring { .. }
        );
        // One connection does one thing.
        if begins
            && (self.listening.has(id) || self.rooms.has(id) && matches!(wish, Wish::Listen { .. } | Wish::Ring { .. }))
        {
            return Err(Refusal::BadMessage);
        }
        match wish {
            Wish::Create { origin, new } => {
                if !self.creates.take(origin, now.at) {
                    return Err(Refusal::TooManyRequests);
                }
                let room = new.id.clone();
                self.rooms.create(Some(id), new, now)?;
                // The hub that was asked knows the key.
                self.rooms.say(id, ServerMessage::Created { room, host_key: String::new() });
            }
            Wish::Manage { origin, room, host_key } => {
                self.at_the_door(origin, &room, None, now)?;
                let done = self.rooms.manage(id, room.clone(), host_key, now);
                self.guessed(done, origin, &room, now)?;
            }
            Wish::Join { origin, join, fresh } => {
                self.at_the_door(origin, &join.room, join.resume.as_ref(), now)?;
                let room = join.room.clone();
                let done = self.rooms.join(id, join, fresh, now);
                self.guessed(done, origin, &room, now)?;
            }
            Wish::MakeInvite { options, id: invite, digest } => {
                return self.rooms.make_invite(id, options, invite, digest);
            }
            Wish::Listen { key } => self.listening.listen(id, key, &mut self.rooms)?,
            Wish::Ring { origin, to, call, payload } => {
                self.listening.ring(id, origin, to, call, payload, now.at, &mut self.rooms)?;
            }
            Wish::Show { to } => self.listening.show(id, to, now.at, &mut self.rooms)?,
            Wish::Say(message) => return self.say(id, message, now),
            Wish::Refuse(reason) => return Err(reason),
        }
        Ok(Ok(()))
    }

    fn say(&mut self, id: ConnectionId, message: ClientMessage, now: Now) -> Done {
        match message {
            ClientMessage::RevokeInvite { id: invite } => self.rooms.revoke_invite(id, &invite),
            ClientMessage::ListInvites => self.rooms.list_invites(id),
            ClientMessage::SetName { name } => self.rooms.set_name(id, name, now),
            ClientMessage::SetHand { up } => self.rooms.set_hand(id, up),
            ClientMessage::React { reaction } => self.rooms.react(id, reaction, now),
            ClientMessage::Chat { tag, to, payload } => self.rooms.chat(id, tag, to, payload, now),
            ClientMessage::ReactToMessage { message, reaction, on } => {
                self.rooms.react_to_message(id, message, reaction, on, now)
            }
            ClientMessage::Moderate { action } => self.rooms.moderate(id, action, now),
            ClientMessage::SetMedia { media } => self.rooms.set_media(id, media).map(Ok),
            ClientMessage::Signal { to, payload } => self.rooms.signal(id, &to, payload).map(Ok),
            ClientMessage::AnswerRing { call, payload } => {
                self.listening.answer(id, call, payload, &mut self.rooms).map(Ok)
            }
            ClientMessage::Leave => {
                self.leave(id, now);
                Ok(Ok(()))
            }
            // With secrets in them, answered by whom they reach, or read before they come here.
            ClientMessage::Create { .. }
            | ClientMessage::Manage { .. }
            | ClientMessage::Join { .. }
            | ClientMessage::MakeInvite { .. }
            | ClientMessage::Listen { .. }
            | ClientMessage::Prove { .. }
            | ClientMessage::Ring { .. }
            | ClientMessage::Show { .. }
            | ClientMessage::Ping => Err(Refusal::BadMessage),
        }
    }

    /// Whether somebody from there may try this door now. Who has been here does not guess.
    fn at_the_door(&mut self, origin: Origin, room: &RoomId, resume: Option<&Grant>, now: Now) -> Result<(), Refusal> {
        let known = resume.is_some_and(|grant| grant.room == *room);
        if !self.joins.take(origin, now.at) || !known && !self.guesses.may_guess(origin, room, now.at) {
            return Err(Refusal::TooManyRequests);
        }
        Ok(())
    }

    fn guessed(&mut self, done: Result<(), Refusal>, origin: Origin, room: &RoomId, now: Now) -> Result<(), Refusal> {
        if matches!(done, Err(Refusal::RoomNotFound)) {
            self.guesses.wrong(origin, room, now.at);
        }
        done
    }
}
