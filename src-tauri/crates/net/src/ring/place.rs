//! A call that goes out: at the first server where its callee listens. The call lasts as long as its task.

use std::time::Duration;

use fika_call::identity::IdentityKey;
use fika_call::ring::{CallId, Calling, LineEvent, MAX_SERVERS, News};
use fika_call::signal::{ClientMessage, HEARTBEAT_SECONDS, PROTOCOL_VERSION, Refusal, Sealed, ServerMessage};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::signal::{Patience, Socket, SocketError};
use crate::trust::Trust;

/// How long one server is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
const BEAT: Duration = Duration::from_secs(HEARTBEAT_SECONDS);
const SILENCE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS);

pub(super) struct What {
    pub(super) call: CallId,
    pub(super) to: IdentityKey,
    pub(super) payload: Sealed,
    pub(super) calling: Calling,
}

enum End {
    /// Over, and told.
    Over,
    NotHere,
    Broken,
}

pub(super) async fn run(what: What, servers: Vec<url::Url>, trust: Trust, told: mpsc::Sender<LineEvent>) {
    // Where one says that they are not there, and another is away, they may be at that one.
    let mut broken = servers.is_empty();
    for server in servers.iter().take(MAX_SERVERS) {
        match at(&what, server, &trust, &told).await {
            End::Over => return,
            End::NotHere => {}
            End::Broken => broken = true,
        }
    }
    let call = what.call.clone();
    let _ = told.send(LineEvent::News { call, news: if broken { News::Failed } else { News::Unreachable } }).await;
}

async fn at(what: &What, server: &url::Url, trust: &Trust, told: &mpsc::Sender<LineEvent>) -> End {
    let open = async {
        let mut socket = Socket::open(server, trust, Patience::Usual).await?;
        let What { call, to, payload, .. } = what;
        let ring = ClientMessage::Ring {
            version: PROTOCOL_VERSION,
            to: to.to_string(),
            call: call.clone(),
            payload: payload.clone(),
        };
        socket.send(&ring).await?;
        Ok::<_, SocketError>(socket)
    };
    let Ok(Ok(mut socket)) = timeout(PATIENCE, open).await else { return End::Broken };
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut heard, mut answered) = (Instant::now(), false);
    loop {
        tokio::select! {
            message = socket.receive() => {
                heard = Instant::now();
                match message {
                    Ok(ServerMessage::RingAnswered { call, payload }) if call == what.call => {
                        match what.calling.open(&payload) {
                            Ok(reply) => {
                                answered = true;
                                let _ = told.send(LineEvent::News { call, news: News::Reply(reply) }).await;
                            }
                            Err(error) => tracing::debug!(%error, "an answer is not understood"),
                        }
                    }
                    Ok(ServerMessage::RingEnded { .. }) => return gone(what, told).await,
                    Ok(ServerMessage::Refused { reason: Refusal::NotReachable }) => return End::NotHere,
                    Ok(ServerMessage::Refused { .. }) => return End::Broken,
                    Ok(_) => {}
                    // It has rung there: elsewhere it would ring twice.
                    Err(_) if answered => return gone(what, told).await,
                    Err(_) => return End::Broken,
                }
            }
            _ = beat.tick() => {
                if heard.elapsed() > SILENCE || socket.send(&ClientMessage::Ping).await.is_err() {
                    return if answered { gone(what, told).await } else { End::Broken };
                }
            }
        }
    }
}

/// Their line broke while it rang.
async fn gone(what: &What, told: &mpsc::Sender<LineEvent>) -> End {
    let _ = told.send(LineEvent::News { call: what.call.clone(), news: News::Unreachable }).await;
    End::Over
}
