//! How much video the path takes: additive increase, multiplicative decrease, driven by the queue on the path and by loss.
//!
//! Runs inside the wire-most interceptor of a peer connection, which tells it what leaves and what the peer reports
//! (transport-wide congestion control, draft-holmer-rmcat-transport-wide-cc-extensions-01). Simple on purpose: it keeps a
//! steady rate and gets out of the way; the seam is [`Control::on_sent`], [`Control::on_feedback`], [`Control::on_report`]
//! and [`Control::target`].

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bits a second at the beginning.
    pub start: u32,
    pub min: u32,
    pub max: u32,
}

impl Config {
    pub fn with_max(max: u32) -> Self {
        let max = max.max(100_000);
        Self { start: max.min(1_000_000), min: 100_000, max }
    }
}

/// Sent packets that are remembered until they are reported. Full: the oldest counts as unknown.
const MAX_IN_FLIGHT: usize = 2048;
/// What is delivered is measured over this time.
const RATE_WINDOW: Duration = Duration::from_millis(500);
/// The shortest way is taken over this time, in two halves; clocks drift and routes change.
const BASE_WINDOW: Duration = Duration::from_secs(10);
/// Queueing delay above which the rate falls, and below which it may rise.
const HIGH_DELAY: Duration = Duration::from_millis(60);
const LOW_DELAY: Duration = Duration::from_millis(25);
const HIGH_LOSS: f64 = 0.10;
const LOW_LOSS: f64 = 0.03;
/// Time between two decreases: the effect of the first must be seen before the second.
const DECREASE_INTERVAL: Duration = Duration::from_millis(300);
/// No feedback for this time: receiver reports decide.
const FEEDBACK_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug)]
struct Sent {
    number: u64,
    size: usize,
    at: Timestamp,
}

/// One packet in a feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Transport-wide sequence number, unwrapped by the caller.
    pub number: u64,
    /// On the receiver's clock; `None`: named as missing.
    pub arrived: Option<Timestamp>,
}

#[derive(Debug)]
pub struct Control {
    config: Config,
    target: f64,
    in_flight: VecDeque<Sent>,
    /// Bytes and the time of their arrival, for the delivered rate.
    delivered: VecDeque<(Timestamp, usize)>,
    delivered_bytes: usize,
    /// Smallest one-way time (with the clocks' offset) of the last half window and of this one.
    base: [Option<i64>; 2],
    base_since: Option<Timestamp>,
    queue: f64,
    loss: f64,
    last_feedback: Option<Timestamp>,
    last_increase: Option<Timestamp>,
    last_decrease: Option<Timestamp>,
}

impl Control {
    pub fn new(config: Config) -> Self {
        Self {
            target: f64::from(config.start.clamp(config.min, config.max)),
            config,
            in_flight: VecDeque::new(),
            delivered: VecDeque::new(),
            delivered_bytes: 0,
            base: [None; 2],
            base_since: None,
            queue: 0.0,
            loss: 0.0,
            last_feedback: None,
            last_increase: None,
            last_decrease: None,
        }
    }

    /// Bits a second for video.
    pub const fn target(&self) -> u32 {
        self.target as u32
    }

    /// A packet leaves now; `number` grows by one from packet to packet.
    pub fn on_sent(&mut self, number: u64, size: usize, now: Timestamp) {
        if self.in_flight.len() == MAX_IN_FLIGHT {
            self.in_flight.pop_front();
        }
        self.in_flight.push_back(Sent { number, size, at: now });
    }

    /// `reported` is what one feedback names, in ascending order.
    pub fn on_feedback(&mut self, reported: &[Reported], now: Timestamp) {
        let (mut received, mut lost) = (0u32, 0u32);
        for report in reported {
            let Ok(index) = self.in_flight.binary_search_by_key(&report.number, |sent| sent.number) else { continue };
            let sent = self.in_flight[index];
            let Some(arrived) = report.arrived else {
                lost += 1;
                continue;
            };
            received += 1;
            self.in_flight.remove(index);
            self.on_delivered(sent, arrived);
        }
        let Some(all) = (received + lost).checked_sub(1).map(|more| f64::from(more + 1)) else { return };
        self.last_feedback = Some(now);
        // Over about thirty packets, so that one lost packet of a small feedback is not a loss of 20 %.
        let weight = (all / 30.0).min(1.0);
        self.loss += (f64::from(lost) / all - self.loss) * weight;
        self.adapt(now);
    }

    /// A report block of the peer: what remains where it sends no transport-wide feedback.
    pub fn on_report(&mut self, fraction_lost: f64, now: Timestamp) {
        if self.last_feedback.is_some_and(|last| now.since(last) < FEEDBACK_TIMEOUT) {
            return;
        }
        self.loss = fraction_lost.clamp(0.0, 1.0);
        self.queue = 0.0;
        self.delivered.clear();
        self.delivered_bytes = 0;
        self.adapt(now);
    }

    fn on_delivered(&mut self, sent: Sent, arrived: Timestamp) {
        self.delivered.push_back((arrived, sent.size));
        self.delivered_bytes += sent.size;
        while let Some((at, size)) = self.delivered.front().copied() {
            if arrived.since(at) <= RATE_WINDOW && self.delivered.len() <= MAX_IN_FLIGHT {
                break;
            }
            self.delivered.pop_front();
            self.delivered_bytes -= size;
        }

        let way = arrived.as_micros().saturating_sub(sent.at.as_micros());
        let since = *self.base_since.get_or_insert(sent.at);
        if sent.at.since(since) > BASE_WINDOW / 2 {
            self.base = [self.base[1], None];
            self.base_since = Some(sent.at);
        }
        self.base[1] = Some(self.base[1].map_or(way, |base| base.min(way)));
        let shortest = self.base.iter().flatten().min().copied().unwrap_or(way);
        self.queue += (way.saturating_sub(shortest) as f64 - self.queue) / 8.0;
    }

    /// Bits a second that arrived lately; `None` before there is enough to tell.
    fn delivered_rate(&self) -> Option<f64> {
        let (first, last) = (self.delivered.front()?.0, self.delivered.back()?.0);
        let span = last.since(first);
        (span >= RATE_WINDOW / 2).then(|| self.delivered_bytes as f64 * 8.0 / span.as_secs_f64())
    }

    fn adapt(&mut self, now: Timestamp) {
        let delayed = self.queue > HIGH_DELAY.as_micros() as f64;
        let lossy = self.loss > HIGH_LOSS;
        if delayed || lossy {
            self.last_increase = Some(now);
            if self.last_decrease.is_some_and(|last| now.since(last) < DECREASE_INTERVAL) {
                return;
            }
            self.last_decrease = Some(now);
            let kept = if delayed { 0.85 } else { 1.0 - 0.5 * self.loss };
            // What arrives is what the path takes; it is never a reason to send more.
            let from = self.delivered_rate().map_or(self.target, |rate| rate.min(self.target));
            self.set(from * kept);
        } else if self.queue < LOW_DELAY.as_micros() as f64 && self.loss < LOW_LOSS {
            let elapsed = self.last_increase.map_or(Duration::ZERO, |last| now.since(last)).min(Duration::from_secs(1));
            self.last_increase = Some(now);
            // Carefully after a decrease, fast before the first.
            let per_second = if self.last_decrease.is_none() { 0.25 } else { 0.08 };
            let raised = self.target * (1.0 + per_second * elapsed.as_secs_f64());
            // A rate that was never used proves nothing.
            let proven = self.delivered_rate().map_or(raised, |rate| rate * 1.5 + 100_000.0);
            self.set(raised.min(proven.max(self.target)));
        } else {
            self.last_increase = Some(now);
        }
    }

    fn set(&mut self, target: f64) {
        self.target = target.clamp(f64::from(self.config.min), f64::from(self.config.max));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A drop-tail link with a constant sender that follows the target.
    struct Link {
        capacity: f64,
        queue_limit: Duration,
        loss_every: Option<u64>,
        free_at: f64,
        now: f64,
        number: u64,
        reports: Vec<Reported>,
        next_report: f64,
        worst_queue: f64,
    }

    impl Link {
        fn new(capacity: f64) -> Self {
            Self {
                capacity,
                queue_limit: Duration::from_millis(300),
                loss_every: None,
                free_at: 0.0,
                now: 0.0,
                number: 0,
                reports: Vec::new(),
                next_report: 0.1,
                worst_queue: 0.0,
            }
        }

        fn run(&mut self, control: &mut Control, seconds: f64) {
            let end = self.now + seconds;
            let at = |seconds: f64| Timestamp::from_micros((seconds * 1e6) as i64);
            self.worst_queue = 0.0;
            while self.now < end {
                let size = 1000;
                control.on_sent(self.number, size, at(self.now));
                let queue = (self.free_at - self.now).max(0.0);
                self.worst_queue = self.worst_queue.max(queue);
                let lost = queue > self.queue_limit.as_secs_f64()
                    || self.loss_every.is_some_and(|every| self.number.is_multiple_of(every));
                let arrived = (!lost).then(|| {
                    self.free_at = self.free_at.max(self.now) + size as f64 * 8.0 / self.capacity;
                    // The receiver's clock has another zero.
                    at(self.free_at + 0.025 + 5000.0)
                });
                self.reports.push(Reported { number: self.number, arrived });
                self.number += 1;
                if self.now >= self.next_report {
                    control.on_feedback(&std::mem::take(&mut self.reports), at(self.now + 0.05));
                    self.next_report = self.now + 0.1;
                }
                self.now += size as f64 * 8.0 / f64::from(control.target());
            }
        }
    }

    #[test]
    fn an_open_link_is_used_to_the_cap_and_not_beyond() {
        let mut control = Control::new(Config::with_max(2_500_000));
        assert_eq!(control.target(), 1_000_000);
        Link::new(20e6).run(&mut control, 8.0);
        assert_eq!(control.target(), 2_500_000);
    }

    #[test]
    fn a_narrow_link_is_filled_without_a_standing_queue() {
        let mut control = Control::new(Config::with_max(2_500_000));
        let mut link = Link::new(1e6);
        link.run(&mut control, 20.0);
        link.run(&mut control, 20.0);
        assert!(control.target() > 600_000 && control.target() < 1_200_000, "{}", control.target());
        assert!(link.worst_queue < 0.2, "{}", link.worst_queue);
    }

    #[test]
    fn a_drop_is_followed_and_recovered_from() {
        let mut control = Control::new(Config::with_max(2_500_000));
        let mut link = Link::new(4e6);
        link.run(&mut control, 10.0);
        link.capacity = 500e3;
        link.run(&mut control, 5.0);
        assert!(control.target() < 650_000, "{}", control.target());
        link.capacity = 4e6;
        link.run(&mut control, 30.0);
        assert!(control.target() > 2_000_000, "{}", control.target());
    }

    #[test]
    fn two_per_cent_of_random_loss_do_not_slow_it_and_twenty_do() {
        let mut control = Control::new(Config::with_max(2_500_000));
        let mut link = Link::new(20e6);
        link.loss_every = Some(50);
        link.run(&mut control, 15.0);
        assert!(control.target() > 2_300_000, "{}", control.target());
        link.loss_every = Some(5);
        link.run(&mut control, 10.0);
        assert!(control.target() < 1_500_000, "{}", control.target());
    }

    #[test]
    fn an_idle_sender_keeps_its_rate_but_does_not_raise_it() {
        let mut control = Control::new(Config { start: 1_000_000, min: 100_000, max: 5_000_000 });
        for i in 0..200u64 {
            let now = Timestamp::from_millis(i as i64 * 50);
            control.on_sent(i, 200, now);
            control.on_feedback(&[Reported { number: i, arrived: Some(now) }], now);
        }
        assert!((1_000_000..1_200_000).contains(&control.target()), "{}", control.target());
    }

    #[test]
    fn reports_alone_decide_by_loss() {
        let mut control = Control::new(Config::with_max(2_000_000));
        for second in 0..20 {
            control.on_report(0.0, Timestamp::from_millis(second * 1000));
        }
        assert_eq!(control.target(), 2_000_000);
        control.on_report(0.4, Timestamp::from_millis(21_000));
        assert_eq!(control.target(), 1_600_000);
    }

    proptest! {
        #[test]
        fn any_feedback_leaves_the_target_within_its_limits(
            steps in prop::collection::vec(
                (prop::collection::vec((0..300u64, any::<Option<i64>>()), 0..20), any::<i64>(), any::<f64>()), 0..50),
        ) {
            let mut control = Control::new(Config::with_max(1_500_000));
            for (number, (reported, now, loss)) in steps.into_iter().enumerate() {
                let now = Timestamp(now);
                control.on_sent(number as u64, 1200, now);
                let reported: Vec<Reported> = reported.into_iter()
                    .map(|(number, arrived)| Reported { number, arrived: arrived.map(Timestamp) }).collect();
                control.on_feedback(&reported, now);
                control.on_report(loss, now);
                prop_assert!((100_000..=1_500_000).contains(&control.target()));
            }
        }
    }
}
