//! A call that goes out: at the first server where its callee listens, and beside that on the local network. The call lasts as long as its
//! task; each way is a task of its own, and tells through [`HEARD_QUEUE`]; full: it waits.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use fika_call::identity::IdentityKey;
use fika_call::ring::ways::{Heard, Turn, Way, Ways};
use fika_call::ring::{CallId, Calling, LineEvent, MAX_SERVERS};
use fika_call::signal::{ClientMessage, HEARTBEAT_SECONDS, PROTOCOL_VERSION, Refusal, Sealed, ServerMessage};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::Task;
use super::nearby::{Here, Search};
use crate::signal::{Patience, Socket, SocketError};
use crate::trust::Trust;

const HEARD_QUEUE: usize = 16;
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

/// Where somebody is looked for.
pub(super) struct Places {
    pub(super) servers: Vec<url::Url>,
    /// On the local network too.
    pub(super) here: Option<Here>,
}

enum Came {
    Heard(Heard),
    Found(SocketAddrV4),
}

enum End {
    NotHere,
    /// The call has ended there.
    Gone,
    Broken,
}

pub(super) async fn run(what: What, places: Places, trust: Trust, told: mpsc::Sender<LineEvent>) {
    let (heard, mut hears) = mpsc::channel(HEARD_QUEUE);
    let call = what.call.clone();
    let caller = Arc::new(Caller { what, trust, heard });
    let (mut ways, mut tasks) = (Ways::default(), BTreeMap::new());
    let Places { servers, here } = places;
    if let Some(here) = here.filter(|_| ways.open(Way::Look)) {
        let caller = Arc::clone(&caller);
        tasks.insert(Way::Look, spawn(async move { caller.look(&here).await }));
    }
    if ways.open(Way::Servers) {
        let caller = Arc::clone(&caller);
        tasks.insert(Way::Servers, spawn(async move { caller.at_servers(&servers).await }));
    }
    while let Some((way, came)) = hears.recv().await {
        let heard = match came {
            Came::Heard(heard) => heard,
            Came::Found(place) => {
                let way = Way::Nearby(place);
                if ways.open(way) {
                    let caller = Arc::clone(&caller);
                    tasks.insert(way, spawn(async move { caller.at_place(place).await }));
                }
                continue;
            }
        };
        let (news, over) = match ways.heard(way, heard) {
            Turn::Wait => continue,
            Turn::Tell(news) => (news, false),
            Turn::Over(news) => (news, true),
        };
        tasks.retain(|of, _| *of == way);
        let _ = told.send(LineEvent::News { call: call.clone(), news }).await;
        if over {
            return;
        }
    }
}

fn spawn(way: impl Future<Output = ()> + Send + 'static) -> Task {
    Task(tokio::spawn(way))
}

struct Caller {
    what: What,
    trust: Trust,
    heard: mpsc::Sender<(Way, Came)>,
}

impl Caller {
    async fn look(&self, here: &Here) {
        if let Some(mut search) = Search::open(&self.what.to, here).await {
            while let Some(place) = search.next().await {
                self.tell(Way::Look, Came::Found(place)).await;
            }
        }
        self.tell(Way::Look, Came::Heard(Heard::NotHere)).await;
    }

    async fn at_servers(&self, servers: &[url::Url]) {
        // Where one says that they are not there, and another is away, they may be at that one.
        let mut broken = false;
        for server in servers.iter().take(MAX_SERVERS) {
            match self.at(server, Way::Servers).await {
                End::Gone => {
                    broken = false;
                    break;
                }
                End::NotHere => {}
                End::Broken => broken = true,
            }
        }
        let heard = if broken { Heard::Broken } else { Heard::NotHere };
        self.tell(Way::Servers, Came::Heard(heard)).await;
    }

    async fn at_place(&self, place: SocketAddrV4) {
        let server = super::root(place.into());
        let end = self.at(&server, Way::Nearby(place)).await;
        let heard = if matches!(end, End::Broken) { Heard::Broken } else { Heard::NotHere };
        self.tell(Way::Nearby(place), Came::Heard(heard)).await;
    }

    async fn at(&self, server: &url::Url, way: Way) -> End {
        let What { call, to, payload, calling } = &self.what;
        let open = async {
            let mut socket = Socket::open(server, &self.trust, Patience::Usual).await?;
            let (call, payload) = (call.clone(), payload.clone());
            socket.send(&ClientMessage::Ring { version: PROTOCOL_VERSION, to: to.to_string(), call, payload }).await?;
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
                        Ok(ServerMessage::RingAnswered { call: of, payload }) if of == *call => {
                            match calling.open(&payload) {
                                Ok(reply) => {
                                    answered = true;
                                    self.tell(way, Came::Heard(Heard::Reply(reply))).await;
                                }
                                Err(error) => tracing::debug!(%error, "an answer is not understood"),
                            }
                        }
                        Ok(ServerMessage::RingEnded { .. }) => return End::Gone,
                        Ok(ServerMessage::Refused { reason: Refusal::NotReachable }) => return End::NotHere,
                        Ok(ServerMessage::Refused { .. }) => return End::Broken,
                        Ok(_) => {}
                        // It has rung there: elsewhere it would ring twice.
                        Err(_) if answered => return End::Gone,
                        Err(_) => return End::Broken,
                    }
                }
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE || socket.send(&ClientMessage::Ping).await.is_err() {
                        return if answered { End::Gone } else { End::Broken };
                    }
                }
            }
        }
    }

    async fn tell(&self, way: Way, came: Came) {
        let _ = self.heard.send((way, came)).await;
    }
}
