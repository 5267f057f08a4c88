//! What was seen of a path and of the pictures that came over it: the figures that are made of that, the same for virtual
//! time and for programs. Times in seconds, rates in bits a second.

use std::collections::VecDeque;

use fika_media::Timestamp;

use super::{Fate, Passage};

/// A picture on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub at: Timestamp,
    /// `None`: not told.
    pub captured: Option<Timestamp>,
}

#[derive(Debug)]
pub struct Seen {
    pub passages: Vec<Passage>,
    /// What the path carried from when on.
    pub rates: Vec<(Timestamp, f64)>,
    pub end: Timestamp,
    /// Bytes that count and arrived.
    pub received: Vec<(Timestamp, usize)>,
    pub shown: Vec<Shown>,
}

pub(super) fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros((seconds * 1e6) as i64)
}

/// The value that this share of all does not exceed.
fn part(mut values: Vec<f64>, share: f64) -> Option<f64> {
    let at = (values.len().checked_sub(1)? as f64 * share) as usize;
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Bits a second of what was received.
pub fn rate(received: &[(Timestamp, usize)], from: f64, to: f64) -> f64 {
    let inside = received.iter().filter(|(when, _)| (at(from)..at(to)).contains(when));
    inside.map(|(_, size)| *size as f64 * 8.0).sum::<f64>() / (to - from)
}

impl Seen {
    /// Bits that arrived, a second.
    pub fn rate(&self, from: f64, to: f64) -> f64 {
        rate(&self.received, from, to)
    }

    /// Share of what the path carries.
    pub fn used(&self, from: f64, to: f64) -> f64 {
        self.rate(from, to) / self.capacity(from, to)
    }

    pub fn capacity(&self, from: f64, to: f64) -> f64 {
        let ends = self.rates.iter().skip(1).map(|(at, _)| *at).chain([self.end]);
        let parts = self
            .rates
            .iter()
            .zip(ends)
            .map(|((begin, rate), end)| rate * end.min(at(to)).since((*begin).max(at(from))).as_secs_f64());
        parts.sum::<f64>() / (to - from)
    }

    /// Milliseconds in the queue that this share of packets does not exceed.
    pub fn queue(&self, share: f64, from: f64, to: f64) -> f64 {
        let inside = self.passages.iter().filter(|passage| (at(from)..at(to)).contains(&passage.sent));
        let through = inside.filter(|passage| matches!(passage.fate, Fate::Arrived(_)));
        part(through.map(|passage| passage.queued.as_secs_f64() * 1e3).collect(), share).expect("packets came through")
    }

    /// Until the queue is below `limit` ms for good, up to `to`.
    pub fn queue_below(&self, limit: f64, from: f64, to: f64) -> f64 {
        let above =
            self.passages.iter().rev().find(|passage| {
                (at(from)..at(to)).contains(&passage.sent) && passage.queued.as_secs_f64() * 1e3 > limit
            });
        above.map_or(0.0, |passage| passage.sent.since(at(from)).as_secs_f64())
    }

    pub fn dropped(&self, from: f64, to: f64) -> usize {
        let inside = self.passages.iter().filter(|passage| (at(from)..at(to)).contains(&passage.sent));
        inside.filter(|passage| passage.fate == Fate::Dropped).count()
    }

    /// Until `rate` arrives, over a quarter of a second.
    pub fn reaches(&self, rate: f64, from: f64) -> f64 {
        let steps = (0..).map(|step| f64::from(step) * 0.05 + from);
        let mut steps = steps.take_while(|begin| at(begin + 0.25) < self.end);
        steps.find(|begin| self.rate(*begin, begin + 0.25) >= rate).map_or(f64::INFINITY, |begin| begin + 0.25 - from)
    }

    /// Frames that were shown.
    pub fn frames(&self, from: f64, to: f64) -> usize {
        self.shown.iter().filter(|shown| (at(from)..at(to)).contains(&shown.at)).count()
    }

    /// Seconds in which the picture stood still.
    pub fn frozen(&self, from: f64, to: f64) -> f64 {
        let mut frozen = 0.0;
        let mut gaps: VecDeque<f64> = VecDeque::new();
        let times = self.shown.iter().map(|shown| shown.at).chain([self.end]);
        for (last, next) in self.shown.iter().map(|shown| shown.at).zip(times.skip(1)) {
            let gap = next.since(last).as_secs_f64();
            let mean = gaps.iter().sum::<f64>() / gaps.len().max(1) as f64;
            let inside = (at(from)..at(to)).contains(&last);
            if gaps.len() >= 5 && gap > (3.0 * mean).max(mean + 0.15) && inside {
                frozen += gap;
            }
            gaps.push_back(gap);
            if gaps.len() > 30 {
                gaps.pop_front();
            }
        }
        frozen
    }

    /// Milliseconds from capture to the screen that this share of frames does not exceed; `None`: of no frame is it known.
    pub fn delay(&self, share: f64, from: f64, to: f64) -> Option<f64> {
        let inside = self.shown.iter().filter(|shown| (at(from)..at(to)).contains(&shown.at));
        let delays = inside.filter_map(|shown| Some(shown.at.since(shown.captured?).as_secs_f64() * 1e3));
        part(delays.collect(), share)
    }
}
