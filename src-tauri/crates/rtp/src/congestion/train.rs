//! Trains: a few packets close together, whose arrival shows what the path would carry. Queued video is their payload as
//! far as there is any, then padding.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

use super::control::{Control, NEVER, mean_rate};
use super::history::Report;
use super::{Config, Output};

/// Packets and rate of the two trains at the very beginning: the first keyframe is their payload, so they cost nothing.
const START: [(f64, u32); 2] = [(1.6e6, 8), (4.0e6, 12)];
/// A train asks for twice the rate.
pub(super) const FACTOR: f64 = 2.0;
pub(super) const PACKETS: u32 = 8;
/// A packet of a train is as long as this time at the current rate: eight of them at twice the rate add 32 ms to a queue,
/// where full packets would add 154 at 0.5 Mbit/s.
const PACKET_TIME: f64 = 0.008;
/// Trains that are under way or not yet reported. Full: the oldest is given up.
const MAX_TRAINS: usize = 8;
/// A path is saturated when it delivers less than this of what entered.
const SATURATED: f64 = 0.85;
/// Time between trains doubles with each that says no, up to this.
const MAX_GAP: f64 = 5.0;

/// Packets that are to leave close together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Train {
    pub id: u32,
    /// Bits a second, while it lasts.
    pub rate: f64,
    pub packets: u32,
    /// Of padding, in bytes.
    pub size: u32,
}

/// What came back of one.
#[derive(Debug)]
struct Running {
    id: u32,
    sent: usize,
    last: u64,
    /// Departure, arrival, size.
    arrived: Vec<(Timestamp, Timestamp, u32)>,
}

#[derive(Debug)]
pub(super) struct Trains {
    running: VecDeque<Running>,
    next: u32,
    /// When the last was asked for, and when its last packet left.
    pub(super) asked: Timestamp,
    pub(super) left: Timestamp,
    /// Seconds until the next.
    pub(super) gap: f64,
}

impl Default for Trains {
    fn default() -> Self {
        Self { running: VecDeque::new(), next: 0, asked: NEVER, left: NEVER, gap: 0.6 }
    }
}

impl Trains {
    pub(super) fn on_sent(&mut self, train: u32, number: u64, now: Timestamp) {
        if let Some(running) = self.running.iter_mut().find(|running| running.id == train) {
            running.sent += 1;
            running.last = number;
            self.left = now;
        }
    }

    pub(super) fn on_arrived(&mut self, report: &Report, at: Timestamp) {
        let running = self.running.iter_mut().find(|running| Some(running.id) == report.train);
        if let Some(running) = running {
            running.arrived.push((report.sent, at, report.size));
        }
    }

    /// Takes one whose last packet is behind `top`, the highest number that was reported.
    fn take_done(&mut self, top: u64) -> Option<Running> {
        let index = self.running.iter().position(|running| running.sent > 0 && top >= running.last)?;
        self.running.remove(index)
    }
}

impl Running {
    /// Rates of departure and arrival. `None`: too much of it is lost.
    fn rates(&self) -> Option<(f64, f64)> {
        let count = self.arrived.len();
        if count < (self.sent * 6 / 10).max(4) {
            return None;
        }
        let span = |time: fn(&(Timestamp, Timestamp, u32)) -> Timestamp| {
            let times = self.arrived.iter().map(time);
            let span = times.clone().max()?.since(times.min()?);
            Some(span.max(Duration::from_millis(1)).as_secs_f64())
        };
        let bytes: f64 = self.arrived.iter().map(|(.., size)| f64::from(*size)).sum();
        let bits = bytes * (1.0 - 1.0 / count as f64) * 8.0;
        Some((bits / span(|packet| packet.0)?, bits / span(|packet| packet.1)?))
    }
}

impl Control {
    pub(super) fn start_trains(&mut self, now: Timestamp) {
        self.trains.asked = now;
        for (rate, packets) in START {
            self.ask(rate.min(2.0 * self.max()), packets);
        }
    }

    /// Asks for a train.
    pub(super) fn ask(&mut self, rate: f64, packets: u32) {
        let id = self.trains.next;
        self.trains.next += 1;
        if self.trains.running.len() == MAX_TRAINS {
            self.trains.running.pop_front();
        }
        self.trains.running.push_back(Running { id, sent: 0, last: 0, arrived: Vec::new() });
        let first = self.signals.newest.is_none();
        let size = if first { 1150.0 } else { (self.rate * PACKET_TIME / 8.0).clamp(250.0, 1150.0) };
        self.put(Output::Train(Train { id, rate, packets, size: size as u32 }));
    }

    /// When the queue is empty and we would like more: `want` is how long that has been so, `after` how long it must be.
    pub(super) fn ask_for_more(&mut self, want: f64, after: f64, now: Timestamp) {
        let since = now.since(self.trains.asked).as_secs_f64();
        if want > after
            && since > self.trains.gap.max(self.signals.rtt * 1.5)
            && self.rate < 0.95 * self.max()
            && self.loss.share() < 0.3
            && !self.policer.caps()
        {
            self.trains.asked = now;
            self.ask((self.rate * FACTOR).min(self.max() * 1.2), PACKETS);
        }
    }

    pub(super) fn on_trains(&mut self, top: u64, now: Timestamp) {
        while let Some(done) = self.trains.take_done(top) {
            let Some((left, came)) = done.rates() else { continue };
            let saturated = came < SATURATED * left;
            let age = self.age(now);
            let young = age < Duration::from_secs(1);
            if !young {
                self.trains.gap = if saturated { (self.trains.gap * 2.0).min(MAX_GAP) } else { 0.4 };
            }
            if !saturated {
                // It passed as it was: the path carries at least that.
                let rate = left.min(came);
                if 0.95 * rate > self.rate {
                    self.rate = (0.95 * rate).min(self.max());
                    self.capacity = self.capacity.max(rate);
                }
                if age < Duration::from_secs(2) && 0.95 * rate < 0.9 * self.max() {
                    self.ask(1.9 * rate, 12);
                }
            } else if young {
                self.set_capacity(came, now);
                self.rate = 0.95 * came;
            } else if self.limited {
                // While little is sent, the last known capacity may be long gone.
                self.set_capacity(came, now);
                self.rate = self.rate.min(0.95 * came);
            } else if 0.9 * came > self.rate {
                self.rate = 0.9 * came;
                self.capacity = came;
            }
        }
    }

    /// Somebody who sends little finds out now and then whether the path is still there.
    pub(super) fn ask_while_limited(&mut self, now: Timestamp) {
        if now.since(self.trains.asked) > Duration::from_secs(5) {
            self.trains.asked = now;
            self.ask((self.rate * 1.3).min(self.max()).max(400e3), PACKETS);
        }
    }
}

/// What sound takes is no business of the pacer.
pub(super) fn video_rate(target: f64, config: &Config) -> f64 {
    (target - f64::from(config.audio)).max(40e3)
}

/// Bits a second over the last second.
pub(super) fn sent_rate(sent: &VecDeque<(Timestamp, u32)>) -> f64 {
    mean_rate(sent.iter().map(|(_, size)| f64::from(*size)).sum::<f64>() * 8.0, Duration::from_secs(1))
}
