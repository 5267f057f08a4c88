//! A standing queue that our own backing off does not remove: a longer route when it stays flat, a competitor when it
//! moves. Beside a competitor that fills the queue, delay says nothing, and who heeds it gets nothing.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

use super::control::{Control, NEVER, State, seconds};
use super::signals::forget;

/// A floor above this, plus 1.5 times the jitter, is the beginning of an episode.
const STANDING: f64 = 45.0;
/// It must outlast our own backing off: one second, the predicted drain and a round trip.
const WAIT: f64 = 1.0;
/// A queue that moves by less than this is no queue but a way.
const FLAT: f64 = 8.0;
/// A competitor starts with at least this of the best rate of late.
const START: f64 = 0.35;
const BEST: Duration = Duration::from_secs(10);
/// Bits a second, each second, and the factor on loss: about three Reno flows at the round trip of a full queue.
const INCREASE: f64 = 250e3;
const DECREASE: f64 = 0.85;
/// Each nine seconds we yield 40 % for a moment: when the queue goes, nobody else was filling it.
const TEST_EVERY: Duration = Duration::from_secs(9);
const TEST: Duration = Duration::from_millis(700);
pub(super) const TEST_SHARE: f64 = 0.6;
const ALONE: f64 = 0.35;

#[derive(Debug)]
pub(super) struct Compete {
    /// Since when there is a standing queue, its highest floor, and what was predicted at the begin.
    episode: Option<(Timestamp, f64, f64)>,
    best: VecDeque<(Timestamp, f64)>,
    since: Timestamp,
    cut: Timestamp,
    /// End of a test, and the queue at its begin.
    pub(super) test: Option<(Timestamp, f64)>,
    tested: Timestamp,
}

impl Default for Compete {
    fn default() -> Self {
        Self { episode: None, best: VecDeque::new(), since: NEVER, cut: NEVER, test: None, tested: NEVER }
    }
}

impl Control {
    /// Outside of competition: notices when one begins.
    pub(super) fn on_standing(&mut self, delivered: f64, now: Timestamp) {
        let (standing, jitter) = (self.signals.standing, self.signals.jitter);
        if standing <= STANDING + 1.5 * jitter {
            self.compete.episode = None;
            self.compete.best.push_back((now, delivered.min(1.2 * self.rate)));
            forget(&mut self.compete.best, now - BEST);
            return;
        }
        let best = self.compete.best.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
        let predicted = self.predicted(now);
        let (since, highest, at_begin) = self.compete.episode.unwrap_or((now, 0.0, predicted));
        let highest = standing.max(highest);
        self.compete.episode = Some((since, highest, at_begin));
        let patience = seconds(WAIT + (1.2e-3 * at_begin).min(2.5) + self.signals.rtt);
        let (low, high) = self.signals.standing_since(now - Duration::from_millis(1200));
        if now.since(since) > Duration::from_millis(1300) && high - low < FLAT + jitter && self.rate < 0.9 * best {
            self.take_route(low, now);
            self.capacity = self.capacity.max(delivered);
        } else if now.since(since) > patience && standing > 0.45 * highest {
            self.state = State::Compete;
            self.rate = self.rate.max(START * best);
            let best = std::mem::take(&mut self.compete.best);
            self.compete = Compete { episode: None, best, since: now, cut: now, test: None, tested: now };
        }
    }

    fn take_route(&mut self, by: f64, now: Timestamp) {
        self.signals.rebase(by, now);
        self.compete.episode = None;
        self.state = State::Track;
    }

    /// One report in competition: additive increase, multiplicative decrease on loss.
    pub(super) fn on_competition(&mut self, passed: f64, lost: usize, delivered: f64, now: Timestamp) {
        self.quiet = 0.0;
        let (low, high) = self.signals.standing_since(NEVER);
        let jitter = self.signals.jitter;
        if lost > 0 && now.since(self.compete.cut) > seconds(self.signals.rtt) {
            self.compete.cut = now;
            self.rate *= DECREASE;
        } else if self.compete.test.is_none() {
            self.rate = (self.rate + INCREASE * passed).min(1.3 * delivered + 100e3).max(100e3);
        }
        if let Some((end, queue)) = self.compete.test {
            if now >= end {
                self.compete.test = None;
                self.compete.tested = now;
                let (lowest, _) = self.signals.standing_since(now - Duration::from_millis(500));
                if lowest < ALONE * queue || lowest < 15.0 + jitter {
                    self.state = State::Track;
                    self.set_capacity(delivered, now);
                    self.rate = 0.9 * delivered;
                }
            }
        } else if now.since(self.compete.tested) > TEST_EVERY {
            let end = now + TEST + seconds(self.signals.rtt);
            self.compete.test = Some((end, self.signals.standing.max(1.0)));
        }
        if now.since(self.compete.since) > Duration::from_secs(4) && high - low < FLAT && low > 10.0 {
            self.take_route(low, now);
        }
        if low < 10.0 + jitter && now.since(self.compete.since) > Duration::from_secs(3) {
            self.state = State::Track;
            self.capacity = self.capacity.max(delivered);
        }
        if self.state != State::Compete {
            self.compete.test = None;
        }
        self.rate = self.rate.clamp(100e3, self.max());
    }
}
