//! TURN servers over TCP and TLS (RFC 8656 section 3.1): the WebRTC stack speaks UDP alone, so it is told an address in their
//! place that exists only inside this process, and what it sends there goes through a stream to the server.
//!
//! [`Relays`] is a plain value of a connection. [`Lines`] belongs to one socket of it, whose datagrams it takes and gives: no
//! socket of the system stands in between, so nobody else on this machine can reach into it. Each line is one tokio task.

mod line;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use fika_call::signal::IceServer;
use rtc::ice::url::{ProtoType, SchemeType, Url};
use tokio::sync::{mpsc, watch};

use crate::trust::Trust;
use line::Line;

/// Servers that are reached; more are left out.
const MAX_SERVERS: usize = 8;
/// How long a relay over UDP is waited for, where one is named, before a stream is opened: what goes through a stream is late
/// as a whole when one packet of it is lost.
const PATIENCE: Duration = Duration::from_millis(500);
/// Messages of all servers that wait for the stack. Full: the streams are read no further.
const ARRIVED_QUEUE: usize = 64;

/// Nobody has them: the dummy address of RFC 7600 and the discard-only prefix of RFC 6666. The port counts the servers from 1.
const STAND_IN_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8));
const STAND_IN_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 8));
const NAME: (&str, &str) = ("relay-", ".fika.invalid");

/// Where a stream leads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    tls: bool,
}

/// The servers of one connection that are reached through streams.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    servers: Vec<Server>,
    trust: Trust,
    /// Before a stream is opened.
    patience: Duration,
}

impl Relays {
    /// Those among `servers`, and all of them as the WebRTC stack may be told.
    pub(crate) fn read(servers: &[IceServer], trust: &Trust) -> (Self, Vec<IceServer>) {
        let mut relays = Self { trust: trust.clone(), ..Self::default() };
        let told = servers.iter().map(|server| IceServer {
            urls: server.urls.iter().filter_map(|url| relays.read_url(url)).collect(),
            ..server.clone()
        });
        let told = told.filter(|server| !server.urls.is_empty()).collect();
        (relays, told)
    }

    /// The address that stands for it. `None`: it cannot be reached.
    fn read_url(&mut self, url: &str) -> Option<String> {
        let Ok(parsed) = Url::parse_url(url) else {
            // Whoever uses it says so.
            return Some(url.to_owned());
        };
        let tls = match (parsed.scheme, parsed.proto) {
            (SchemeType::Turn, ProtoType::Tcp) => false,
            (SchemeType::Turns, ProtoType::Tcp) => true,
            (SchemeType::Turn, _) => {
                self.patience = PATIENCE;
                return Some(url.to_owned());
            }
            // DTLS to a TURN server, which coturn alone speaks, and browsers do not.
            (SchemeType::Turns, _) => return None,
            _ => return Some(url.to_owned()),
        };
        let server = Server { host: parsed.host, port: parsed.port, tls };
        let at = self.servers.iter().position(|known| *known == server);
        let at = at.or_else(|| {
            let free = self.servers.len();
            (free < MAX_SERVERS).then(|| {
                self.servers.push(server);
                free
            })
        })?;
        let (before, behind) = NAME;
        Some(format!("turn:{before}{at}{behind}:{}?transport=udp", at + 1))
    }

    /// The addresses of a name that [`Self::read`] has made up, with its port behind a colon. `None`: not ours.
    pub(crate) fn resolve(&self, host: &str) -> Option<Vec<SocketAddr>> {
        let (before, behind) = NAME;
        let (name, port) = host.rsplit_once(':')?;
        name.strip_prefix(before)?.strip_suffix(behind)?;
        let port = port.parse().ok().filter(|port| self.server(*port).is_some())?;
        Some([STAND_IN_V4, STAND_IN_V6].map(|ip| SocketAddr::new(ip, port)).to_vec())
    }

    fn server(&self, port: u16) -> Option<&Server> {
        self.servers.get(usize::from(port).checked_sub(1)?)
    }
}

/// An address that only we use: nothing with it comes from a network.
pub(crate) fn is_stand_in(ip: IpAddr) -> bool {
    ip == STAND_IN_V4 || ip == STAND_IN_V6
}

/// A message and the address that stands for its server.
type Arrived = (SocketAddr, Bytes);

/// The streams that belong to one socket. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Lines {
    relays: Arc<Relays>,
    local: Option<IpAddr>,
    lines: Mutex<HashMap<SocketAddr, Line>>,
    arrive: mpsc::Sender<Arrived>,
    arrived: Mutex<mpsc::Receiver<Arrived>>,
    /// A server has let us in over UDP.
    spared: watch::Sender<bool>,
}

impl Lines {
    /// For a socket with this address of its own.
    pub(crate) fn new(relays: Arc<Relays>, local: Option<IpAddr>) -> Self {
        let (arrive, arrived) = mpsc::channel(ARRIVED_QUEUE);
        let (lines, arrived) = (Mutex::default(), Mutex::new(arrived));
        Self { relays, local, lines, arrive, arrived, spared: watch::Sender::new(false) }
    }

    /// Takes what goes to a server behind a stream, or leaves it out when its queue is full, as a network would. An error: the
    /// server cannot be reached, or no longer. Must be called inside a tokio runtime.
    pub(crate) fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let mut lines = lock(&self.lines);
        let line = match lines.entry(to) {
            std::collections::hash_map::Entry::Occupied(line) => line.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                let server = self.relays.server(to.port()).ok_or(io::ErrorKind::AddrNotAvailable)?;
                let way = line::Way {
                    server: server.clone(),
                    local: self.local,
                    ipv4: to.is_ipv4(),
                    trust: self.relays.trust.clone(),
                    patience: self.relays.patience,
                    spared: self.spared.subscribe(),
                };
                free.insert(Line::open(way, to, self.arrive.clone()))
            }
        };
        line.send(datagram)
    }

    /// The next message of a server.
    pub(crate) fn poll_arrived(&self, context: &mut Context<'_>) -> Poll<Arrived> {
        // Asked for each datagram of a call, of which few have a server behind a stream.
        if self.relays.servers.is_empty() {
            return Poll::Pending;
        }
        match lock(&self.arrived).poll_recv(context) {
            Poll::Ready(Some(arrived)) => Poll::Ready(arrived),
            // We hold a sender: it never ends.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// A server has let us in over UDP: no stream is needed any more that is not open yet.
    pub(crate) fn spare(&self) {
        self.spared.send_replace(true);
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
