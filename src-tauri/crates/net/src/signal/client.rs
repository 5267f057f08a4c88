//! Keeps a seat in a room: joins, beats, comes back after a loss with the same seat where the server still has it.
//!
//! When the addresses of this computer change, the connection is opened anew at once: the old one would only fall silent.
//!
//! One tokio task. Messages to the server wait in its bounded queue while the connection is away; media goes on without.

mod back;

use std::time::{Duration, Instant};

use fika_call::ParticipantId;
use fika_call::session::{CloseReason, Request, SignalState};
use fika_call::signal::{
    ClientMessage, HEARTBEAT_SECONDS, IceServer, MediaState, PROTOCOL_VERSION, ParticipantInfo, Refusal, Sealed,
    ServerMessage,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::backoff::Backoff;
use super::memory::Memory;
use super::socket::{Patience, Socket, SocketError};
use super::unanswered::Unanswered;
use crate::changes;
use crate::trust::Trust;

const HEARTBEAT: Duration = Duration::from_secs(HEARTBEAT_SECONDS);
/// Silence after which the connection counts as gone.
const SILENCE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS);
const OPEN_TIMEOUT: Duration = Duration::from_secs(8);
/// How long the server may take to answer once nothing comes from a peer any more.
const DOUBT: Duration = Duration::from_secs(2);
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum ToServer {
    Signal {
        to: ParticipantId,
        payload: Sealed,
    },
    /// Anything else of the room.
    Room(ClientMessage),
    /// Try now.
    Reconnect,
    /// A peer has fallen silent: perhaps it is our network.
    Doubt,
    Leave,
}

#[derive(Debug)]
pub(crate) enum FromServer {
    Joined {
        you: ParticipantId,
        participants: Vec<ParticipantInfo>,
        ice_servers: Vec<IceServer>,
    },
    /// In place of those before.
    IceServers(Vec<IceServer>),
    ParticipantJoined(ParticipantInfo),
    ParticipantChanged(ParticipantInfo),
    ParticipantLeft(ParticipantId),
    Signal {
        from: ParticipantId,
        payload: Sealed,
    },
    State(SignalState),
    /// Before the door.
    Waiting {
        host: Option<String>,
    },
    /// Of the room, whatever is not named here.
    Room(ServerMessage),
    /// This chat message was not sent.
    ChatLost {
        tag: u32,
    },
    /// The last one.
    Closed(CloseReason),
}

struct Client {
    request: Request,
    trust: Trust,
    /// What we let others see and hear now.
    media: watch::Receiver<MediaState>,
    inbox: mpsc::Receiver<ToServer>,
    outbox: mpsc::Sender<FromServer>,
    /// Counts changes of the network.
    changes: watch::Receiver<u32>,
    backoff: Backoff,
    resume: Option<String>,
    memory: Memory,
    unanswered: Unanswered,
    /// The server has forgotten the room, and we have its key.
    forgotten: bool,
    /// Since it was there last, we have tried at once to open it again.
    hurried: bool,
}

enum End {
    /// Try again.
    Gone,
    Closed(CloseReason),
}

pub(crate) async fn run(
    request: Request,
    trust: Trust,
    media: watch::Receiver<MediaState>,
    changes: watch::Receiver<u32>,
    inbox: mpsc::Receiver<ToServer>,
    outbox: mpsc::Sender<FromServer>,
) {
    let outgoing = outbox.clone();
    let mut client = Client {
        request,
        trust,
        media,
        inbox,
        outbox,
        changes,
        backoff: Backoff::new(),
        resume: None,
        memory: Memory::default(),
        unanswered: Unanswered::default(),
        forgotten: false,
        hurried: false,
    };
    let reason = client.run().await;
    let _ = outgoing.send(FromServer::Closed(reason)).await;
}

impl Client {
    async fn run(&mut self) -> CloseReason {
        loop {
            let Some(delay) = self.backoff.next(Instant::now()) else {
                return if self.backoff.held() { CloseReason::Lost } else { CloseReason::ServerUnreachable };
            };
            if let Some(reason) = self.wait(delay).await {
                return reason;
            }
            match self.attempt().await {
                End::Closed(reason) => return reason,
                End::Gone if self.backoff.held() => self.tell(FromServer::State(SignalState::Reconnecting)).await,
                End::Gone => {}
            }
        }
    }

    /// Waits, but not when somebody leaves or is impatient.
    async fn wait(&mut self, delay: Duration) -> Option<CloseReason> {
        if delay.is_zero() {
            return None;
        }
        let pause = sleep(delay);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return None,
                () = changes::next(&mut self.changes) => {
                    self.backoff.hurry();
                    return None;
                }
                message = self.inbox.recv() => match message {
                    None | Some(ToServer::Leave) => return Some(CloseReason::Left),
                    Some(ToServer::Reconnect) => {
                        self.backoff.hurry();
                        return None;
                    }
                    Some(ToServer::Doubt) => {
                        self.backoff.is_ours();
                        return None;
                    }
                    Some(ToServer::Room(ClientMessage::Chat { tag, .. })) => {
                        self.tell(FromServer::ChatLost { tag }).await;
                    }
                    Some(ToServer::Room(ClientMessage::SetName { name })) => self.request.name = name,
                    // A peer that waits for it begins again; a person too.
                    Some(ToServer::Signal { .. } | ToServer::Room(_)) => {}
                },
            }
        }
    }

    async fn attempt(&mut self) -> End {
        self.changes.mark_unchanged();
        let mut changes = self.changes.clone();
        let joined = tokio::select! {
            joined = timeout(OPEN_TIMEOUT, self.join()) => joined,
            // What is being opened goes through a network that is gone.
            () = changes::next(&mut changes) => {
                self.backoff.hurry();
                return End::Gone;
            }
        };
        let mut socket = match joined {
            Ok(Ok(socket)) => socket,
            Ok(Err(end)) => return end,
            Err(_) => return End::Gone,
        };
        let end = self.stay(&mut socket).await;
        if matches!(end, End::Closed(CloseReason::Left)) {
            let _ = timeout(LEAVE_TIMEOUT, async {
                let _ = socket.send(&ClientMessage::Leave).await;
                socket.close().await;
            })
            .await;
        }
        end
    }

    async fn join(&mut self) -> Result<Socket, End> {
        let patience = if self.backoff.ours() { Patience::Short } else { Patience::Usual };
        let socket = Socket::open(&self.request.server, &self.trust, patience).await;
        let mut socket = socket.map_err(|error| self.refused_by_us(error))?;
        if std::mem::take(&mut self.forgotten) {
            self.open_again(&mut socket).await?;
        }
        let join = ClientMessage::Join {
            version: PROTOCOL_VERSION,
            room: self.request.room.clone(),
            name: self.request.name.clone(),
            media: *self.media.borrow_and_update(),
            resume: self.resume.clone(),
            entry: self.request.entry.clone(),
        };
        socket.send(&join).await.map_err(End::from)?;
        loop {
            let message = socket.receive().await.map_err(End::from)?;
            self.hear(&message).await;
            match message {
                ServerMessage::Joined { you, resume, participants, ice_servers } => {
                    self.resume = Some(resume);
                    self.hurried = false;
                    self.backoff.succeeded(true);
                    self.tell(FromServer::Joined { you, participants, ice_servers }).await;
                    self.tell(FromServer::State(SignalState::Connected)).await;
                    return Ok(socket);
                }
                ServerMessage::Waiting { resume, host, .. } => {
                    self.resume = Some(resume);
                    self.backoff.succeeded(false);
                    self.tell(FromServer::Waiting { host }).await;
                    self.tell(FromServer::State(SignalState::Connected)).await;
                    return Ok(socket);
                }
                // A server that has begun anew knows no room of before: its owner opens it again, and until then, or where
                // there is none, who is in the call goes on without it.
                ServerMessage::Refused { reason: Refusal::RoomNotFound } if self.backoff.seated() => {
                    self.forgotten = self.request.entry.host_key.is_some();
                    if self.forgotten && !std::mem::replace(&mut self.hurried, true) {
                        self.backoff.hurry();
                    }
                    return Err(End::Gone);
                }
                // Many come back at once.
                ServerMessage::Refused { reason: Refusal::TooManyRequests } if self.backoff.seated() => {
                    return Err(End::Gone);
                }
                ServerMessage::Refused { reason } => return Err(refused(reason)),
                ServerMessage::Pong => {}
                _ => return Err(End::Closed(CloseReason::Protocol)),
            }
        }
    }

    /// A seat is not given up because a network in between shows its own certificate for a while, or because the server has
    /// no place just now.
    fn refused_by_us(&self, error: SocketError) -> End {
        match error {
            SocketError::Certificate(_) | SocketError::TooManyRequests if self.backoff.held() => End::Gone,
            error => error.into(),
        }
    }

    async fn stay(&mut self, socket: &mut Socket) -> End {
        let mut beat = interval(HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut doubted: Option<tokio::time::Instant> = None;
        loop {
            let sent = tokio::select! {
                message = socket.receive() => {
                    heard = Instant::now();
                    doubted = None;
                    match message {
                        Ok(message) => match self.on_message(message).await {
                            Some(end) => return end,
                            None => Ok(()),
                        },
                        Err(error) => Err(error),
                    }
                }
                message = self.inbox.recv() => match message {
                    Some(ToServer::Signal { to, payload }) => socket.send(&ClientMessage::Signal { to, payload }).await,
                    Some(ToServer::Room(message)) => {
                        // Comes back under this name.
                        match &message {
                            ClientMessage::SetName { name } => self.request.name.clone_from(name),
                            ClientMessage::Chat { tag, .. } => self.unanswered.sent(*tag),
                            _ => {}
                        }
                        socket.send(&message).await
                    }
                    Some(ToServer::Reconnect) => Ok(()),
                    Some(ToServer::Doubt) => {
                        doubted.get_or_insert(tokio::time::Instant::now() + DOUBT);
                        socket.send(&ClientMessage::Ping).await
                    }
                    Some(ToServer::Leave) | None => return End::Closed(CloseReason::Left),
                },
                changed = self.media.changed() => match changed {
                    Ok(()) => {
                        let media = *self.media.borrow_and_update();
                        socket.send(&ClientMessage::SetMedia { media }).await
                    }
                    Err(_) => return End::Closed(CloseReason::Left),
                },
                () = changes::next(&mut self.changes) => return End::Gone,
                () = sleep_until(doubted.unwrap_or_else(tokio::time::Instant::now)), if doubted.is_some() => {
                    self.backoff.is_ours();
                    return End::Gone;
                }
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE {
                        return End::Gone;
                    }
                    socket.send(&ClientMessage::Ping).await
                }
            };
            if let Err(error) = sent {
                return self.last_words(socket).await.unwrap_or(error.into());
            }
        }
    }

    async fn on_message(&mut self, message: ServerMessage) -> Option<End> {
        self.hear(&message).await;
        let told = match message {
            ServerMessage::ParticipantJoined { participant } => FromServer::ParticipantJoined(participant),
            ServerMessage::ParticipantChanged { participant } => FromServer::ParticipantChanged(participant),
            ServerMessage::ParticipantLeft { participant } => FromServer::ParticipantLeft(participant),
            ServerMessage::Signal { from, payload } => FromServer::Signal { from, payload },
            ServerMessage::Pong => return None,
            ServerMessage::Refused { reason } => return Some(refused(reason)),
            ServerMessage::Token { resume, ice_servers } => {
                self.resume = Some(resume);
                if ice_servers.is_empty() {
                    return None;
                }
                FromServer::IceServers(ice_servers)
            }
            // Out before the door.
            ServerMessage::Waiting { resume, host, .. } => {
                self.resume = Some(resume);
                self.backoff.succeeded(false);
                FromServer::Waiting { host }
            }
            // Let in.
            ServerMessage::Joined { you, resume, participants, ice_servers } => {
                self.resume = Some(resume);
                self.backoff.succeeded(true);
                FromServer::Joined { you, participants, ice_servers }
            }
            ServerMessage::Created { .. } => return Some(End::Closed(CloseReason::Protocol)),
            message => FromServer::Room(message),
        };
        self.tell(told).await;
        None
    }

    async fn tell(&self, message: FromServer) {
        let _ = self.outbox.send(message).await;
    }
}

const fn refused(reason: Refusal) -> End {
    End::Closed(match reason {
        Refusal::RoomNotFound => CloseReason::RoomNotFound,
        Refusal::RoomFull => CloseReason::RoomFull,
        Refusal::TooManyRequests => CloseReason::TooManyRequests,
        Refusal::Version => CloseReason::Version,
        Refusal::BadMessage | Refusal::NotReachable => CloseReason::Protocol,
        Refusal::Denied => CloseReason::Denied,
        Refusal::Removed => CloseReason::Removed,
        Refusal::Ended => CloseReason::Ended,
    })
}

impl From<SocketError> for End {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::Certificate(fault) => Self::Closed(CloseReason::Certificate(fault)),
            SocketError::Gone => Self::Gone,
            SocketError::TooManyRequests => Self::Closed(CloseReason::TooManyRequests),
            SocketError::Nonsense => Self::Closed(CloseReason::Protocol),
        }
    }
}
