//! The one task that owns the rooms: takes events from the connections, sends what the rooms say.
//!
//! Events queue in a channel of [`EVENTS`]; full: the connections wait and stop reading. Outgoing messages never wait:
//! see [`crate::outgoing`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use fika_call::signal::{ClientMessage, PROTOCOL_VERSION, Refusal, ServerMessage};
use fika_call::{ParticipantId, RoomId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::limits::ByAddress;
use crate::outgoing::Outgoing;
use crate::rooms::{ConnectionId, Fresh, Join, Output, Rooms};
use crate::{Config, random};

pub(crate) const EVENTS: usize = 1024;

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
    Gone {
        id: ConnectionId,
    },
    CreateRoom {
        reply: oneshot::Sender<Result<RoomId, Refusal>>,
    },
}

pub(crate) struct Hub {
    rooms: Rooms,
    connections: HashMap<ConnectionId, Outgoing>,
    creates: ByAddress,
    joins: ByAddress,
    anyone_may_create: bool,
}

impl Hub {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            rooms: Rooms::new(config.limits.rooms, config.ice_servers.clone()),
            connections: HashMap::new(),
            creates: ByAddress::new(config.limits.creates),
            joins: ByAddress::new(config.limits.joins),
            anyone_may_create: config.anyone_may_create,
        }
    }

    /// Until the server is dropped.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<Event>, mut running: watch::Receiver<()>) {
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
                    Some(event) => self.handle(event, Instant::now()),
                    None => return,
                },
                () = timer => self.rooms.handle_timeout(Instant::now()),
                _ = running.changed() => return,
            }
            self.deliver(Instant::now());
        }
    }

    fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected { id, outgoing } => {
                self.connections.insert(id, outgoing);
            }
            Event::Message { id, address, message } => {
                if self.connections.contains_key(&id)
                    && let Err(reason) = self.message(id, address, message, now)
                {
                    self.refuse(id, reason, now);
                }
            }
            Event::Offended { id, reason } => self.refuse(id, reason, now),
            Event::Gone { id } => {
                self.connections.remove(&id);
                self.rooms.disconnected(id, now);
            }
            Event::CreateRoom { reply } => {
                let room = self.create(now);
                // Whoever asked may have given up.
                let _ = reply.send(room);
            }
        }
    }

    fn message(
        &mut self,
        id: ConnectionId,
        address: IpAddr,
        message: ClientMessage,
        now: Instant,
    ) -> Result<(), Refusal> {
        match message {
            ClientMessage::Create { version } => {
                let allowed = self.anyone_may_create && self.creates.take(address, now);
                if version != PROTOCOL_VERSION {
                    return Err(Refusal::Version);
                } else if !allowed {
                    return Err(Refusal::TooManyRequests);
                }
                let room = self.create(now)?;
                self.send(id, &ServerMessage::Created { room }, now);
                Ok(())
            }
            ClientMessage::Join { version, room, name, media, resume } => {
                if version != PROTOCOL_VERSION {
                    return Err(Refusal::Version);
                } else if !self.joins.take(address, now) {
                    return Err(Refusal::TooManyRequests);
                }
                let fresh = Fresh { participant: ParticipantId(random::hex::<8>()), resume: random::hex::<16>() };
                self.rooms.join(id, Join { room, name, media, resume }, fresh, now)
            }
            ClientMessage::SetMedia { media } => self.rooms.set_media(id, media),
            ClientMessage::Signal { to, payload } => self.rooms.signal(id, &to, payload),
            ClientMessage::Leave => {
                self.rooms.leave(id, now);
                Ok(())
            }
            ClientMessage::Ping => {
                self.send(id, &ServerMessage::Pong, now);
                Ok(())
            }
        }
    }

    fn create(&mut self, now: Instant) -> Result<RoomId, Refusal> {
        let room = RoomId::from_bytes(random::bytes());
        self.rooms.create(room.clone(), now)?;
        tracing::info!(rooms = self.rooms.len(), "room opened");
        Ok(room)
    }

    fn refuse(&mut self, id: ConnectionId, reason: Refusal, now: Instant) {
        tracing::debug!(?reason, "refused");
        self.send(id, &ServerMessage::Refused { reason }, now);
        self.rooms.leave(id, now);
    }

    fn deliver(&mut self, now: Instant) {
        while let Some(output) = self.rooms.poll_output() {
            match output {
                Output::Send { to, message } => self.send(to, &message, now),
                // Without its sender the queue is written to the end, then the connection closes.
                Output::Close(id) => drop(self.connections.remove(&id)),
            }
        }
    }

    fn send(&mut self, to: ConnectionId, message: &ServerMessage, now: Instant) {
        let Some(outgoing) = self.connections.get(&to) else { return };
        let text = serde_json::to_string(message).expect("strings and numbers are always JSON");
        if outgoing.push(text).is_err() {
            tracing::debug!("a participant reads too slowly and is dropped");
            self.connections.remove(&to);
            self.rooms.disconnected(to, now);
        }
    }
}
