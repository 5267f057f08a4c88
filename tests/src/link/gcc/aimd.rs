//! What the rate does with what the trendline sees: additive increase near the capacity, multiplicative decrease.
//!
//! After `goog_cc`'s AIMD rate control and link capacity estimator. A plain value; bits a second.

use std::time::Duration;

use fika_media::Timestamp;

use super::trendline::Usage;

/// Of what comes through, on overuse; and a little less.
const DECREASE: f64 = 0.85;
const BELOW: f64 = 5e3;
/// Growth per second while the capacity is not known.
const GROWTH: f64 = 1.08;
/// Near it: a packet of this, bytes, per response, which is twice the round trip and the detector's 100 ms.
const PACKET: f64 = 1200.0;
const DETECTION: f64 = 0.1;
const LEAST_INCREASE: f64 = 4e3;
const FRAMES: f64 = 30.0;
/// What is believed lies at most this above what comes through.
const AHEAD: (f64, f64) = (1.5, 10e3);
/// A further decrease waits for a round trip within these.
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
/// Weights of a new sample of the capacity; the limits of its deviation, in kbit/s; how many of them are near.
const WEIGHT: f64 = 0.05;
const DEVIATION: (f64, f64) = (0.4, 2.5);
const NEAR: f64 = 3.0;
const LEAST: f64 = 30e3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hold,
    Increase,
}

/// The capacity as seen at overuse, kbit/s, and its normalised variance.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    estimate: f64,
    deviation: f64,
}

#[derive(Debug)]
pub(super) struct Aimd {
    pub(super) rate: f64,
    state: State,
    capacity: Option<Capacity>,
    deviation: f64,
    changed: Timestamp,
}

impl Aimd {
    pub(super) const fn new(rate: f64) -> Self {
        Self { rate, state: State::Hold, capacity: None, deviation: DEVIATION.0, changed: Timestamp::ZERO }
    }

    /// What a probe has found.
    pub(super) fn set(&mut self, rate: f64, now: Timestamp) {
        self.rate = rate;
        self.changed = now;
    }

    /// One report; `rtt` in seconds.
    pub(super) fn update(&mut self, usage: Usage, throughput: f64, rtt: f64, now: Timestamp) {
        match usage {
            Usage::Over => {
                let again = Duration::from_secs_f64(rtt).clamp(AGAIN.0, AGAIN.1);
                if now.since(self.changed) >= again || throughput < 0.5 * self.rate {
                    self.decrease(throughput, now);
                }
            }
            Usage::Under => self.state = State::Hold,
            Usage::Normal => {
                if self.state == State::Hold {
                    self.state = State::Increase;
                    self.changed = now;
                }
                self.increase(throughput, rtt, now);
            }
        }
    }

    fn increase(&mut self, throughput: f64, rtt: f64, now: Timestamp) {
        if self.capacity.is_some_and(|capacity| throughput / 1e3 > capacity.bounds().1) {
            self.capacity = None;
        }
        let passed = now.since(self.changed).as_secs_f64();
        let (factor, more) = AHEAD;
        let limit = factor * throughput + more;
        if self.rate < limit {
            let step = match self.capacity {
                Some(_) => self.near_capacity(rtt) * passed,
                None => (self.rate * (GROWTH.powf(passed.min(1.0)) - 1.0)).max(1e3),
            };
            self.rate = (self.rate + step).min(limit);
        }
        self.changed = now;
    }

    /// Bits a second, each second.
    fn near_capacity(&self, rtt: f64) -> f64 {
        let frame = self.rate / FRAMES / 8.0;
        let packet = frame / (frame / PACKET).ceil();
        (packet * 8.0 / (2.0 * (rtt + DETECTION))).max(LEAST_INCREASE)
    }

    fn decrease(&mut self, throughput: f64, now: Timestamp) {
        let mut rate = DECREASE * throughput - BELOW;
        if rate > self.rate
            && let Some(capacity) = self.capacity
        {
            rate = DECREASE * capacity.estimate * 1e3;
        }
        self.rate = self.rate.min(rate).max(LEAST);
        let sample = throughput / 1e3;
        let known = self.capacity.filter(|capacity| sample >= capacity.bounds().0);
        let estimate = known.map_or(sample, |known| (1.0 - WEIGHT) * known.estimate + WEIGHT * sample);
        let error = (estimate - sample).powi(2) / estimate.max(1.0);
        self.deviation = ((1.0 - WEIGHT) * self.deviation + WEIGHT * error).clamp(DEVIATION.0, DEVIATION.1);
        self.capacity = Some(Capacity { estimate, deviation: self.deviation });
        self.state = State::Hold;
        self.changed = now;
    }
}

impl Capacity {
    fn bounds(&self) -> (f64, f64) {
        let near = NEAR * (self.deviation * self.estimate).sqrt();
        ((self.estimate - near).max(0.0), self.estimate + near)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn far_from_the_capacity_it_grows_by_a_share_and_near_it_by_packets() {
        let mut aimd = Aimd::new(1e6);
        (0..=20).for_each(|step| aimd.update(Usage::Normal, 1e6, 0.1, ms(step * 50)));
        assert!((1.079e6..1.082e6).contains(&aimd.rate), "{}", aimd.rate);
        aimd.update(Usage::Over, 1e6, 0.1, ms(1300));
        assert_eq!(aimd.rate, 845e3);
        (0..=20).for_each(|step| aimd.update(Usage::Normal, 1e6, 0.1, ms(1350 + step * 50)));
        // Frames of 3520 bytes are three packets of 1174, and one of them more each 0.4 s.
        assert!((867e3..870e3).contains(&aimd.rate), "{}", aimd.rate);
    }

    #[test]
    fn what_comes_through_far_above_the_capacity_makes_it_unknown() {
        let mut aimd = Aimd::new(1e6);
        aimd.update(Usage::Over, 1e6, 0.1, ms(1000));
        assert!(aimd.capacity.is_some());
        aimd.update(Usage::Normal, 1.3e6, 0.1, ms(1100));
        assert!(aimd.capacity.is_none());
    }
}
