//! The rule of every day: grow while the queue is empty, follow the capacity while there is one, drain when it is long.

use std::time::Duration;

use fika_media::Timestamp;

use super::Output;
use super::control::{Control, State, seconds};

/// The queue that a busy path is held at, and up to where it counts as empty: about a packet at 2.5 Mbit/s. Milliseconds,
/// like all that follow; the path's jitter is added to each.
const Q_HELD: f64 = 2.0;
pub(super) const Q_EMPTY: f64 = 3.6;
/// A cut is due above it: a packet and a bit at 1 Mbit/s.
const Q_CUT: f64 = 12.0;
/// Above any burst of one keyframe of our own.
const Q_DRAIN: f64 = 65.0;
/// Draining ends at it.
pub(super) const Q_DRAINED: f64 = 2.0;
/// How strongly the rate follows the queue, per second: with a loop of 0.2 s the product stays well below π/2.
const GAIN: f64 = 5.0;
const CAPACITY_GAIN: f64 = 0.2;
/// As GCC cuts, so that both give way alike.
const CUT: f64 = 0.85;
pub(super) const AFTER_DRAIN: f64 = 0.97;
const STILL_STANDING: f64 = 0.65;
/// Video is held back at most this long, eight frames: a queue of 300 ms is empty then.
pub(super) const HOLD: Duration = Duration::from_millis(280);
/// Growth per second: at any time, soon after a cut, and later back to a capacity that is known.
const GROWTH: f64 = 0.05;
const GROWTH_CUT: f64 = 0.06;
const GROWTH_BACK: f64 = 0.30;
/// Growth per second squared once the whole capacity has been used without a queue, and its limit.
const ACCELERATION: f64 = 2.4;
const GROWTH_MAX: f64 = 0.90;
/// How long that must be: longer than a crest of the sawtooth (0.4 to 0.8 s), or trains fire in steady state. Where no
/// capacity is known, hardly at all.
const FULL_FOR: f64 = 1.2;
const QUIET_FOR: f64 = 0.1;
const QUIET_TRAIN: f64 = 0.85;
/// A capacity is believed for this time.
const CAPACITY_MEMORY: Duration = Duration::from_secs(12);
const CUT_MEMORY: Duration = Duration::from_secs(2);

impl Control {
    /// One report: `passed` seconds after the last, `sent` and `delivered` in bits a second.
    pub(super) fn track(&mut self, passed: f64, sent: f64, delivered: f64, starting: bool, now: Timestamp) {
        let (queue, jitter) = (self.signals.queue, self.signals.jitter);
        let last_few = if self.signals.has_some() { self.delivered(Duration::ZERO, 5) } else { f64::MAX };
        let stretched = queue > 20.0 + 1.5 * jitter && last_few < 0.55 * self.rate.min(sent);
        let long = queue > Q_DRAIN + 2.0 * jitter || stretched;
        if long && self.state != State::Drain && !starting && now.since(self.trains.left) > seconds(self.signals.rtt) {
            self.drain(delivered, now);
        } else if self.state == State::Drain {
            self.go_on_draining(now);
        } else if self.signals.standing > Q_EMPTY + jitter {
            self.follow(passed, delivered, starting, now);
        } else {
            self.busy = 0;
            self.quiet += passed;
            if !self.limited {
                self.grow(passed, delivered, starting, now);
            }
        }
    }

    fn recently(&self) -> f64 {
        self.delivered(Duration::from_millis(60), 6)
    }

    fn drain(&mut self, delivered: f64, now: Timestamp) {
        let before = self.rate;
        self.set_capacity(self.recently().min(before.max(delivered)), now);
        self.rate = self.capacity * AFTER_DRAIN;
        self.state = State::Drain;
        self.drain_at = now;
        (self.quiet, self.full) = (0.0, 0.0);
        if self.capacity < 0.6 * before || self.predicted(now) > 200.0 {
            self.collapse(now);
        }
    }

    pub(super) fn collapse(&mut self, now: Timestamp) {
        self.collapsed_at = now;
        self.put(Output::Collapse);
    }

    fn go_on_draining(&mut self, now: Timestamp) {
        let empty = Q_EMPTY + self.signals.jitter;
        if self.signals.queue > empty {
            let rate = self.recently();
            if rate < self.capacity {
                self.capacity = rate;
                self.rate = rate * AFTER_DRAIN;
            }
        }
        self.quiet = 0.0;
        if now.since(self.drain_at) <= HOLD {
            return;
        }
        let nothing_newer = self.signals.newest.is_none_or(|newest| newest <= self.drain_at);
        if nothing_newer {
            self.rate = self.capacity * AFTER_DRAIN;
        } else if self.signals.queue > empty + 5.0 {
            self.rate = self.capacity * STILL_STANDING;
        } else {
            self.state = State::Track;
            self.rate = self.capacity * AFTER_DRAIN;
        }
    }

    /// Busy: what comes through is the capacity, or our share of it.
    fn follow(&mut self, passed: f64, delivered: f64, starting: bool, now: Timestamp) {
        let (standing, jitter) = (self.signals.standing, self.signals.jitter);
        self.busy += 1;
        let kept = if self.busy >= 2 || standing > Q_EMPTY + jitter + 15.0 { 0.0 } else { 0.5 };
        self.quiet *= kept;
        self.full *= kept;
        self.set_capacity(self.capacity + CAPACITY_GAIN * (delivered - self.capacity), now);
        if starting {
            return;
        }
        // The sawtooth empties the queue each few seconds: that is fair, and shows the shortest way again.
        if standing > Q_CUT + jitter && now.since(self.cut_at) > seconds(self.signals.rtt * 2.5) {
            self.cut_at = now;
            self.rate = self.rate.min(delivered * CUT);
        }
        let held = self.capacity * (1.0 + GAIN * (Q_HELD + jitter - standing) / 1e3).clamp(0.5, 1.02);
        let raised = held.min(self.rate * (1.0 + 0.1 * passed));
        self.rate = if held < self.rate { held } else { self.rate.max(raised) };
    }

    fn grow(&mut self, passed: f64, delivered: f64, starting: bool, now: Timestamp) {
        // Only time in which nearly all of it was in use says that there is more.
        if self.rate > 0.98 * self.capacity {
            self.full += passed;
        }
        let known = now.since(self.capacity_at) < CAPACITY_MEMORY;
        let (time, grown, train) =
            if known { (self.full, FULL_FOR, FULL_FOR) } else { (self.quiet, QUIET_FOR, QUIET_TRAIN) };
        let back = match self.rate < 0.96 * self.capacity {
            true if now.since(self.cut_at) < CUT_MEMORY => GROWTH_CUT,
            true => GROWTH_BACK,
            false => 0.0,
        };
        let growth = back.max((GROWTH + ACCELERATION * (time - grown).max(0.0)).min(GROWTH_MAX));
        if !starting {
            // A rate that was never used proves nothing.
            let proven = (1.6 * delivered + 100e3).max(self.rate.min(self.capacity));
            self.rate = (self.rate * (1.0 + growth * passed)).min(proven.max(self.rate * 0.98));
        }
        if self.rate > 1.05 * self.capacity && time > grown {
            self.capacity = self.rate;
        }
        self.ask_for_more(time, train, now);
    }
}
