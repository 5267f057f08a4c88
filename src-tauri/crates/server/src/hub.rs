//! The one task that has the house: takes events from the connections, makes changes, sends what the house says.
//!
//! Alone it makes each change at once. With a shared log ([`crate::log`]) it proposes the change, and makes it, like every other instance,
//! when it comes out of the log; what is said to connections of other instances they send themselves.
//!
//! Events queue in a channel of [`EVENTS`]; full: the connections wait and stop reading. Outgoing messages never wait:
//! see [`crate::outgoing`]. Changes that are kept go to the store's thread; its answers come back through a queue.

mod challenge;
mod drain;
mod shared;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fika_call::door::RoomOptions;
use fika_call::room::Decline;
use fika_call::signal::{ClientMessage, Refusal, ServerMessage};
use tokio::sync::{mpsc, oneshot, watch};

use self::challenge::Challenges;
use self::drain::Draining;
use self::shared::Log;
use crate::house::{Change, House, Wish};
use crate::keys::{Keys, Seed};
use crate::metrics::Metrics;
use crate::moment::Clock;
use crate::outgoing::Outgoing;
use crate::rooms::{ConnectionId, Count, Grant, Kept, Now, Output, RESUME};
use crate::store::{Answer, Job, Writer};
use crate::turn::Turn;
use crate::wish::Terms;
use crate::{Config, Health, Limits, Opened, wish};

pub(crate) const EVENTS: usize = 1024;
/// When somebody who is not let in is told so: as late for an unknown room as for a wrong passcode.
const REFUSED_AFTER: Duration = Duration::from_millis(250);

pub(crate) enum Event {
    Connected {
        id: Number,
        outgoing: Outgoing,
    },
    Message {
        id: Number,
        address: IpAddr,
        message: ClientMessage,
    },
    /// The connection broke a rule: it is told so and loses its seat.
    Offended {
        id: Number,
        reason: Refusal,
    },
    /// The connection ended; `keep`: for how long its seat is kept.
    Gone {
        id: Number,
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

/// Of a connection, at this instance.
pub(crate) type Number = u32;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Census {
    /// Of all instances.
    pub(crate) rooms: Count,
    pub(crate) listeners: usize,
    pub(crate) connections: usize,
}

/// What only the instance knows that proposed a change.
enum Private {
    Nothing,
    /// The key or the code that goes into the answer.
    Secret(String),
    Opened(oneshot::Sender<Result<Opened, Refusal>>, Opened),
}

pub(crate) struct Hub {
    house: House,
    log: Log,
    clock: Clock,
    /// Those that listen; whoever is let go of hears what was said before and is closed.
    connections: HashMap<Number, Outgoing>,
    limits: Limits,
    keys: Keys,
    turn: Turn,
    writer: Option<Writer>,
    anyone_may_create: bool,
    /// The only address from which somebody may listen for calls.
    listeners_from: Option<IpAddr>,
    tokens_last: bool,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    draining: Option<Draining>,
    challenges: Challenges,
}

impl Hub {
    pub(crate) fn new(config: &mut Config, metrics: Arc<Metrics>, health: Arc<Health>) -> Self {
        let (store, shared) = (config.store.take(), config.shared.take());
        let clock = Clock::new();
        let seed = store.as_ref().map(|store| &store.seed).or(shared.as_ref().map(|shared| &shared.seed));
        let tokens_last = seed.is_some();
        let keys = Keys::new(&seed.cloned().unwrap_or_else(Seed::random));
        let mut house = House::new(&config.limits, keys.salt());
        let writer = store.map(|store| {
            house.restore(store.rooms, now(&clock));
            store.writer
        });
        Self {
            house,
            log: Log::new(shared),
            clock,
            connections: HashMap::new(),
            limits: config.limits,
            keys,
            turn: Turn::new(config.ice_servers.clone(), config.turn_secret.clone()),
            writer,
            anyone_may_create: config.anyone_may_create,
            listeners_from: (!config.anyone_may_listen).then(|| config.listen.ip()),
            tokens_last,
            metrics,
            health,
            draining: None,
            challenges: Challenges::default(),
        }
    }

    /// Until the server is dropped.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<Event>, mut running: watch::Receiver<()>) {
        let mut answers = self.writer.as_mut().and_then(|writer| writer.answers.take());
        let mut entries = self.log.entries();
        loop {
            let wake = self.wake();
            let timer = async {
                match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.recv(), if self.log.has_room() => match event {
                    Some(event) => self.handle(event, now(&self.clock)),
                    None => return,
                },
                entry = shared::next(&mut entries) => match entry {
                    Some(entry) => self.on_entry(entry),
                    None => return,
                },
                Some(answer) = written(&mut answers) => self.written(answer),
                () = timer => self.on_timer(now(&self.clock)),
                _ = running.changed() => return,
            }
        }
    }

    fn handle(&mut self, event: Event, now: Now) {
        match event {
            // Of a house that is not there nobody can be told anything: whoever is let go of tries again.
            Event::Connected { .. } if self.log.is_away() => {}
            Event::Connected { id, outgoing } => drop(self.connections.insert(id, outgoing)),
            Event::Message { id, address, message } => {
                if self.connections.contains_key(&id) {
                    self.metrics.messages.fetch_add(1, Relaxed);
                    self.message(id, address, message, now);
                }
            }
            Event::Offended { id, reason } => self.propose_wish(id, Wish::Refuse(reason), Private::Nothing, now),
            Event::Gone { id, keep } => {
                self.connections.remove(&id);
                self.challenges.forget(id);
                self.gone(id, keep, now);
            }
            Event::CreateRoom { reply } => self.create_room(reply, now),
            Event::Count { reply } => {
                // Whoever asked may have given up.
                let (rooms, listeners) = (self.house.count(), self.house.listeners());
                let _ = reply.send(Census { rooms, listeners, connections: self.connections.len() });
            }
            Event::Drain { done } => self.drain(done, now),
        }
    }

    fn message(&mut self, id: Number, address: IpAddr, message: ClientMessage, now: Now) {
        match &message {
            ClientMessage::Ping => return self.send(id, &ServerMessage::Pong),
            ClientMessage::Chat { .. } => drop(self.metrics.chats.fetch_add(1, Relaxed)),
            ClientMessage::Listen { .. } | ClientMessage::Prove { .. } => {
                return self.introduced(id, address, &message, now);
            }
            _ => {}
        }
        let closed = self.draining.is_some();
        let terms = Terms { anyone_may_create: self.anyone_may_create, closed, tokens_last: self.tokens_last };
        let (wish, secret) = wish::read(message, address, &self.keys, terms, now.unix);
        self.propose_wish(id, wish, secret.map_or(Private::Nothing, Private::Secret), now);
    }

    fn create_room(&mut self, reply: oneshot::Sender<Result<Opened, Refusal>>, now: Now) {
        match wish::room(RoomOptions::default(), &self.keys) {
            Ok((new, host_key)) => {
                let opened = Opened { room: new.id.clone(), host_key };
                self.propose(Change::Open(new), Private::Opened(reply, opened), now);
            }
            // Whoever asked may have given up.
            Err(reason) => drop(reply.send(Err(reason))),
        }
    }

    fn gone(&mut self, id: Number, keep: Duration, now: Now) {
        let from = self.log.connection(id);
        self.propose(Change::Gone { from, keep: keep.as_secs() }, Private::Nothing, now);
    }

    fn propose_wish(&mut self, id: Number, wish: Wish, private: Private, now: Now) {
        let from = self.log.connection(id);
        self.propose(Change::Wish { from, wish }, private, now);
    }

    /// Makes the change, or has it made when it comes out of the log.
    fn propose(&mut self, change: Change, private: Private, now: Now) {
        if let Some((change, private)) = self.log.propose(change, private) {
            self.make(change, private, now);
        }
    }

    /// `private`: if it was proposed here.
    fn make(&mut self, change: Change, private: Private, now: Now) {
        let joins = matches!(change, Change::Wish { wish: Wish::Join { .. }, .. });
        let opens = matches!(change, Change::Open(_) | Change::Wish { wish: Wish::Create { .. }, .. })
            && !matches!(private, Private::Nothing);
        let ours = match &change {
            Change::Wish { from, .. } => self.log.is_ours(*from),
            _ => false,
        };
        let done = self.house.apply(change, now);
        if done.is_ok() && joins && ours {
            self.metrics.joins.fetch_add(1, Relaxed);
        }
        if done.is_ok() && opens {
            tracing::info!(rooms = self.house.count().rooms, "room opened");
        }
        let secret = match private {
            Private::Secret(secret) => Some(secret),
            Private::Opened(reply, opened) => {
                // Whoever asked may have given up.
                let _ = reply.send(done.map(|()| opened));
                None
            }
            Private::Nothing => None,
        };
        self.deliver(secret, now);
        self.drained();
    }

    fn deliver(&mut self, secret: Option<String>, now: Now) {
        let mut slow = Vec::new();
        while let Some(output) = self.house.poll_output() {
            match output {
                Output::Send { to, message } => {
                    if self.log.is_ours(to) {
                        let message = with_secret(message, secret.as_ref());
                        slow.extend(self.tell(to.number(), &message));
                    }
                }
                Output::Token { to, grant, message } => {
                    if self.log.is_ours(to) {
                        let message = self.with_token(&grant, message, now);
                        slow.extend(self.tell(to.number(), &message));
                    }
                }
                Output::Keep { what, answer } => {
                    let answer = answer.map(|(to, message)| (to, with_secret(message, secret.as_ref())));
                    self.keep(what, answer);
                }
                // Without its sender the queue is written to the end, then the connection closes.
                Output::Close(id) => {
                    if self.log.is_ours(id) {
                        self.connections.remove(&id.number());
                    }
                }
            }
        }
        for id in slow {
            self.gone(id, RESUME, now);
        }
    }

    fn with_token(&self, grant: &Grant, mut message: ServerMessage, now: Now) -> ServerMessage {
        let token = self.keys.token(grant, now.unix);
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
        message
    }

    /// Without a store there is nothing to wait for; a shared log has kept it already.
    fn keep(&mut self, what: Vec<Kept>, answer: Option<(ConnectionId, ServerMessage)>) {
        let answer = answer.filter(|(to, _)| self.log.is_ours(*to));
        let Some(writer) = &self.writer else {
            if let Some((to, message)) = answer {
                self.send(to.number(), &message);
            }
            return;
        };
        let to = answer.as_ref().map(|(to, _)| *to);
        if !writer.write(Job { what, answer }) {
            tracing::warn!("the database is too slow, a change is not kept");
            if let Some(to) = to {
                self.send(to.number(), &ServerMessage::Declined { tag: None, reason: Decline::TooFast });
            }
        }
    }

    fn written(&mut self, (to, message): Answer) {
        let message = message.unwrap_or(ServerMessage::Declined { tag: None, reason: Decline::TooFast });
        self.send(to.number(), &message);
    }

    fn send(&mut self, to: Number, message: &ServerMessage) {
        if let Some(slow) = self.tell(to, message) {
            self.gone(slow, RESUME, now(&self.clock));
        }
    }

    /// Whoever reads too slowly to be told is let go of and named.
    fn tell(&mut self, to: Number, message: &ServerMessage) -> Option<Number> {
        let outgoing = self.connections.get(&to)?;
        let mut not_before = None;
        if let ServerMessage::Refused { reason } = message {
            tracing::debug!(?reason, "refused");
            self.metrics.refused(*reason);
            let late = matches!(reason, Refusal::RoomNotFound | Refusal::NotReachable);
            not_before = late.then(|| Instant::now() + REFUSED_AFTER);
        }
        let text = serde_json::to_string(message).expect("strings and numbers are always JSON");
        if outgoing.push(text, not_before).is_ok() {
            return None;
        }
        tracing::debug!("a participant reads too slowly and is dropped");
        self.metrics.slow.fetch_add(1, Relaxed);
        self.connections.remove(&to);
        Some(to)
    }
}

/// What only the one who asked is told, and only by the instance that was asked.
fn with_secret(mut message: ServerMessage, secret: Option<&String>) -> ServerMessage {
    if let (
        ServerMessage::Created { host_key: place, .. } | ServerMessage::InviteMade { code: place, .. },
        Some(secret),
    ) = (&mut message, secret)
    {
        place.clone_from(secret);
    }
    message
}

async fn written(answers: &mut Option<mpsc::Receiver<Answer>>) -> Option<Answer> {
    match answers {
        Some(answers) => answers.recv().await,
        None => std::future::pending().await,
    }
}

fn now(clock: &Clock) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    Now { at: clock.now(), unix: u32::try_from(unix).unwrap_or(u32::MAX) }
}

#[cfg(test)]
mod tests;
