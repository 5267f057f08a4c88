//! How much one connection may ask for, and all those from one place.
//!
//! Pure: told the time. A [`Bucket`] belongs to its connection's task or to somebody in a room, [`ByOrigin`] to the house.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use fika_call::RoomId;
use serde::{Deserialize, Serialize};

use crate::keys::digest;
use crate::moment::Moment;

/// A steady rate with room for a burst.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Moment,
}

impl Bucket {
    pub fn new(rate: Rate, now: Moment) -> Self {
        Self { rate, tokens: rate.burst, at: now }
    }

    /// Whether `count` more are within the rate; if so they are taken.
    pub fn take(&mut self, count: f64, now: Moment) -> bool {
        self.refill(now);
        let enough = self.tokens >= count;
        if enough {
            self.tokens -= count;
        }
        enough
    }

    /// Whether `count` more are within the rate; they are not taken.
    pub fn has(&mut self, count: f64, now: Moment) -> bool {
        self.refill(now);
        self.tokens >= count
    }

    fn is_full(&mut self, now: Moment) -> bool {
        self.refill(now);
        self.tokens >= self.rate.burst
    }

    fn refill(&mut self, now: Moment) {
        let passed = now.since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate.per_second).min(self.rate.burst);
        self.at = self.at.max(now);
    }
}

/// Where somebody asks from: one IPv4 address or IPv6 /64 network, made unreadable by [`crate::keys::Keys::origin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(pub u64);

/// Origins remembered at a time. Full: those with a full bucket are forgotten; if there are none, a new one is refused.
pub const MAX_ORIGINS: usize = 10_000;

/// One bucket for each origin.
#[derive(Serialize, Deserialize)]
pub struct ByOrigin {
    rate: Rate,
    buckets: HashMap<Origin, Bucket>,
}

impl ByOrigin {
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new() }
    }

    /// Whether one more from there would be within the rate.
    pub fn may_take(&mut self, origin: Origin, now: Moment) -> bool {
        self.buckets.get_mut(&origin).is_none_or(|bucket| bucket.has(1.0, now))
    }

    /// Whether one more from there is within the rate.
    pub fn take(&mut self, origin: Origin, now: Moment) -> bool {
        if !self.buckets.contains_key(&origin) && self.buckets.len() >= MAX_ORIGINS {
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
            if self.buckets.len() >= MAX_ORIGINS {
                return false;
            }
        }
        self.buckets.entry(origin).or_insert_with(|| Bucket::new(self.rate, now)).take(1.0, now)
    }
}

/// Rooms whose wrong guesses are counted together with those of others.
const ROOM_BUCKETS: u16 = 4096;

/// How often somebody may be wrong at a door: from each origin, and at each room from all together. Rooms that do not
/// exist are counted like those that do.
#[derive(Serialize, Deserialize)]
pub struct Guesses {
    origins: ByOrigin,
    at_room: Rate,
    /// Those where somebody has been wrong.
    rooms: HashMap<u16, Bucket>,
    /// So that nobody knows which rooms are counted together.
    salt: u64,
}

impl Guesses {
    pub fn new(of_origin: Rate, at_room: Rate, salt: u64) -> Self {
        Self { origins: ByOrigin::new(of_origin), at_room, rooms: HashMap::new(), salt }
    }

    pub fn may_guess(&mut self, origin: Origin, room: &RoomId, now: Moment) -> bool {
        let at = self.index(room);
        self.origins.may_take(origin, now) && self.rooms.get_mut(&at).is_none_or(|bucket| bucket.has(1.0, now))
    }

    pub fn wrong(&mut self, origin: Origin, room: &RoomId, now: Moment) {
        let at = self.index(room);
        self.origins.take(origin, now);
        self.rooms.entry(at).or_insert_with(|| Bucket::new(self.at_room, now)).take(1.0, now);
    }

    /// The same on every instance.
    fn index(&self, room: &RoomId) -> u16 {
        let [first, second, ..] = digest(&format!("{:x} {}", self.salt, room.0)).0;
        u16::from_le_bytes([first, second]) % ROOM_BUCKETS
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
        let start = Moment(1_000_000);
        let mut bucket = Bucket::new(Rate { per_second: 50.0, burst: 100.0 }, start);
        assert_eq!((0..200).filter(|_| bucket.take(1.0, start)).count(), 100);
        let later = start + Duration::from_millis(100);
        assert_eq!((0..200).filter(|_| bucket.take(1.0, later)).count(), 5);
        let much_later = start + Duration::from_secs(3600);
        assert_eq!((0..200).filter(|_| bucket.take(1.0, much_later)).count(), 100);
    }

    #[test]
    fn one_customer_is_one_network() {
        let one = |text: &str| network(text.parse().unwrap());
        assert_eq!(one("192.0.2.1"), one("::ffff:192.0.2.1"));
        assert_ne!(one("192.0.2.1"), one("192.0.2.2"));
        assert_eq!(one("2001:db8::1"), one("2001:db8::2"));
        assert_ne!(one("2001:db8::1"), one("2001:db8:0:1::1"));
    }

    #[test]
    fn wrong_guesses_are_counted_by_origin_and_by_room() {
        let now = Moment(1_000_000);
        let mut guesses = Guesses::new(Rate::per_minute(1, 2), Rate::per_minute(1, 3), 7);
        let room = RoomId("aaaa-aaaa-aaaa-aaaa".into());
        for _ in 0..2 {
            assert!(guesses.may_guess(Origin(1), &room, now));
            guesses.wrong(Origin(1), &room, now);
        }
        assert!(!guesses.may_guess(Origin(1), &room, now), "from there somebody has been wrong too often");
        assert!(guesses.may_guess(Origin(2), &room, now));
        guesses.wrong(Origin(2), &room, now);
        assert!(!guesses.may_guess(Origin(3), &room, now), "too many wrong ones at this room");
        assert!(guesses.may_guess(Origin(3), &room, now + Duration::from_secs(61)));
    }

    #[test]
    fn memory_is_bounded_and_frees_itself() {
        let now = Moment(1_000_000);
        let mut limit = ByOrigin::new(Rate::per_minute(60, 2));
        let most = MAX_ORIGINS as u64;
        assert!((0..most).all(|i| limit.take(Origin(i), now)));
        assert!(!limit.take(Origin(most), now));
        assert!(limit.take(Origin(0), now), "a known origin still has its bucket");
        assert!(limit.take(Origin(most), now + Duration::from_secs(3)));
        assert_eq!(limit.buckets.len(), 1);
    }
}
