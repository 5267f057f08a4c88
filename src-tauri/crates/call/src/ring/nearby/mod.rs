//! Calls on the local network, without a meeting server: the name under which somebody can be found there, and what is done with
//! answers of anybody.
//!
//! Multicast DNS (RFC 6762) with service discovery (RFC 6763), as much as this takes: IPv4, one service, each answer complete in one
//! packet. So nothing is remembered of what others say. Pure: told the time, packets in and packets out.
//!
//! The name is a hash of the identity key and the day. Who knows the key finds it; to anybody else it is another name each day.

mod message;
#[cfg(test)]
mod tests;

use core::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use hkdf::Hkdf;
use sha2::Sha256;

use crate::identity::IdentityKey;

/// Where multicast DNS is spoken.
pub const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);
/// What everybody says that they are; who is who tells the name before it.
pub const SERVICE: &str = "_fika._tcp.local";
/// Longest packet that is read (RFC 6762, section 17).
pub const MAX_PACKET: usize = 9000;
/// How long somebody is looked for.
pub const LOOK: Duration = Duration::from_secs(3);
/// Places at which one call is tried, if several say that they are the one.
pub const MAX_PLACES: usize = 4;

const NAMED: &[u8] = b"fika nearby v1";
const NAME_BYTES: usize = 16;
const DAY: u64 = 24 * 60 * 60;
/// When a question is asked: answers and questions may be lost, and nobody answers twice a second.
const ASKED: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];
/// A record is told at most once in this time (RFC 6762, section 6).
const PAUSE: Duration = Duration::from_secs(1);
/// How often what is new is told unasked, each after [`PAUSE`].
const ANNOUNCED: u8 = 2;
/// What listens below belongs to the system of that computer.
const FIRST_PORT: u16 = 1024;

/// Under which somebody is found on this day, counted from 1970: 32 characters.
pub fn name(key: &IdentityKey, day: u64) -> String {
    let mut name = [0; NAME_BYTES];
    let hkdf = Hkdf::<Sha256>::new(Some(NAMED), &key.0);
    hkdf.expand(&day.to_be_bytes(), &mut name).expect("16 bytes are less than the 8160 that HKDF-SHA256 gives");
    name.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The day of a time in seconds since 1970.
pub fn day(unix: u64) -> u64 {
    unix / DAY
}

/// Until the next day begins.
pub fn rest_of_day(unix: u64) -> Duration {
    Duration::from_secs(DAY - unix % DAY)
}

/// An address of this computer and how much of it names the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: Ipv4Addr,
    pub prefix: u8,
}

impl Network {
    /// In this network, and such as leads no further than a local one.
    pub fn has(&self, address: Ipv4Addr) -> bool {
        let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0);
        let (ours, theirs) = (self.address.to_bits(), address.to_bits());
        let host = theirs & !mask;
        // Of networks of two and of one every address is somebody's.
        let somebody = self.prefix >= 31 || host != 0 && host != !mask;
        (address.is_private() || address.is_link_local()) && ours & mask == theirs & mask && somebody
    }
}

/// Says under which name somebody is here, unasked at first and then to whoever asks, until the day is over.
#[derive(Debug)]
pub struct Publisher {
    place: message::Place,
    network: Network,
    due: Option<Instant>,
    last: Option<Instant>,
    announcements: u8,
}

impl Publisher {
    /// `port`: of our server, at the address that the network names.
    pub fn new(name: String, port: u16, network: Network, now: Instant) -> Self {
        let place = message::Place { name, address: SocketAddrV4::new(network.address, port) };
        Self { place, network, due: Some(now), last: None, announcements: ANNOUNCED }
    }

    /// Whoever floods us with questions gets an answer each second.
    pub fn handle_packet(&mut self, packet: &[u8], from: SocketAddrV4, now: Instant) {
        if self.due.is_none() && self.heard(from) && message::asks(packet, &self.place.name) {
            self.due = Some(self.last.map_or(now, |last| now.max(last + PAUSE)));
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// To everybody, if it is time.
    pub fn poll_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.due.take_if(|due| *due <= now)?;
        self.last = Some(now);
        self.announcements = self.announcements.saturating_sub(1);
        if self.announcements > 0 {
            self.due = Some(now + PAUSE);
        }
        Some(message::answer(&self.place, message::TTL))
    }

    /// We are there no more.
    pub fn goodbye(&self) -> Vec<u8> {
        message::answer(&self.place, 0)
    }

    fn heard(&self, from: SocketAddrV4) -> bool {
        from.port() == GROUP.port() && self.network.has(*from.ip())
    }
}

/// Looks for somebody. Several may say that they are the one: whoever cannot open the call answers nothing that counts.
#[derive(Debug)]
pub struct Looker {
    names: [String; 3],
    network: Network,
    began: Instant,
    asked: usize,
    found: Vec<SocketAddrV4>,
}

impl Looker {
    /// `unix`: seconds since 1970. Clocks may differ by a day.
    pub fn new(key: &IdentityKey, network: Network, unix: u64, now: Instant) -> Self {
        let day = day(unix);
        let names = [day, day.saturating_sub(1), day + 1].map(|day| name(key, day));
        Self { names, network, began: now, asked: 0, found: Vec::new() }
    }

    /// A place at which they may be. Everybody speaks for one place of their own; of [`MAX_PLACES`] the next one is passed over.
    pub fn handle_packet(&mut self, packet: &[u8], from: SocketAddrV4) -> Option<SocketAddrV4> {
        let new = !self.found.iter().any(|found| found.ip() == from.ip()) && self.found.len() < MAX_PLACES;
        let heard = new && from.port() == GROUP.port() && self.network.has(*from.ip());
        let place = heard.then(|| message::places(packet))?.into_iter().find(|place| {
            let own = place.address.ip() == from.ip() && place.address.port() >= FIRST_PORT;
            own && self.names.contains(&place.name)
        })?;
        self.found.push(place.address);
        Some(place.address)
    }

    /// `None`: the search is over.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let end = self.began + LOOK;
        (now < end).then(|| ASKED.get(self.asked).map_or(end, |after| self.began + *after))
    }

    /// To everybody, if it is time.
    pub fn poll_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        let after = ASKED.get(self.asked)?;
        (self.began + *after <= now).then(|| {
            self.asked += 1;
            message::question()
        })
    }
}
