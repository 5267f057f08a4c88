//! Fika's signalling server: rooms in memory, messages passed on unread. Only rooms of a later day and their invites are
//! stored, if there is a [`store::Store`]. Several instances are one server if they write one log ([`redis`]).
//!
//! A library, so that the app can serve its own rooms on the local network ([`local`]), and a program. One tokio task
//! owns the rooms, each connection has a task of its own; every queue between them is bounded.

pub mod acme;
mod connection;
mod doors;
mod house;
mod http;
mod hub;
mod keys;
pub mod limits;
mod listening;
pub mod local;
pub mod log;
mod metrics;
pub mod moment;
mod outgoing;
mod page;
mod presence;
mod random;
pub mod redis;
pub mod rooms;
pub mod store;
pub mod tls;
pub mod turn;
mod wish;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fika_call::RoomId;
use fika_call::invite::HostKey;
use fika_call::signal::{HEARTBEAT_SECONDS, IceServer, Refusal};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::limits::Rate;
use crate::log::Shared;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::tls::{Identity, Tls, TlsDoors, TlsError};
use crate::turn::TurnSecret;

pub struct Config {
    pub listen: SocketAddr,
    /// Told to everybody who takes a seat.
    pub ice_servers: Vec<IceServer>,
    /// For credentials of each participant at the TURN servers that are named without a user.
    pub turn_secret: Option<TurnSecret>,
    /// Off: only [`Server::create_room`] opens rooms.
    pub anyone_may_create: bool,
    /// Off: only programs on this computer listen for calls here.
    pub anyone_may_listen: bool,
    /// Believe the last address of `X-Forwarded-For`. Only right when every request comes through a proxy that sets it.
    pub behind_proxy: bool,
    pub limits: Limits,
    /// `None`: nothing outlives the program.
    pub store: Option<Store>,
    /// In place of a store: other instances are the same server.
    pub shared: Option<Shared>,
    /// `None`: a proxy speaks TLS, or nobody does.
    pub tls: Option<Tls>,
    /// Where metrics are told; not for the public.
    pub metrics: Option<SocketAddr>,
    /// Time between pings; three without an answer mean gone.
    pub heartbeat: Duration,
}

impl Config {
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            ice_servers: Vec::new(),
            turn_secret: None,
            anyone_may_create: true,
            anyone_may_listen: true,
            behind_proxy: false,
            limits: Limits::default(),
            store: None,
            shared: None,
            tls: None,
            metrics: None,
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
    /// Calls that somebody is to hear ring, from one address.
    pub rings: Rate,
    /// Wrong passcodes, invites, keys and rooms of one address.
    pub guesses: Rate,
    /// Wrong passcodes, invites and keys at one room.
    pub guesses_at_room: Rate,
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
            rings: Rate::per_minute(30, 30),
            guesses: Rate::per_minute(6, 12),
            guesses_at_room: Rate::per_minute(30, 60),
            messages: Rate { per_second: 50.0, burst: 100.0 },
            bytes: Rate { per_second: 256.0 * 1024.0, burst: 1024.0 * 1024.0 },
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another address or port may work.
    #[error("cannot listen there: {0}")]
    Listen(#[from] std::io::Error),
    /// Check the files.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A room that was opened, and what makes its bearer the host.
#[derive(Clone, Debug)]
pub struct Opened {
    pub room: RoomId,
    pub host_key: HostKey,
}

/// What health checks ask for.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Nobody new is let in.
    pub(crate) draining: AtomicBool,
    /// The log that is shared cannot be reached.
    pub(crate) away: AtomicBool,
}

/// A running server. Dropping it closes the door and every connection.
pub struct Server {
    local_addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    health: Arc<Health>,
    /// Others are the same server.
    shared: bool,
    /// Listens until something is said here.
    listening: watch::Sender<()>,
    hub: mpsc::Sender<hub::Event>,
    /// Dropped with the server: what its tasks wait for.
    _running: watch::Sender<()>,
}

impl Server {
    /// Starts to listen, inside the current tokio runtime.
    pub async fn bind(mut config: Config) -> Result<Self, BindError> {
        let listener = TcpListener::bind(config.listen).await?;
        let local_addr = listener.local_addr()?;
        let (running, stopped) = watch::channel(());
        let (hub, events) = mpsc::channel(hub::EVENTS);
        let identity = config.tls.as_ref().map(Identity::new).transpose()?;
        let metrics = Arc::new(Metrics::default());
        let mut metrics_addr = None;
        if let Some(address) = config.metrics {
            let listener = TcpListener::bind(address).await?;
            metrics_addr = Some(listener.local_addr()?);
            serve(listener, http::metrics_router(hub.clone(), Arc::clone(&metrics)), stopped.clone());
        }
        let shared = config.shared.is_some();
        let health = Arc::new(Health { away: AtomicBool::new(shared), ..Health::default() });
        tokio::spawn(hub::Hub::new(&mut config, metrics, Arc::clone(&health)).run(events, stopped.clone()));

        let Limits { connections, connections_per_address, messages, bytes, .. } = config.limits;
        let per_address = if config.behind_proxy { connections } else { connections_per_address };
        let doors = doors::Doors::new(listener, doors::Capacity { total: connections, per_address });
        let (listening, closed) = watch::channel(());
        let site = http::Site {
            hub: hub.clone(),
            rules: connection::Rules { heartbeat: config.heartbeat, messages, bytes },
            behind_proxy: config.behind_proxy,
            connections: Arc::default(),
            health: Arc::clone(&health),
        };
        let service = http::router(site).into_make_service_with_connect_info::<doors::Peer>();
        match identity {
            Some(Identity { acceptor, keeper }) => {
                let doors = TlsDoors::new(doors, acceptor)?;
                if let Some(keeper) = keeper {
                    tokio::spawn(keeper.run(stopped));
                }
                tokio::spawn(until(closed, axum::serve(doors, service).into_future()));
            }
            None => drop(tokio::spawn(until(closed, axum::serve(doors, service).into_future()))),
        }
        Ok(Self { local_addr, metrics_addr, health, shared, listening, hub, _running: running })
    }

    /// Lets nobody new in, and returns when nobody is left. Alone it waits until all rooms are empty, and `GET /healthz` says so
    /// meanwhile; beside other instances it sends people there.
    pub async fn drain(&self) {
        self.health.draining.store(true, Ordering::Relaxed);
        if self.shared {
            self.listening.send_replace(());
        }
        let (done, empty) = oneshot::channel();
        // The hub runs as long as the server.
        let _ = self.hub.send(hub::Event::Drain { done }).await;
        let _ = empty.await;
    }

    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// Where it listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Opens a room for the program that runs this server; only the number of rooms limits it.
    pub async fn create_room(&self) -> Result<Opened, Refusal> {
        let (reply, room) = oneshot::channel();
        // The hub runs as long as the server.
        let _ = self.hub.send(hub::Event::CreateRoom { reply }).await;
        room.await.unwrap_or(Err(Refusal::TooManyRequests))
    }
}

fn serve(listener: TcpListener, router: axum::Router, stopped: watch::Receiver<()>) {
    tokio::spawn(until(stopped, axum::serve(listener, router).into_future()));
}

async fn until(mut stopped: watch::Receiver<()>, serve: impl Future<Output = std::io::Result<()>>) {
    tokio::select! {
        served = serve => if let Err(error) = served { tracing::error!(%error, "the server has stopped") },
        _ = stopped.changed() => {}
    }
}
