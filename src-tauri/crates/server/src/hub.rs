//! The one task that owns the rooms: takes events from the connections, sends what the rooms say.
//!
//! Events queue in a channel of [`EVENTS`]; full: the connections wait and stop reading. Outgoing messages never wait:
//! see [`crate::outgoing`]. Changes that are kept go to the store's thread; its answers come back through a queue.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fika_call::door::{Entry, MAX_PASSCODE, RoomOptions};
use fika_call::invite::CODE_BYTES;
use fika_call::room::Decline;
use fika_call::signal::{ClientMessage, PROTOCOL_VERSION, Refusal, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::keys::{Keys, Seed, digest};
use crate::limits::{ByAddress, Guesses};
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::rooms::{ConnectionId, Count, Grant, Join, Kept, Now, Output, RESUME, Rooms, Shown};
use crate::store::{Answer, Job, Writer};
use crate::turn::Turn;
use crate::{Config, Opened, random};

pub(crate) const EVENTS: usize = 1024;
/// When somebody who is not let in is told so: as late for an unknown room as for a wrong passcode.
const REFUSED_AFTER: Duration = Duration::from_millis(250);

pub(crate) enum Event {
    Connected {
        id: ConnectionId,
        outgoing: Outgoing,
    },
    Message {
        id: ConnectionId,
        address: IpAddr,
        message: ClientMessage,
    },
    /// The connection broke a rule: it is told so and loses its seat.
    Offended {
        id: ConnectionId,
        reason: Refusal,
    },
    /// The connection ended; `keep`: for how long its seat is kept.
    Gone {
        id: ConnectionId,
        keep: Duration,
    },
    CreateRoom {
        reply: oneshot::Sender<Result<Opened, Refusal>>,
    },
    /// What there is now.
    Count {
        reply: oneshot::Sender<Census>,
    },
    /// Nobody new comes in from now on; `done` when nobody is left.
    Drain {
        done: oneshot::Sender<()>,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Census {
    pub(crate) rooms: Count,
    pub(crate) connections: usize,
}

pub(crate) struct Hub {
    rooms: Rooms,
    connections: HashMap<ConnectionId, Outgoing>,
    keys: Keys,
    turn: Turn,
    writer: Option<Writer>,
    creates: ByAddress,
    joins: ByAddress,
    guesses: Guesses,
    anyone_may_create: bool,
    metrics: Arc<Metrics>,
    draining: Option<oneshot::Sender<()>>,
    closed: bool,
}

impl Hub {
    pub(crate) fn new(config: &mut Config, metrics: Arc<Metrics>) -> Self {
        let mut rooms = Rooms::new(config.limits.rooms);
        let store = config.store.take();
        let seed = store.as_ref().map_or_else(Seed::random, |store| store.seed.clone());
        let writer = store.map(|store| {
            rooms.restore(store.rooms, now());
            store.writer
        });
        Self {
            rooms,
            connections: HashMap::new(),
            keys: Keys::new(&seed),
            turn: Turn::new(config.ice_servers.clone(), config.turn_secret.clone()),
            writer,
            creates: ByAddress::new(config.limits.creates),
            joins: ByAddress::new(config.limits.joins),
            guesses: Guesses::new(config.limits.guesses, config.limits.guesses_at_room),
            anyone_may_create: config.anyone_may_create,
            metrics,
            draining: None,
            closed: false,
        }
    }

    /// Until the server is dropped.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<Event>, mut running: watch::Receiver<()>) {
        let mut answers = self.writer.as_mut().and_then(|writer| writer.answers.take());
        loop {
            let wake = self.rooms.poll_timeout();
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.handle(event, now()),
                    None => return,
                },
                Some(answer) = written(&mut answers) => self.written(answer),
                () = timer => self.rooms.handle_timeout(now()),
                _ = running.changed() => return,
            }
            self.deliver(now());
            self.drained();
        }
    }

    fn handle(&mut self, event: Event, now: Now) {
        match event {
            Event::Connected { id, outgoing } => {
                self.connections.insert(id, outgoing);
            }
            Event::Message { id, address, message } => {
                if self.connections.contains_key(&id) {
                    self.metrics.messages.fetch_add(1, Relaxed);
                    let tag = if let ClientMessage::Chat { tag, .. } = message { Some(tag) } else { None };
                    match self.message(id, address, message, now) {
                        Ok(Ok(())) => {}
                        Ok(Err(reason)) => self.send(id, &ServerMessage::Declined { tag, reason }, now),
                        Err(reason) => self.refuse(id, reason, now),
                    }
                }
            }
            Event::Offended { id, reason } => self.refuse(id, reason, now),
            Event::Gone { id, keep } => {
                self.connections.remove(&id);
                self.rooms.disconnected(id, keep, now);
            }
            Event::CreateRoom { reply } => {
                let room = self.create(None, &RoomOptions::default(), now);
                // Whoever asked may have given up.
                let _ = reply.send(room);
            }
            Event::Count { reply } => {
                // Whoever asked may have given up.
                let _ = reply.send(Census { rooms: self.rooms.count(), connections: self.connections.len() });
            }
            Event::Drain { done } => (self.closed, self.draining) = (true, Some(done)),
        }
    }

    fn message(
        &mut self,
        id: ConnectionId,
        address: IpAddr,
        message: ClientMessage,
        now: Now,
    ) -> Result<Result<(), Decline>, Refusal> {
        let done = match message {
            ClientMessage::Create { version, options } => {
                let allowed = self.anyone_may_create && !self.closed && self.creates.take(address, now.at);
                if version != PROTOCOL_VERSION {
                    return Err(Refusal::Version);
                } else if !allowed {
                    return Err(Refusal::TooManyRequests);
                }
                let Opened { room, host_key } = self.create(Some(id), &options, now)?;
                self.send(id, &ServerMessage::Created { room, host_key: host_key.0 }, now);
                Ok(())
            }
            ClientMessage::Manage { version, room, host_key } => {
                self.at_the_door(version, address, &room, None, now)?;
                let key = digest(&host_key);
                let done = self.rooms.manage(id, room.clone(), key, now);
                self.guessed(&done, address, &room, now);
                done?;
                Ok(())
            }
            ClientMessage::Join { version, room, name, media, resume, entry } => {
                let resume = resume.and_then(|token| self.keys.grant(&token, now.unix));
                self.at_the_door(version, address, &room, resume.as_ref(), now)?;
                // Who comes back to a seat still may.
                if self.closed && resume.is_none() {
                    return Err(Refusal::TooManyRequests);
                }
                let shown = self.shown(&room, &entry)?;
                let fresh = ParticipantId(random::hex::<8>());
                let join = Join { room: room.clone(), name, media, resume, shown };
                let done = self.rooms.join(id, join, fresh, now);
                self.guessed(&done, address, &room, now);
                done?;
                self.metrics.joins.fetch_add(1, Relaxed);
                Ok(())
            }
            ClientMessage::MakeInvite { options } => {
                let code = random::base64url::<CODE_BYTES>();
                let digest = digest(&code);
                self.rooms.make_invite(id, options, random::hex::<4>(), code, digest)?
            }
            ClientMessage::RevokeInvite { id: invite } => self.rooms.revoke_invite(id, &invite)?,
            ClientMessage::ListInvites => self.rooms.list_invites(id)?,
            ClientMessage::SetName { name } => self.rooms.set_name(id, name, now)?,
            ClientMessage::SetHand { up } => self.rooms.set_hand(id, up)?,
            ClientMessage::React { reaction } => self.rooms.react(id, reaction, now)?,
            ClientMessage::Chat { tag, to, payload } => {
                self.metrics.chats.fetch_add(1, Relaxed);
                self.rooms.chat(id, tag, to, payload, now)?
            }
            ClientMessage::ReactToMessage { message, reaction, on } => {
                self.rooms.react_to_message(id, message, reaction, on, now)?
            }
            ClientMessage::Moderate { action } => self.rooms.moderate(id, action, now)?,
            ClientMessage::SetMedia { media } => {
                self.rooms.set_media(id, media)?;
                Ok(())
            }
            ClientMessage::Signal { to, payload } => {
                self.rooms.signal(id, &to, payload)?;
                Ok(())
            }
            ClientMessage::Leave => {
                self.rooms.leave(id, now);
                Ok(())
            }
            ClientMessage::Ping => {
                self.send(id, &ServerMessage::Pong, now);
                Ok(())
            }
        };
        Ok(done)
    }

    /// Whether somebody at this address may try this door now. Who has been here does not guess.
    fn at_the_door(
        &mut self,
        version: u32,
        address: IpAddr,
        room: &RoomId,
        resume: Option<&Grant>,
        now: Now,
    ) -> Result<(), Refusal> {
        let known = resume.is_some_and(|grant| grant.room == *room);
        if version != PROTOCOL_VERSION {
            Err(Refusal::Version)
        } else if !self.joins.take(address, now.at) || !known && !self.guesses.may_guess(address, room, now.at) {
            Err(Refusal::TooManyRequests)
        } else {
            Ok(())
        }
    }

    fn guessed(&mut self, done: &Result<(), Refusal>, address: IpAddr, room: &RoomId, now: Now) {
        if matches!(done, Err(Refusal::RoomNotFound)) {
            self.guesses.wrong(address, room, now.at);
        }
    }

    fn shown(&self, room: &RoomId, entry: &Entry) -> Result<Shown, Refusal> {
        let passcode = entry.passcode.as_deref();
        if passcode.is_some_and(|passcode| passcode.chars().count() > MAX_PASSCODE) {
            return Err(Refusal::BadMessage);
        }
        Ok(Shown {
            host_key: entry.host_key.as_deref().map(digest),
            invite: entry.invite.as_deref().map(digest),
            passcode: passcode.map(|passcode| self.keys.passcode(room, passcode)),
        })
    }

    fn create(&mut self, from: Option<ConnectionId>, options: &RoomOptions, now: Now) -> Result<Opened, Refusal> {
        if options.passcode.as_ref().is_some_and(|passcode| passcode.chars().count() > MAX_PASSCODE) {
            return Err(Refusal::BadMessage);
        }
        let room = RoomId::from_bytes(random::bytes());
        let host_key = random::base64url::<CODE_BYTES>();
        let passcode = options.passcode.as_deref().filter(|passcode| !passcode.is_empty());
        let passcode = passcode.map(|passcode| self.keys.passcode(&room, passcode));
        self.rooms.create(from, room.clone(), digest(&host_key), passcode, options, now)?;
        tracing::info!(rooms = self.rooms.count().rooms, "room opened");
        Ok(Opened { room, host_key: fika_call::invite::HostKey(host_key) })
    }

    fn refuse(&mut self, id: ConnectionId, reason: Refusal, now: Now) {
        tracing::debug!(?reason, "refused");
        self.metrics.refused(reason);
        let not_before = (reason == Refusal::RoomNotFound).then(|| now.at + REFUSED_AFTER);
        self.send_at(id, &ServerMessage::Refused { reason }, not_before, now);
        self.rooms.leave(id, now);
    }

    fn deliver(&mut self, now: Now) {
        while let Some(output) = self.rooms.poll_output() {
            match output {
                Output::Send { to, message } => self.send(to, &message, now),
                Output::Token { to, grant, mut message } => {
                    let token = self.keys.token(&grant, now.unix);
                    match &mut message {
                        ServerMessage::Joined { resume, ice_servers, .. } => {
                            *resume = token;
                            *ice_servers = self.turn.servers(&grant.participant, now.unix);
                        }
                        ServerMessage::Token { resume, ice_servers } => {
                            *resume = token;
                            if grant.inside && self.turn.runs_out() {
                                *ice_servers = self.turn.servers(&grant.participant, now.unix);
                            }
                        }
                        ServerMessage::Waiting { resume, .. } => *resume = token,
                        _ => {}
                    }
                    self.send(to, &message, now);
                }
                Output::Keep { what, answer } => self.keep(what, answer, now),
                // Without its sender the queue is written to the end, then the connection closes.
                Output::Close(id) => drop(self.connections.remove(&id)),
            }
        }
    }

    /// Without a store there is nothing to wait for.
    fn keep(&mut self, what: Vec<Kept>, answer: Option<(ConnectionId, ServerMessage)>, now: Now) {
        let Some(writer) = &self.writer else {
            if let Some((to, message)) = answer {
                self.send(to, &message, now);
            }
            return;
        };
        let to = answer.as_ref().map(|(to, _)| *to);
        if !writer.write(Job { what, answer }) {
            tracing::warn!("the database is too slow, a change is not kept");
            if let Some(to) = to {
                self.send(to, &ServerMessage::Declined { tag: None, reason: Decline::TooFast }, now);
            }
        }
    }

    fn written(&mut self, (to, message): Answer) {
        let message = message.unwrap_or(ServerMessage::Declined { tag: None, reason: Decline::TooFast });
        self.send(to, &message, now());
    }

    fn send(&mut self, to: ConnectionId, message: &ServerMessage, now: Now) {
        self.send_at(to, message, None, now);
    }

    fn send_at(&mut self, to: ConnectionId, message: &ServerMessage, not_before: Option<Instant>, now: Now) {
        let Some(outgoing) = self.connections.get(&to) else { return };
        let text = serde_json::to_string(message).expect("strings and numbers are always JSON");
        if outgoing.push(text, not_before).is_err() {
            tracing::debug!("a participant reads too slowly and is dropped");
            self.metrics.slow.fetch_add(1, Relaxed);
            self.connections.remove(&to);
            self.rooms.disconnected(to, RESUME, now);
        }
    }

    fn drained(&mut self) {
        if self.draining.is_some()
            && self.rooms.count().participants == 0
            && let Some(done) = self.draining.take()
        {
            // Who drains may have lost patience.
            let _ = done.send(());
        }
    }
}

async fn written(answers: &mut Option<mpsc::Receiver<Answer>>) -> Option<Answer> {
    match answers {
        Some(answers) => answers.recv().await,
        None => std::future::pending().await,
    }
}

fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    Now { at: Instant::now(), unix: u32::try_from(unix).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests;
