//! The local network: one socket of multicast DNS as long as we are found there, and one for each search.
//!
//! Both live in the task that listens or calls. Nothing is queued here: what the system does not hold is lost, and asked again.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fika_call::identity::IdentityKey;
use fika_call::ring::nearby::{self, GROUP, Looker, MAX_PACKET, Network, Publisher};
use if_addrs::IfAddr;
use rtc::mdns::MulticastSocket;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::time::{sleep, sleep_until};

use super::unix;

/// After an error of the socket. If it lasts, the network has changed, and everything here begins anew.
const BREATH: Duration = Duration::from_secs(1);
/// How often we look at the day at least: a computer that has slept counts its timers on from there.
const CHECKED: Duration = Duration::from_secs(600);
/// Packets of multicast DNS never leave their network; the number says so (RFC 6762, section 11).
const HOPS: u32 = 255;

/// Our own server, on the local network.
pub struct Place {
    pub address: SocketAddr,
    /// The server runs for as long as this is held.
    pub open: Box<dyn Any + Send + Sync>,
}

/// Opens that server, or gives the one that runs. `None`: there is no local network.
pub type Here = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Place>> + Send>> + Send + Sync>;

/// `open` gives the server's address, and what the server runs for as long as it is held.
pub fn here<T, F>(open: impl Fn() -> F + Send + Sync + 'static) -> Here
where
    T: Send + Sync + 'static,
    F: Future<Output = Option<(SocketAddr, T)>> + Send + 'static,
{
    Arc::new(move || {
        let opening = open();
        Box::pin(async move { opening.await.map(|(address, open)| Place { address, open: Box::new(open) }) })
    })
}

/// Where we are found.
pub(super) struct Publishing {
    socket: Socket,
    publisher: Publisher,
    key: IdentityKey,
    address: SocketAddrV4,
    network: Network,
    /// Of the name.
    day: u64,
    /// When we look whether it is another day.
    looks: tokio::time::Instant,
    _place: Place,
}

impl Publishing {
    /// Says that we are there. Under which name tells who knows our key who we are.
    pub(super) async fn open(key: IdentityKey, place: Place) -> io::Result<Self> {
        let SocketAddr::V4(address) = place.address else { return Err(io::ErrorKind::AddrNotAvailable.into()) };
        let network = network(*address.ip()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        let socket = Socket::open(*address.ip())?;
        let day = nearby::day(unix());
        let publisher = Publisher::new(nearby::name(&key, day), address.port(), network, Instant::now());
        let mut publishing = Self { socket, publisher, key, address, network, day, looks: soon(), _place: place };
        publishing.say().await;
        Ok(publishing)
    }

    /// Until it is dropped.
    pub(super) async fn run(&mut self) {
        let mut packet = vec![0; MAX_PACKET];
        loop {
            let due = self.publisher.poll_timeout();
            tokio::select! {
                received = self.socket.receive(&mut packet) => match received {
                    Ok((length, from)) => self.publisher.handle_packet(&packet[..length], from, Instant::now()),
                    Err(_) => sleep(BREATH).await,
                },
                () = until(due) => {}
                () = sleep_until(self.looks) => self.look().await,
            }
            self.say().await;
        }
    }

    /// On another day we have another name.
    async fn look(&mut self) {
        self.looks = soon();
        let day = nearby::day(unix());
        if day != self.day {
            self.day = day;
            self.socket.say(&self.publisher.goodbye()).await;
            let name = nearby::name(&self.key, day);
            self.publisher = Publisher::new(name, self.address.port(), self.network, Instant::now());
        }
    }

    async fn say(&mut self) {
        while let Some(packet) = self.publisher.poll_packet(Instant::now()) {
            self.socket.say(&packet).await;
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        // If the system does not take it now, others forget us by themselves.
        let _ = self.socket.0.try_send_to(&self.publisher.goodbye(), GROUP.into());
    }
}

fn soon() -> tokio::time::Instant {
    tokio::time::Instant::now() + nearby::rest_of_day(unix()).min(CHECKED)
}

/// Looks for somebody.
pub(super) struct Search {
    socket: Socket,
    looker: Looker,
    packet: Vec<u8>,
    _place: Place,
}

impl Search {
    /// `None`: there is no local network.
    pub(super) async fn open(key: &IdentityKey, here: &Here) -> Option<Self> {
        let place = here().await?;
        let SocketAddr::V4(address) = place.address else { return None };
        let network = network(*address.ip())?;
        let socket = Socket::open(*address.ip()).ok()?;
        let looker = Looker::new(key, network, unix(), Instant::now());
        Some(Self { socket, looker, packet: vec![0; MAX_PACKET], _place: place })
    }

    /// The next place at which they may be, until the search is over.
    pub(super) async fn next(&mut self) -> Option<SocketAddrV4> {
        loop {
            while let Some(packet) = self.looker.poll_packet(Instant::now()) {
                self.socket.say(&packet).await;
            }
            let due = self.looker.poll_timeout(Instant::now())?;
            tokio::select! {
                received = self.socket.receive(&mut self.packet) => match received {
                    Ok((length, from)) => {
                        if let Some(place) = self.looker.handle_packet(&self.packet[..length], from) {
                            return Some(place);
                        }
                    }
                    Err(_) => sleep(BREATH).await,
                },
                () = until(Some(due)) => {}
            }
        }
    }
}

pub(super) async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The network of an address of ours; `None` where strangers are.
fn network(address: Ipv4Addr) -> Option<Network> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    let network = interfaces.into_iter().find_map(|interface| match interface.addr {
        IfAddr::V4(found) if found.ip == address => Some(Network { address, prefix: found.prefixlen }),
        _ => None,
    })?;
    network.has(address).then_some(network)
}

/// On one network alone. Others on this computer may have the same port.
struct Socket(UdpSocket);

impl Socket {
    fn open(address: Ipv4Addr) -> io::Result<Self> {
        let socket = MulticastSocket::new().with_interface(address).into_std()?;
        SockRef::from(&socket).set_multicast_if_v4(&address)?;
        socket.set_multicast_ttl_v4(HOPS)?;
        Ok(Self(UdpSocket::from_std(socket)?))
    }

    /// What cannot be said is lost.
    async fn say(&self, packet: &[u8]) {
        if let Err(error) = self.0.send_to(packet, SocketAddr::V4(GROUP)).await {
            tracing::debug!(kind = %error.kind(), "nothing can be said on the local network");
        }
    }

    async fn receive(&self, packet: &mut [u8]) -> io::Result<(usize, SocketAddrV4)> {
        loop {
            let (length, from) = self.0.recv_from(packet).await?;
            if let IpAddr::V4(ip) = from.ip() {
                return Ok((length, SocketAddrV4::new(ip, from.port())));
            }
        }
    }
}
