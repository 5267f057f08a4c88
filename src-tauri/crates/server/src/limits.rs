//! How much one connection and one address may ask for.
//!
//! Pure: told the time. A [`Bucket`] belongs to its connection's task, [`ByAddress`] to the hub's task.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use fika_call::RoomId;

/// A steady rate with room for a burst.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

impl Rate {
    pub const fn per_minute(count: u32, burst: u32) -> Self {
        Self { per_second: count as f64 / 60.0, burst: burst as f64 }
    }
}

/// Token bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, at: now }
    }

    /// Whether `count` more are within the rate; if so they are taken.
    pub fn take(&mut self, count: f64, now: Instant) -> bool {
        self.refill(now);
        let enough = self.tokens >= count;
        if enough {
            self.tokens -= count;
        }
        enough
    }

    /// Whether `count` more are within the rate; they are not taken.
    pub fn has(&mut self, count: f64, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= count
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= self.rate.burst
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(self.rate.burst);
        self.at = self.at.max(now);
    }
}

/// Addresses remembered at a time. Full: those with a full bucket are forgotten; if there are none, a new one is refused.
pub const MAX_ADDRESSES: usize = 10_000;

/// One bucket for each IPv4 address and each IPv6 /64 network.
pub struct ByAddress {
    rate: Rate,
    buckets: HashMap<IpAddr, Bucket>,
}

impl ByAddress {
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new() }
    }

    /// Whether one more from this address would be within the rate.
    pub fn may_take(&mut self, address: IpAddr, now: Instant) -> bool {
        self.buckets.get_mut(&network(address)).is_none_or(|bucket| bucket.has(1.0, now))
    }

    /// Whether one more from this address is within the rate.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> bool {
        let network = network(address);
        if !self.buckets.contains_key(&network) && self.buckets.len() >= MAX_ADDRESSES {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
            if self.buckets.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        self.buckets.entry(network).or_insert_with(|| Bucket::new(self.rate, now)).take(1.0, now)
    }
}

/// Rooms whose wrong guesses are counted together with those of others.
const ROOM_BUCKETS: usize = 4096;

/// How often somebody may be wrong at a door: each address, and at each room all addresses together. Rooms that do not
/// exist are counted like those that do.
pub struct Guesses {
    addresses: ByAddress,
    rooms: Vec<Bucket>,
    hasher: RandomState,
}

impl Guesses {
    pub fn new(of_address: Rate, at_room: Rate) -> Self {
        let now = Instant::now();
        Self {
            addresses: ByAddress::new(of_address),
            rooms: vec![Bucket::new(at_room, now); ROOM_BUCKETS],
            hasher: RandomState::new(),
        }
    }

    pub fn may_guess(&mut self, address: IpAddr, room: &RoomId, now: Instant) -> bool {
        let at = self.index(room);
        self.addresses.may_take(address, now) && self.rooms[at].has(1.0, now)
    }

    pub fn wrong(&mut self, address: IpAddr, room: &RoomId, now: Instant) {
        let at = self.index(room);
        self.addresses.take(address, now);
        self.rooms[at].take(1.0, now);
    }

    fn index(&self, room: &RoomId) -> usize {
        (self.hasher.hash_one(room) % ROOM_BUCKETS as u64) as usize
    }
}

/// What one customer of a provider usually gets.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 50.0, burst: 100.0 }, start);
        assert_eq!((0..200).filter(|_| bucket.take(1.0, start)).count(), 100);
        let later = start + Duration::from_millis(100);
        assert_eq!((0..200).filter(|_| bucket.take(1.0, later)).count(), 5);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!((0..200).filter(|_| bucket.take(1.0, much_later)).count(), 100);
    }

    #[test]
    fn addresses_do_not_share_but_an_ipv6_network_does() {
        let now = Instant::now();
        let mut limit = ByAddress::new(Rate::per_minute(1, 1));
        assert!(limit.take("192.0.2.1".parse().unwrap(), now));
        assert!(!limit.take("192.0.2.1".parse().unwrap(), now));
        assert!(!limit.take("::ffff:192.0.2.1".parse().unwrap(), now));
        assert!(limit.take("192.0.2.2".parse().unwrap(), now));
        assert!(limit.take("2001:db8::1".parse().unwrap(), now));
        assert!(!limit.take("2001:db8::2".parse().unwrap(), now));
        assert!(limit.take("2001:db8:0:1::1".parse().unwrap(), now));
    }

    #[test]
    fn wrong_guesses_are_counted_by_address_and_by_room() {
        let now = Instant::now();
        let mut guesses = Guesses::new(Rate::per_minute(1, 2), Rate::per_minute(1, 3));
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let room = RoomId("aaaa-aaaa-aaaa-aaaa".into());
        for _ in 0..2 {
            assert!(guesses.may_guess(address(1), &room, now));
            guesses.wrong(address(1), &room, now);
        }
        assert!(!guesses.may_guess(address(1), &room, now), "this address has been wrong too often");
        assert!(guesses.may_guess(address(2), &room, now));
        guesses.wrong(address(2), &room, now);
        assert!(!guesses.may_guess(address(3), &room, now), "too many wrong ones at this room");
        assert!(guesses.may_guess(address(3), &room, now + Duration::from_secs(61)));
    }

    #[test]
    fn memory_is_bounded_and_frees_itself() {
        let now = Instant::now();
        let mut limit = ByAddress::new(Rate::per_minute(60, 2));
        let address = |i: usize| IpAddr::from((i as u32).to_be_bytes());
        assert!((0..MAX_ADDRESSES).all(|i| limit.take(address(i), now)));
        assert!(!limit.take(address(MAX_ADDRESSES), now));
        assert!(limit.take(address(0), now), "a known address still has its bucket");
        assert!(limit.take(address(MAX_ADDRESSES), now + Duration::from_secs(3)));
        assert_eq!(limit.buckets.len(), 1);
    }
}
