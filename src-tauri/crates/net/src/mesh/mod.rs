//! A call of everybody with everybody: one connection to each other participant of the room.
//!
//! [`connect`] starts the session's actor, one tokio task that owns the room's state; signalling, the distribution of our
//! frames and each peer have tasks of their own, all reached through bounded queues. The actor never waits for a peer.

mod distribute;
mod post;
mod room;
mod together;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use fika_call::identity::Identity;
use fika_call::session::{CloseReason, Request, SessionCommand, SessionEvent};
use fika_media::Clock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::changes;
use crate::clock::SessionClock;
use crate::peer::Post;
use crate::session::{self, Ends, Session};
use crate::signal::{self, FromServer, ToServer};
use crate::trust::Trust;
use room::{Outputs, Room};

/// Between the actor and the signalling task, each way. Full: what comes from the server waits there; what goes to it is
/// lost, and the peers concerned begin again.
const SIGNAL_QUEUE: usize = 64;
/// Full: the peers wait.
const NEWS_QUEUE: usize = 256;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the server is told that we leave; it finds out by itself too.
const PART_TIMEOUT: Duration = Duration::from_millis(500);

/// Where the sockets of media are bound, and whom we believe to be the server. A measurement or a test binds to one interface, or
/// to this machine alone.
#[derive(Clone, Debug)]
pub struct Network {
    /// Empty: every interface.
    pub addresses: Vec<SocketAddr>,
    /// Ask the local network for the addresses that browsers hide behind a `.local` name.
    pub multicast: bool,
    pub trust: Trust,
}

impl Default for Network {
    fn default() -> Self {
        Self { addresses: Vec::new(), multicast: true, trust: Trust::default() }
    }
}

impl Network {
    /// Only through these addresses.
    pub fn only(addresses: Vec<SocketAddr>) -> Self {
        Self { addresses, multicast: false, trust: Trust::default() }
    }
}

/// Takes a seat in the room and connects to everybody in it. Returns at once; must be called inside a tokio runtime.
///
/// `identity`: what we vouch with for our certificates, as soon as its keychain gives it; `None`: nothing, so nobody can
/// verify us. The server is reached meanwhile, peers are met after it.
pub fn connect(
    request: Request,
    network: Network,
    identity: impl Future<Output = Option<Identity>> + Send + 'static,
    clock: Clock,
) -> Session {
    let (session, ends) = session::channels();
    tokio::spawn(run(request, network, identity, SessionClock::new(&clock), ends));
    session
}

async fn run(
    request: Request,
    network: Network,
    identity: impl Future<Output = Option<Identity>>,
    clock: SessionClock,
    ends: Ends,
) {
    let Ends { mut commands, events, tracks, video, audio, data, arrived } = ends;
    let (to_server, server_inbox) = mpsc::channel(SIGNAL_QUEUE);
    let (server_outbox, mut from_server) = mpsc::channel(SIGNAL_QUEUE);
    let (news, mut from_peers) = mpsc::channel(NEWS_QUEUE);
    let (sinks, sinks_end) = mpsc::channel(SIGNAL_QUEUE);
    let (pressed, mut distribution) = mpsc::channel(1);
    let (media, media_end) = watch::channel(request.media);
    let mut services = JoinSet::new();
    let (changes, mut changes_end) = watch::channel(0);
    if network.addresses.is_empty() {
        services.spawn(changes::run(changes));
    }
    let (trust, changed) = (network.trust.clone(), changes_end.clone());
    services.spawn(signal::run(request.clone(), trust, media_end, changed, server_inbox, server_outbox));
    services.spawn(distribute::run(video, audio, sinks_end, pressed));
    let (lines, lines_end) = mpsc::channel(SIGNAL_QUEUE);
    services.spawn(post::run(data, lines_end));
    let post = Post { arrived, lines };
    let outputs = Outputs { events, tracks, sinks, post, news, to_server, media };
    let mut room = Room::new(request, network, identity.await, clock, outputs);
    let reason = loop {
        let due = room.keyframes.poll_timeout();
        tokio::select! {
            command = commands.recv() => match command {
                Some(SessionCommand::Leave) | None => break CloseReason::Left,
                Some(command) => room.on_command(command).await,
            },
            message = from_server.recv() => match message {
                Some(FromServer::Closed(reason)) => break reason,
                Some(message) => room.on_server(message).await,
                None => break CloseReason::Lost,
            },
            Some(news) = from_peers.recv() => room.on_peer(news).await,
            Some(()) = distribution.recv() => room.request_keyframe().await,
            () = changes::next(&mut changes_end) => room.on_network_changed(),
            Some(ended) = room.tasks.join_next() => room.on_ended(ended).await,
            () = async { sleep_until(room.clock.instant(due.unwrap_or_default()).into()).await }, if due.is_some() => {
                room.on_keyframe_due().await;
            }
        }
        if room.outputs.events.is_closed() {
            break CloseReason::Left;
        }
    };
    // Peers that have something to say must not wait for this task, which waits for them.
    from_peers.close();
    let _ = room.outputs.to_server.try_send(ToServer::Leave);
    if timeout(CLOSE_TIMEOUT, room.close_peers()).await.is_err() {
        tracing::debug!("a peer does not close in time");
    }
    let parted = async { while !matches!(from_server.recv().await, Some(FromServer::Closed(_)) | None) {} };
    if timeout(PART_TIMEOUT, parted).await.is_err() {
        tracing::debug!("the server does not hear that we leave");
    }
    room.tasks.shutdown().await;
    services.shutdown().await;
    room.tell(SessionEvent::Closed(reason)).await;
}
