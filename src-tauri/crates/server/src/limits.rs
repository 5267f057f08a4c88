//! How much one connection and one address may ask for.
//!
//! Pure: told the time. A [`Bucket`] belongs to its connection's task, [`ByAddress`] to the hub's task.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

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
