//! The connection on which we can be called: made again when it breaks, for as long as it is wished for. One task; on the local
//! network it also says that we are there.

use std::collections::BTreeSet;
use std::time::Duration;

use fika_call::identity::{Identity, IdentityKey};
use fika_call::ring::presence::Presence;
use fika_call::ring::{CallId, Reach, proof};
use fika_call::signal::{ClientMessage, HEARTBEAT_SECONDS, PROTOCOL_VERSION, Sealed, ServerMessage};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::nearby::{Here, Publishing, until};
use crate::changes;
use crate::signal::{Patience, Socket, SocketError};
use crate::trust::Trust;

/// Before each attempt, from the first one after a connection on; the last one again and again. Nobody waits for it, and many
/// may try at once when a server comes back.
const DELAYS: [Duration; 6] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];
/// A connection that held for so long was a good one: the next attempts begin from the start. Two programs with one key would take
/// it from each other for ever else.
const STEADY: Duration = Duration::from_secs(30);
/// How long the server may take to take us in.
const PATIENCE: Duration = Duration::from_secs(10);
const BEAT: Duration = Duration::from_secs(HEARTBEAT_SECONDS);
/// The server says something at least every heartbeat.
const SILENCE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS);

pub(super) enum Came {
    Reach(Reach),
    Call {
        call: CallId,
        payload: Sealed,
    },
    Ended(CallId),
    /// All who can be called now, of those to whom we show ourselves.
    Present(BTreeSet<IdentityKey>),
}

/// What we say to a call.
pub(super) struct Answer {
    pub(super) call: CallId,
    pub(super) payload: Sealed,
    /// The caller hangs up when it has come.
    pub(super) last: bool,
}

/// Where we can be called.
#[derive(Clone)]
pub(super) enum At {
    Server(url::Url),
    /// At our own server, on the local network.
    Here(Here),
}

pub(super) struct Listener {
    pub(super) at: At,
    pub(super) identity: Identity,
    pub(super) trust: Trust,
    pub(super) told: mpsc::Sender<Came>,
    pub(super) answers: mpsc::Receiver<Answer>,
    /// To whom we show ourselves.
    pub(super) shows: watch::Receiver<BTreeSet<IdentityKey>>,
    /// Counts up when this computer gets or loses an address.
    pub(super) changes: watch::Receiver<u32>,
}

impl Listener {
    /// Until it is dropped, or no answers can come any more.
    pub(super) async fn run(mut self) {
        let mut attempt = 0;
        loop {
            if let Ok((socket, presence, mut publishing)) = self.open().await {
                self.tell(Came::Reach(Reach::On)).await;
                let began = Instant::now();
                let published = async {
                    match &mut publishing {
                        Some(publishing) => publishing.run().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = self.serve(socket, presence) => {}
                    () = published => {}
                }
                if self.answers.is_closed() {
                    return;
                }
                self.tell(Came::Reach(Reach::Connecting)).await;
                if began.elapsed() > STEADY {
                    attempt = 0;
                }
            } else if attempt > 0 {
                self.tell(Came::Reach(Reach::Failed)).await;
            }
            let delay = DELAYS[attempt.min(DELAYS.len() - 1)];
            attempt += 1;
            tokio::select! {
                () = sleep(delay) => {}
                // Another network: now it may work.
                () = changes::next(&mut self.changes) => attempt = 0,
            }
        }
    }

    async fn open(&self) -> Result<(Socket, Presence, Option<Publishing>), SocketError> {
        let open = async {
            let here = match &self.at {
                At::Server(server) => {
                    let (socket, presence) = self.listen(server).await?;
                    return Ok((socket, presence, None));
                }
                At::Here(here) => here().await.ok_or(SocketError::Gone)?,
            };
            let (socket, presence) = self.listen(&super::root(here.address)).await?;
            // Found only when we can be called.
            let publishing = Publishing::open(self.identity.public(), here).await;
            Ok((socket, presence, Some(publishing.map_err(|_| SocketError::Gone)?)))
        };
        timeout(PATIENCE, open).await.unwrap_or(Err(SocketError::Gone))
    }

    async fn listen(&self, server: &url::Url) -> Result<(Socket, Presence), SocketError> {
        let mut socket = Socket::open(server, &self.trust, Patience::Usual).await?;
        let key = self.identity.public().to_string();
        socket.send(&ClientMessage::Listen { version: PROTOCOL_VERSION, key }).await?;
        loop {
            match socket.receive().await? {
                ServerMessage::Challenge { nonce } => {
                    let signature = proof(&self.identity, &nonce);
                    socket.send(&ClientMessage::Prove { signature }).await?;
                }
                ServerMessage::Listening { presence } => return Ok((socket, Presence::at(presence))),
                ServerMessage::Pong => {}
                _ => return Err(SocketError::Nonsense),
            }
        }
    }

    /// Until the connection breaks, or no answers can come any more and the last ones have come to the callers: a server of our own ends
    /// with us.
    async fn serve(&mut self, mut socket: Socket, mut presence: Presence) {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        // Answers to calls of an earlier connection.
        while self.answers.try_recv().is_ok() {}
        let mut ringing: Vec<CallId> = Vec::new();
        let (mut answered, mut closing): (Vec<CallId>, bool) = (Vec::new(), false);
        presence.show(self.shows.borrow_and_update().clone());
        let mut present = BTreeSet::new();
        loop {
            if present != *presence.here() {
                present.clone_from(presence.here());
                self.tell(Came::Present(present.clone())).await;
            }
            let now = Instant::now().into_std();
            if let Some(keys) = presence.poll_list(now)
                && socket.send(&ClientMessage::Show { keys }).await.is_err()
            {
                break;
            }
            if closing && answered.is_empty() {
                let _ = socket.send(&ClientMessage::Leave).await;
                return socket.close().await;
            }
            let done = tokio::select! {
                message = socket.receive() => {
                    heard = Instant::now();
                    match message {
                        Ok(ServerMessage::Ringing { call, payload }) => {
                            ringing.push(call.clone());
                            self.tell(Came::Call { call, payload }).await;
                            Ok(())
                        }
                        Ok(ServerMessage::RingEnded { call }) => {
                            ringing.retain(|ours| *ours != call);
                            answered.retain(|ours| *ours != call);
                            self.tell(Came::Ended(call)).await;
                            Ok(())
                        }
                        Ok(ServerMessage::Present { keys, here }) => {
                            presence.told(&keys, here);
                            Ok(())
                        }
                        Ok(ServerMessage::Refused { .. }) => Err(SocketError::Gone),
                        Ok(_) => Ok(()),
                        Err(error) => Err(error),
                    }
                }
                answer = self.answers.recv(), if !closing => match answer {
                    Some(Answer { call, payload, last }) => {
                        if last && ringing.contains(&call) {
                            answered.push(call.clone());
                        }
                        socket.send(&ClientMessage::AnswerRing { call, payload }).await
                    }
                    None => {
                        closing = true;
                        Ok(())
                    }
                },
                Ok(()) = self.shows.changed() => {
                    presence.show(self.shows.borrow_and_update().clone());
                    Ok(())
                }
                () = until(presence.poll_timeout(now)) => Ok(()),
                () = changes::next(&mut self.changes) => Err(SocketError::Gone),
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE { Err(SocketError::Gone) } else { socket.send(&ClientMessage::Ping).await }
                }
            };
            if done.is_err() {
                break;
            }
        }
        if !present.is_empty() {
            self.tell(Came::Present(BTreeSet::new())).await;
        }
        // The server has ended them for their callers.
        for call in ringing {
            self.tell(Came::Ended(call)).await;
        }
    }

    async fn tell(&self, came: Came) {
        let _ = self.told.send(came).await;
    }
}
