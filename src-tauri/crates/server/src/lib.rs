//! Fika's signalling server: rooms in memory, messages passed on unread, nothing stored.
//!
//! A library, so that the app can serve its own rooms on the local network ([`local`]), and a program. One tokio task
//! owns the rooms, each connection has a task of its own; every queue between them is bounded.

mod connection;
mod doors;
mod http;
mod hub;
pub mod limits;
pub mod local;
mod outgoing;
mod page;
mod random;
pub mod rooms;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fika_call::RoomId;
use fika_call::signal::{HEARTBEAT_SECONDS, IceServer, Refusal};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::limits::Rate;

#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Told to everybody who takes a seat.
    pub ice_servers: Vec<IceServer>,
    /// Off: only [`Server::create_room`] opens rooms.
    pub anyone_may_create: bool,
    /// Believe the last address of `X-Forwarded-For`. Only right when every request comes through a proxy that sets it.
    pub behind_proxy: bool,
    pub limits: Limits,
    /// Time between pings; three without an answer mean gone.
    pub heartbeat: Duration,
}

impl Config {
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            ice_servers: Vec::new(),
            anyone_may_create: true,
            behind_proxy: false,
            limits: Limits::default(),
            heartbeat: Duration::from_secs(HEARTBEAT_SECONDS),
        }
    }
}

/// What is refused beyond.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub rooms: usize,
    /// Open sockets in all.
    pub connections: usize,
    /// Open sockets of one address; not counted behind a proxy, where all have the same.
    pub connections_per_address: usize,
    /// Rooms opened from one address.
    pub creates: Rate,
    /// Attempts to join from one address.
    pub joins: Rate,
    /// Messages of one connection.
    pub messages: Rate,
    /// Bytes of one connection's messages.
    pub bytes: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rooms: 10_000,
            connections: 10_000,
            connections_per_address: 256,
            creates: Rate::per_minute(30, 30),
            joins: Rate::per_minute(120, 120),
            messages: Rate { per_second: 50.0, burst: 100.0 },
            bytes: Rate { per_second: 256.0 * 1024.0, burst: 1024.0 * 1024.0 },
        }
    }
}

/// Another address or port may work.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen there: {0}")]
pub struct BindError(#[from] std::io::Error);

/// A running server. Dropping it closes the door and every connection.
pub struct Server {
    local_addr: SocketAddr,
    hub: mpsc::Sender<hub::Event>,
    /// Dropped with the server: what its tasks wait for.
    _running: watch::Sender<()>,
}

impl Server {
    /// Starts to listen, inside the current tokio runtime.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        let listener = TcpListener::bind(config.listen).await?;
        let local_addr = listener.local_addr()?;
        let (running, stopped) = watch::channel(());
        let (hub, events) = mpsc::channel(hub::EVENTS);
        tokio::spawn(hub::Hub::new(&config).run(events, stopped.clone()));

        let Limits { connections, connections_per_address, messages, bytes, .. } = config.limits;
        let per_address = if config.behind_proxy { connections } else { connections_per_address };
        let doors = doors::Doors::new(listener, doors::Capacity { total: connections, per_address });
        let site = http::Site {
            hub: hub.clone(),
            rules: connection::Rules { heartbeat: config.heartbeat, messages, bytes },
            behind_proxy: config.behind_proxy,
            connections: Arc::default(),
        };
        let service = http::router(site).into_make_service_with_connect_info::<doors::Peer>();
        tokio::spawn(async move {
            let mut stopped = stopped;
            let serve = axum::serve(doors, service);
            tokio::select! {
                served = serve => if let Err(error) = served { tracing::error!(%error, "the server has stopped") },
                _ = stopped.changed() => {}
            }
        });
        Ok(Self { local_addr, hub, _running: running })
    }

    /// Where it listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Opens a room for the program that runs this server; only the number of rooms limits it.
    pub async fn create_room(&self) -> Result<RoomId, Refusal> {
        let (reply, room) = oneshot::channel();
        // The hub runs as long as the server.
        let _ = self.hub.send(hub::Event::CreateRoom { reply }).await;
        room.await.unwrap_or(Err(Refusal::TooManyRequests))
    }
}
