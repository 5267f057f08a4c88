//! Are losses our doing? Random loss never lowers the rate; a policer, which drops what exceeds a rate without queueing
//! it, is found out by an experiment: send less for a moment and see whether the losses end.

use std::time::Duration;

use fika_media::Timestamp;

use super::control::{Control, NEVER, State};

/// Losses above this share, without a queue, are worth the experiment: once in twenty seconds, for 1.5 s, at 0.8. They must
/// last longer than the window in which they are counted: after a short outage they would end by themselves, and look
/// like a policer's.
const SUSPICIOUS: f64 = 0.045;
const LASTING: Duration = Duration::from_millis(1500);
const AGAIN: Duration = Duration::from_secs(20);
const EXPERIMENT: Duration = Duration::from_millis(1500);
/// It was a policer when this much or less of the loss remains, and hardly any at all.
const GONE: f64 = 0.35;
const HARDLY_ANY: f64 = 0.015;
/// What passes is measured over this time.
const MEASURE: Duration = Duration::from_millis(800);
/// A verdict stands for a minute, creeps up by about 1 % a second, and is revoked when cuts do not help.
const VERDICT: Duration = Duration::from_secs(60);
const CREEP: f64 = 1.0008;
/// A shallow queue drops before it delays: losses of this share together with a delay of 10 ms are congestion.
const SHALLOW: f64 = 0.08;

#[derive(Debug)]
pub(super) struct Policer {
    /// Bits a second that are let through.
    ceiling: Option<f64>,
    since: Timestamp,
    cut: Timestamp,
    /// An experiment runs: its begin, and the loss, the target and the rate before.
    experiment: Option<(Timestamp, f64, f64)>,
    loss: f64,
    suspect_since: Option<Timestamp>,
    quiet_until: Timestamp,
    /// Loss while there is no queue.
    usual: f64,
}

impl Default for Policer {
    fn default() -> Self {
        Self {
            ceiling: None,
            since: NEVER,
            cut: NEVER,
            experiment: None,
            loss: 0.0,
            suspect_since: None,
            quiet_until: NEVER,
            usual: 0.0,
        }
    }
}

impl Policer {
    /// A verdict or an experiment limits the rate.
    pub(super) const fn caps(&self) -> bool {
        self.ceiling.is_some()
    }

    pub(super) fn cap(&self, rate: f64) -> f64 {
        self.ceiling.map_or(rate, |ceiling| rate.min(ceiling))
    }
}

impl Control {
    /// `share` of this report is lost; `delivered` is what comes through.
    pub(super) fn on_loss(&mut self, share: f64, delivered: f64, starting: bool, now: Timestamp) {
        if self.signals.queue < 8.0 + self.signals.jitter {
            self.policer.usual += 0.03 * (share - self.policer.usual);
        }
        let shallow =
            share > SHALLOW + 2.0 * self.policer.usual && self.signals.queue > 10.0 + 1.5 * self.signals.jitter;
        if shallow && !starting && 0.93 * delivered < self.rate {
            self.rate = 0.93 * delivered;
            self.capacity = self.capacity.min(delivered);
            self.quiet = 0.0;
        }
        if let Some((begun, before, measured)) = self.policer.experiment {
            if now.since(begun) > EXPERIMENT {
                self.conclude(before, measured, now);
            }
        } else if let Some(ceiling) = self.policer.ceiling {
            self.keep_verdict(ceiling * CREEP, now);
        } else {
            self.suspect(now);
        }
    }

    fn suspect(&mut self, now: Timestamp) {
        let loss = self.loss.share();
        let suspicious = loss > SUSPICIOUS
            && self.loss.packets() >= 40
            && self.signals.standing < 10.0 + self.signals.jitter
            && now > self.policer.quiet_until
            && self.state != State::Drain
            && now.since(self.collapsed_at) > Duration::from_secs(2);
        if !suspicious {
            self.policer.suspect_since = None;
            return;
        }
        let since = *self.policer.suspect_since.get_or_insert(now);
        if now.since(since) > LASTING {
            self.policer.suspect_since = None;
            let measured = self.delivered(MEASURE, 0);
            self.policer.experiment = Some((now, self.rate, measured));
            self.policer.loss = loss;
            self.rate = (0.8 * self.rate).min(0.9 * measured);
            self.policer.ceiling = Some(self.rate);
        }
    }

    fn conclude(&mut self, before: f64, measured: f64, now: Timestamp) {
        let loss = self.loss.share();
        self.policer.experiment = None;
        if loss < GONE * self.policer.loss && loss < HARDLY_ANY {
            self.policer.ceiling = Some(0.98 * measured);
            self.policer.since = now;
            self.policer.quiet_until = now + Duration::from_secs(3);
        } else {
            self.policer.ceiling = None;
            self.rate = before;
            self.policer.quiet_until = now + AGAIN;
        }
    }

    fn keep_verdict(&mut self, ceiling: f64, now: Timestamp) {
        self.policer.ceiling = Some(ceiling);
        let loss = self.loss.share();
        let may_cut = now.since(self.policer.cut) > Duration::from_millis(1200)
            && now.since(self.policer.since) > Duration::from_secs(1);
        if loss > 0.03 && may_cut {
            let again = now.since(self.policer.cut) < Duration::from_secs(3);
            self.policer.cut = now;
            if again && loss > 0.5 * self.policer.loss {
                self.policer.ceiling = None;
                self.policer.quiet_until = now + AGAIN;
            } else {
                self.policer.loss = loss;
                self.policer.ceiling = Some(0.97 * self.delivered(MEASURE, 0));
            }
        }
        if now.since(self.policer.since) > VERDICT {
            self.policer.ceiling = None;
        }
    }
}
