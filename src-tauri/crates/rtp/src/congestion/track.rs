//! The rule of every day: grow while the queue is empty, follow the capacity while there is one, drain when it is long.

use std::time::Duration;

use fika_media::Timestamp;

use super::Output;
use super::control::{Control, State, seconds};

/// The queue that a busy path is held at, and up to where it counts as empty: about a packet at 2.5 Mbit/s. Milliseconds,
/// like all that follow; what the path's jitter makes of it is added to each.
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
/// Growth at any time is a packet of this, bits, per response: twice the round trip and these seconds until a queue is
/// noticed. As GCC grows near the capacity, so that both take alike what is free: twenty kbit/s each second at 0.1 s.
const STEP: f64 = 8.0 * 1150.0;
const NOTICED: f64 = 0.1;
/// So long after a cut another one who was cut too is still on its way back. Then, below a capacity that is known, it is one
/// step more with each second, up to this growth per second.
const SHARED_FOR: Duration = Duration::from_secs(4);
const GROWTH_BACK: f64 = 0.30;
/// Growth per second at this share of what the encoder can use, where hardly anything is left to take from others.
const GROWTH_NEARLY: f64 = 0.05;
const NEARLY_ALL: f64 = 0.75;
/// Growth per second where jitter makes cuts that no queue called for.
const GROWTH_JITTERY: f64 = 0.09;
/// Growth per second squared once the whole capacity has been used without a queue, and its limit.
const ACCELERATION: f64 = 2.4;
const GROWTH_MAX: f64 = 0.90;
/// How long that must be: longer than a crest of the sawtooth (0.4 to 0.8 s) and a frame or two of somebody else, or trains
/// fire in steady state. Where no capacity is known, hardly at all.
const FULL_FOR: f64 = 1.4;
const QUIET_FOR: f64 = 0.1;
const QUIET_TRAIN: f64 = 0.85;
/// A capacity is believed for this time.
const CAPACITY_MEMORY: Duration = Duration::from_secs(12);

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
        } else if self.signals.standing > Q_EMPTY + self.signals.guard() {
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
        let (standing, guard) = (self.signals.standing, self.signals.guard());
        self.busy += 1;
        let kept = if self.busy >= 2 || standing > Q_EMPTY + guard + 15.0 { 0.0 } else { 0.5 };
        self.quiet *= kept;
        self.full *= kept;
        self.set_capacity(self.capacity + CAPACITY_GAIN * (delivered - self.capacity), now);
        if starting {
            return;
        }
        // The sawtooth empties the queue each few seconds: that is fair, and shows the shortest way again.
        if standing > Q_CUT + guard && now.since(self.cut_at) > seconds(self.signals.rtt * 2.5) {
            self.cut_at = now;
            self.rate = self.rate.min(delivered * CUT);
        }
        let held = self.capacity * (1.0 + GAIN * (Q_HELD + guard - standing) / 1e3).clamp(0.5, 1.02);
        let raised = held.min(self.rate * (1.0 + 0.1 * passed));
        self.rate = if held < self.rate { held } else { self.rate.max(raised) };
    }

    /// Growth per second while others may want what is free as well.
    fn step(&self) -> f64 {
        let packets = STEP / (2.0 * (self.signals.rtt + NOTICED)) / self.rate;
        if self.signals.is_jittery() {
            packets.max(GROWTH_JITTERY)
        } else if self.rate > NEARLY_ALL * self.max() {
            packets.max(GROWTH_NEARLY)
        } else {
            packets
        }
    }

    fn grow(&mut self, passed: f64, delivered: f64, starting: bool, now: Timestamp) {
        // Only time in which nearly all of it was in use says that there is more.
        if self.rate > 0.98 * self.capacity {
            self.full += passed;
        }
        let known = now.since(self.capacity_at) < CAPACITY_MEMORY;
        let (time, grown, train) =
            if known { (self.full, FULL_FOR, FULL_FOR) } else { (self.quiet, QUIET_FOR, QUIET_TRAIN) };
        let step = self.step();
        let free = now.since(self.cut_at).saturating_sub(SHARED_FOR).as_secs_f64();
        let back = if self.rate < 0.96 * self.capacity { (step * (1.0 + free)).min(GROWTH_BACK) } else { 0.0 };
        let growth = step.max(back).max((ACCELERATION * (time - grown)).min(GROWTH_MAX));
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
