//! What comes through, over the last second.
//!
//! After `goog_cc`'s robust throughput estimator. A plain value; full: the oldest is forgotten.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

/// At least this time and so many packets, at most these.
const WINDOW: (Duration, usize) = (Duration::from_secs(1), 20);
const MAX: (Duration, usize) = (Duration::from_secs(5), 500);
/// Fewer tell nothing.
const REQUIRED: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Throughput {
    /// Departure, arrival, bytes.
    window: VecDeque<(Timestamp, Timestamp, usize)>,
}

impl Throughput {
    pub(super) fn on_packet(&mut self, sent: Timestamp, arrived: Timestamp, size: usize) {
        self.window.push_back((sent, arrived, size));
        while self.window.front().is_some_and(|first| {
            let (age, count) = (arrived.since(first.1), self.window.len());
            age > MAX.0 || count > MAX.1 || age > WINDOW.0 && count > WINDOW.1
        }) {
            self.window.pop_front();
        }
    }

    /// Bits a second: the lesser of what left and what arrived. The largest gap between arrivals counts as the second
    /// largest, because a path that stood still for a moment is no slower path.
    pub(super) fn rate(&self) -> Option<f64> {
        let (first, last) = (self.window.front()?, self.window.back()?);
        if self.window.len() < REQUIRED {
            return None;
        }
        let gaps = self.window.iter().zip(self.window.iter().skip(1)).map(|(one, next)| next.1.since(one.1));
        let (largest, second) = gaps.fold((Duration::ZERO, Duration::ZERO), |(largest, second), gap| {
            if gap > largest { (gap, largest) } else { (largest, second.max(gap)) }
        });
        let bytes: usize = self.window.iter().map(|packet| packet.2).sum();
        let sent = self.window.iter().map(|packet| packet.0);
        let left = sent.clone().max()?.since(sent.min()?);
        let came = last.1.since(first.1) - largest + second;
        let rate = |bytes: usize, time: Duration| bytes as f64 * 8.0 / time.as_secs_f64().max(1e-3);
        Some(rate(bytes - last.2, left).min(rate(bytes - first.2, came)))
    }
}
