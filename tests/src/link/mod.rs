//! A network path in virtual time: a queue with a rate, a delay, losses and their companions. Owns no thread and no clock.
//!
//! One direction each; two of them are a path. Packets are given with the time and taken when they are due; the same seed
//! gives the same passage. The queue drops what comes while it is full, as most routers do; the log keeps
//! [`LOG`] passages, then forgets the oldest.

pub mod beside;
pub mod call;
mod files;
mod gcc;
pub mod loss;
pub mod random;
pub mod receiver;
pub mod seen;
pub mod sender;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fika_media::Timestamp;

use loss::{Loss, Losses};
use random::Random;

/// Passages that are remembered: ten minutes of 2.5 Mbit/s.
pub(crate) const LOG: usize = 200_000;

#[derive(Clone, Debug)]
pub struct Config {
    /// From when on how many bits a second pass; ascending, the first from zero on. Zero bits: everything waits.
    pub rates: Vec<(Timestamp, f64)>,
    /// What the queue takes, as time at the current rate.
    pub queue: Duration,
    pub delay: Duration,
    /// Added to the delay, uniform from zero up to this.
    pub jitter: Duration,
    /// Whether jitter lets packets overtake each other.
    pub reorder: bool,
    pub loss: Loss,
    /// Probability that a packet arrives twice.
    pub duplicates: f64,
    /// Times in which the path is cut: what is sent then is lost.
    pub down: Vec<(Timestamp, Timestamp)>,
}

impl Config {
    /// 50 ms, drop-tail of 300 ms and nothing else: the path that most figures are given for.
    pub fn steady(rate: f64) -> Self {
        Self::stairs(&[(0, rate)])
    }

    /// Seconds and bits a second.
    pub fn stairs(rates: &[(i64, f64)]) -> Self {
        Self {
            rates: rates.iter().map(|(second, rate)| (Timestamp::from_millis(second * 1000), *rate)).collect(),
            queue: Duration::from_millis(300),
            delay: Duration::from_millis(50),
            jitter: Duration::ZERO,
            reorder: false,
            loss: Loss::None,
            duplicates: 0.0,
            down: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// When it came, the first time.
    Arrived(Timestamp),
    Lost,
    /// The queue was full.
    Dropped,
}

/// What happened to one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    pub sent: Timestamp,
    pub size: usize,
    /// Time in the queue, with the packet's own transmission.
    pub queued: Duration,
    pub fate: Fate,
}

#[derive(Debug)]
pub struct Link<T> {
    config: Config,
    random: Random,
    losses: Losses,
    /// When what waits has left, and its bytes.
    waiting: VecDeque<(Timestamp, usize)>,
    backlog: usize,
    free_at: Timestamp,
    last_arrival: Timestamp,
    /// By arrival, then by the order of sending.
    flying: BTreeMap<(Timestamp, u64), T>,
    sent: u64,
    log: VecDeque<Passage>,
}

impl<T: Clone> Link<T> {
    pub fn new(config: Config, seed: u64) -> Self {
        let usable = |(from, rate): (Timestamp, f64)| from >= Timestamp::ZERO && rate > 0.0;
        assert!(config.rates.first().is_some_and(|first| first.0 <= Timestamp::ZERO && usable(*first)));
        assert!(config.rates.last().is_some_and(|last| usable(*last)), "what waits must leave some day");
        Self {
            losses: Losses::new(config.loss),
            config,
            random: Random::new(seed),
            waiting: VecDeque::new(),
            backlog: 0,
            free_at: Timestamp::ZERO,
            last_arrival: Timestamp::ZERO,
            flying: BTreeMap::new(),
            sent: 0,
            log: VecDeque::new(),
        }
    }

    /// A packet of `size` bytes enters.
    pub fn handle_packet(&mut self, packet: T, size: usize, now: Timestamp) {
        let lost = self.losses.next(&mut self.random);
        self.enter(packet, size, now, lost);
    }

    /// One that losses spare, but neither the queue nor cuts.
    pub fn handle_spared(&mut self, packet: T, size: usize, now: Timestamp) {
        self.enter(packet, size, now, false);
    }

    fn enter(&mut self, packet: T, size: usize, now: Timestamp, lost: bool) {
        let (queued, fate) = self.pass(packet, size, now, lost);
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back(Passage { sent: now, size, queued, fate });
    }

    fn pass(&mut self, packet: T, size: usize, now: Timestamp, lost: bool) -> (Duration, Fate) {
        if lost || self.config.down.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            return (Duration::ZERO, Fate::Lost);
        }
        while self.waiting.front().is_some_and(|(left, _)| *left <= now) {
            self.backlog -= self.waiting.pop_front().map_or(0, |(_, size)| size);
        }
        if (self.backlog + size) as f64 * 8.0 > self.rate_at(now) * self.config.queue.as_secs_f64() && self.backlog > 0
        {
            return (Duration::ZERO, Fate::Dropped);
        }
        let left = self.transmit(size, now.max(self.free_at));
        self.free_at = left;
        self.backlog += size;
        self.waiting.push_back((left, size));
        let arrival = self.arrival(left);
        self.fly(packet.clone(), arrival);
        if self.random.chance(self.config.duplicates) {
            let again = self.arrival(left);
            self.fly(packet, again);
        }
        (left.since(now), Fate::Arrived(arrival))
    }

    fn fly(&mut self, packet: T, arrival: Timestamp) {
        self.flying.insert((arrival, self.sent), packet);
        self.sent += 1;
    }

    fn arrival(&mut self, left: Timestamp) -> Timestamp {
        let at = left + self.config.delay + self.config.jitter.mul_f64(self.random.unit());
        if self.config.reorder {
            return at;
        }
        self.last_arrival = self.last_arrival.max(at);
        self.last_arrival
    }

    /// The last rate above zero: what a full queue is measured by.
    fn rate_at(&self, now: Timestamp) -> f64 {
        let past = self.config.rates.iter().take_while(|(from, _)| *from <= now);
        past.filter(|(_, rate)| *rate > 0.0).last().map_or(self.config.rates[0].1, |(_, rate)| *rate)
    }

    /// When `size` bytes that begin at `begin` have left.
    fn transmit(&self, size: usize, begin: Timestamp) -> Timestamp {
        let (mut bits, mut at) = (size as f64 * 8.0, begin);
        for (index, (from, rate)) in self.config.rates.iter().enumerate() {
            let end = self.config.rates.get(index + 1).map(|(end, _)| *end);
            if end.is_some_and(|end| end <= at) {
                continue;
            }
            at = at.max(*from);
            let room = end.map(|end| rate * end.since(at).as_secs_f64());
            match (room, end) {
                (Some(room), Some(end)) if room < bits => {
                    bits -= room;
                    at = end;
                }
                _ => break,
            }
        }
        at + Duration::from_secs_f64(bits / self.rate_at(at))
    }

    /// What has arrived by now, in the order of arrival.
    pub fn poll_packet(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let first = self.flying.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((at, _), packet) = first.remove_entry();
        Some((at, packet))
    }

    /// When the next packet arrives.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.flying.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn log(&self) -> impl Iterator<Item = &Passage> {
        self.log.iter()
    }
}

/// A limit that must hold: gives the value, or panics with both.
#[macro_export]
macro_rules! hold {
    ($value:expr, $operator:tt, $limit:expr) => {{
        let (value, limit) = ($value, $limit);
        assert!(value $operator limit, "{} = {value}, not {} {limit}", stringify!($value), stringify!($operator));
        value
    }};
}

#[cfg(test)]
mod tests;
