//! The rule that turns what the path tells into a rate. One per connection, inside the interceptor next to the wire.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

use super::compete::{Compete, TEST_SHARE};
use super::history::History;
use super::loss::Loss;
use super::policer::Policer;
use super::signals::{Signals, forget};
use super::track::{AFTER_DRAIN, HOLD, Q_DRAINED, Q_EMPTY};
use super::train::{Trains, sent_rate, video_rate};
use super::{Config, MIN_RATE, Output, Reported};

/// Any excess of the pacer over the target goes straight into the queue of the path; the backlog is better in our own,
/// where it can be dropped.
const PACE: f64 = 1.02;
/// Where nothing but our own limit holds the rate down, a frame need not be spread over the time to the next one ...
const FAST_PACE: f64 = 2.5;
/// ... which is so near that limit, on a path that was seen to carry more.
const UNBOUND: (f64, f64) = (0.95, 1.25);
/// Headers of RTP, UDP and IP beside the picture.
const HEADERS: f64 = 1.05;
/// Until the trains of the beginning are back.
const STARTING: Duration = Duration::from_millis(500);
const DELIVERED_WINDOW: Duration = Duration::from_millis(150);
/// Less than this share of the target was sent in the last second: what we send is limited by the picture.
const LIMITED: f64 = 0.7;
/// Neither reports nor an answer for this time while packets are on their way: the path is cut.
const SILENCE: Duration = Duration::from_millis(1000);
/// On a path that seems cut a packet leaves after this time: without one nobody would answer when it carries again.
const KNOCK: Duration = Duration::from_millis(250);
/// Reports of receivers decide where there is no transport-wide feedback.
const NO_FEEDBACK: Duration = Duration::from_secs(2);
/// Outputs that wait. Full: the oldest is dropped, its reason has passed.
const MAX_OUTPUTS: usize = 16;

/// Long before anything.
pub(super) const NEVER: Timestamp = Timestamp(i64::MIN / 2);

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 3600.0))
}

pub(super) fn mean_rate(bits: f64, window: Duration) -> f64 {
    bits / window.as_secs_f64()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Grows while the queue is empty, follows the capacity while it is not.
    Track,
    /// Sends no video until the queue has gone.
    Drain,
    /// Beside a flow that keeps the queue full: loss decides.
    Compete,
}

#[derive(Debug)]
pub struct Control {
    config: Config,
    pub(super) state: State,
    pub(super) rate: f64,
    /// What the path was seen to carry while it was busy, and when.
    pub(super) capacity: f64,
    pub(super) capacity_at: Timestamp,
    history: History,
    pub(super) signals: Signals,
    pub(super) loss: Loss,
    pub(super) policer: Policer,
    pub(super) trains: Trains,
    pub(super) compete: Compete,
    sent: VecDeque<(Timestamp, u32)>,
    targets: VecDeque<(Timestamp, f64)>,
    /// Less is sent than may be.
    pub(super) limited: bool,
    began: Option<Timestamp>,
    last_feedback: Option<Timestamp>,
    last_sent: Timestamp,
    silent: bool,
    /// Seconds without a queue, and with the whole capacity in use.
    pub(super) quiet: f64,
    pub(super) full: f64,
    pub(super) busy: u32,
    pub(super) cut_at: Timestamp,
    pub(super) drain_at: Timestamp,
    pub(super) collapsed_at: Timestamp,
    outputs: VecDeque<Output>,
}

impl Control {
    pub fn new(config: Config) -> Self {
        let rate = f64::from(config.start.clamp(MIN_RATE, config.max.max(MIN_RATE)));
        Self {
            config,
            state: State::Track,
            rate,
            capacity: 2.0 * rate,
            capacity_at: NEVER,
            history: History::default(),
            signals: Signals::default(),
            loss: Loss::default(),
            policer: Policer::default(),
            trains: Trains::default(),
            compete: Compete::default(),
            sent: VecDeque::new(),
            targets: VecDeque::new(),
            limited: false,
            began: None,
            last_feedback: None,
            last_sent: NEVER,
            silent: false,
            quiet: 0.0,
            full: 0.0,
            busy: 0,
            cut_at: NEVER,
            drain_at: NEVER,
            collapsed_at: NEVER,
            outputs: VecDeque::new(),
        }
    }

    /// Bits a second for all that leaves.
    pub fn target(&self) -> u32 {
        let share = if self.compete.test.is_some() { TEST_SHARE } else { 1.0 };
        (self.rate.min(self.max()) * share) as u32
    }

    /// Bits a second for video, without what sound takes.
    pub fn video_target(&self) -> u32 {
        video_rate(f64::from(self.target()), &self.config) as u32
    }

    /// Bits a second for the encoder: what remains beside headers, and copies of what is lost.
    pub fn media_target(&self) -> u32 {
        (f64::from(self.video_target()) * (1.0 - self.loss()).max(0.3) / HEADERS) as u32
    }

    /// Bits a second at which the pacer sends.
    pub fn pacing_rate(&self) -> f64 {
        let (near, more) = UNBOUND;
        let unbound =
            self.state == State::Track && self.rate >= near * self.max() && self.capacity >= more * self.max();
        let empty = self.signals.standing < Q_EMPTY + self.signals.jitter;
        f64::from(self.video_target()) * if unbound && empty { FAST_PACE } else { PACE }
    }

    /// No video leaves now: the path has more than enough.
    pub fn holds(&self, now: Timestamp) -> bool {
        let draining = self.state == State::Drain && now.since(self.drain_at) < HOLD && self.predicted(now) > Q_DRAINED;
        draining || self.silent && now.since(self.last_sent) < KNOCK
    }

    /// Of the picture, bits a second: never more than this.
    pub fn max_media(&self) -> u32 {
        self.config.max.saturating_sub(self.config.audio)
    }

    /// Less was sent lately than the path takes, because there was no more.
    pub const fn is_limited(&self) -> bool {
        self.limited
    }

    pub const fn state(&self) -> State {
        self.state
    }

    /// Share of the packets of the last second that are lost for good.
    pub fn loss(&self) -> f64 {
        self.loss.share()
    }

    /// What a packet meets on the path beyond its shortest way.
    pub fn queue(&self) -> Duration {
        seconds(self.signals.queue / 1e3)
    }

    /// A packet leaves now; `number` grows by one from packet to packet.
    pub fn on_sent(&mut self, number: u64, size: usize, train: Option<u32>, now: Timestamp) {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.history.on_sent(number, size, train, now);
        self.last_sent = now;
        self.sent.push_back((now, size));
        forget(&mut self.sent, now - Duration::from_secs(1));
        if let Some(train) = train {
            self.trains.on_sent(train, number, now);
        }
    }

    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.began.is_none() {
            self.began = Some(now);
            self.start_trains(now);
        }
        if self.state == State::Drain && self.predicted(now) <= Q_DRAINED {
            self.state = State::Track;
            self.rate = (self.capacity * AFTER_DRAIN).max(f64::from(MIN_RATE));
        }
        // Packets left after the last report, for long, and nothing came of it.
        // After a pause the first packet has not been waited for yet, however old the last report is.
        let waiting = self.history.waiting_since().filter(|_| self.last_feedback.is_some());
        self.silent =
            waiting.is_some_and(|since| now.since(since) > SILENCE && self.last_sent.since(since) > SILENCE / 2);
    }

    /// When to call [`Self::handle_timeout`] next.
    pub fn poll_timeout(&self, now: Timestamp) -> Timestamp {
        match self.began {
            None => now,
            Some(_) if self.state == State::Drain => now + Duration::from_millis(5),
            Some(_) => now + Duration::from_millis(100),
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(super) fn put(&mut self, output: Output) {
        if self.outputs.len() == MAX_OUTPUTS {
            self.outputs.pop_front();
        }
        self.outputs.push_back(output);
    }

    pub(super) fn max(&self) -> f64 {
        f64::from(self.config.max)
    }

    pub(super) fn age(&self, now: Timestamp) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.since(began))
    }

    pub(super) fn set_capacity(&mut self, capacity: f64, now: Timestamp) {
        self.capacity = capacity;
        self.capacity_at = now;
    }

    /// What comes through; our own rate while that is not known.
    pub(super) fn delivered(&self, window: Duration, count: usize) -> f64 {
        self.signals.rate(window, count).unwrap_or(self.rate)
    }

    /// The queue that a packet sent now would meet, ms: the last one seen, with what has left since and the time since.
    pub(super) fn predicted(&self, now: Timestamp) -> f64 {
        let Some(newest) = self.signals.newest else { return 0.0 };
        let added = self.history.outstanding() as f64 * 8e3 / self.capacity.max(50e3);
        (self.signals.queue + added - now.since(newest).as_secs_f64() * 1e3).max(0.0)
    }

    /// What one feedback of the peer names, in ascending order.
    pub fn handle_feedback(&mut self, reported: &[Reported], now: Timestamp) {
        let reports = self.history.on_reported(reported);
        let Some(top) = reports.iter().map(|report| report.number).max() else { return };
        self.began.get_or_insert(now);
        let passed = self.last_feedback.map_or(0.05, |last| now.since(last).as_secs_f64().min(0.3));
        self.last_feedback = Some(now);
        if std::mem::take(&mut self.silent) {
            // What the far side has missed it does not want any more.
            self.collapse(now);
        }
        for report in &reports {
            if let Some(at) = report.arrived {
                self.trains.on_arrived(report, at);
            }
        }
        let lost = self.loss.on_reports(&reports, now);
        if !self.signals.on_reports(&reports, self.capacity, now) {
            return;
        }
        let delivered = self.delivered(DELIVERED_WINDOW, 0);
        let sent = sent_rate(&self.sent);
        self.targets.push_back((now, f64::from(self.target())));
        forget(&mut self.targets, now - Duration::from_secs(1));
        let mean = self.targets.iter().map(|(_, target)| *target).sum::<f64>() / self.targets.len() as f64;
        // Against the mean: a target that has just risen cannot have been used yet.
        self.limited = self.age(now) > Duration::from_secs(1) && sent < LIMITED * mean;
        self.on_trains(top, now);
        if self.state == State::Compete {
            self.on_competition(passed, lost, delivered, now);
            return;
        }
        let starting = self.age(now) < STARTING;
        self.track(passed, sent, delivered, starting, now);
        if !starting {
            self.on_standing(delivered, now);
        }
        self.on_loss(lost as f64 / reports.len() as f64, delivered, starting, now);
        if self.limited && self.state == State::Track && self.signals.standing < Q_EMPTY + self.signals.jitter {
            self.ask_while_limited(now);
        }
        let floor = f64::from(MIN_RATE);
        self.rate = self.policer.cap(self.rate.clamp(floor, self.max())).max(floor);
    }

    /// A report block of the peer: what remains where it sends no transport-wide feedback.
    pub fn handle_report(&mut self, fraction_lost: f64, now: Timestamp) {
        if self.last_feedback.is_some_and(|last| now.since(last) < NO_FEEDBACK) {
            return;
        }
        let factor = if fraction_lost > 0.1 {
            1.0 - 0.5 * fraction_lost.min(1.0)
        } else if fraction_lost < 0.02 {
            1.05
        } else {
            1.0
        };
        self.rate = (self.rate * factor).clamp(f64::from(MIN_RATE), self.max());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: i64 = 100;

    /// Sends a packet each 20 ms unless it holds, from `from` to `to` ms; reports come back while `carries`.
    fn run(control: &mut Control, number: &mut u64, (from, to): (i64, i64), carries: bool) -> usize {
        let first = *number;
        for ms in (from..to).step_by(20) {
            let now = Timestamp::from_millis(ms);
            control.handle_timeout(now);
            if !control.holds(now) {
                control.on_sent(*number, 1000, None, now);
                *number += 1;
            }
            if carries && *number > first {
                let arrived = Some(Timestamp::from_millis(ms + RTT / 2));
                control.handle_feedback(&[Reported { number: *number - 1, arrived }], now + Duration::from_millis(1));
            }
        }
        (*number - first) as usize
    }

    #[test]
    fn a_path_that_seems_cut_is_knocked_at_and_comes_back() {
        let (mut control, mut number) = (Control::new(Config::with_max(2_000_000)), 0);
        assert_eq!(run(&mut control, &mut number, (0, 2000), true), 100);
        let into_the_dark = run(&mut control, &mut number, (2000, 8000), false);
        assert!((60..80).contains(&into_the_dark), "a second of them, and four a second: {into_the_dark}");
        assert!(run(&mut control, &mut number, (8000, 9000), true) > 30);
    }

    #[test]
    fn a_pause_is_no_silence() {
        let (mut control, mut number) = (Control::new(Config::with_max(2_000_000)), 0);
        run(&mut control, &mut number, (0, 2000), true);
        while control.poll_output().is_some() {}
        // Nobody looked for a minute.
        assert_eq!(run(&mut control, &mut number, (62_000, 62_400), false), 20, "an answer takes its time");
        run(&mut control, &mut number, (62_400, 63_000), true);
        let outputs: Vec<Output> = std::iter::from_fn(|| control.poll_output()).collect();
        assert!(!outputs.contains(&Output::Collapse), "{outputs:?}");
    }
}
