//! Delays out of arrivals: the queue on the path, its floor, the path's jitter and the rate that comes through.
//!
//! The clocks of the two ends differ by an unknown offset, so only differences to the shortest way seen count.

use std::collections::VecDeque;
use std::time::Duration;

use fika_media::Timestamp;

use super::history::Report;

/// Arrivals that are kept: a second of 20 Mbit/s. Full: the oldest is forgotten.
const MAX_ARRIVALS: usize = 2048;
/// The shortest way is taken over six buckets of five seconds: longer than a TCP flow's cycle, shorter than a route that
/// nobody remembers. Thirty seconds of a clock that drifts by 30 ppm are one millisecond.
const BASE_BUCKET: i64 = 5_000_000;
const BASE_BUCKETS: usize = 6;
/// A way that differs by more than this is another clock, not a queue.
const CLOCK_STEP: f64 = 10_000.0;
/// The floor of the queue: the minimum hides our own bursts of a frame and what overtakes. 60 to 120 ms make no
/// difference; 200 ms would be slow.
const STANDING_WINDOW: Duration = Duration::from_millis(120);
/// How long the floor is remembered, and the part of it that counts as its low: longer than a crest of the sawtooth, so that
/// a queue which comes and goes does not raise it, while the path's jitter does.
const STANDINGS: Duration = Duration::from_secs(4);
const LOW: f64 = 0.2;
/// Of the jitter, the floor shows at most this many times its low, and these milliseconds: what packets of the path's other
/// flows do between ours, which looks like jitter too.
const SHOWN: (f64, f64) = (3.0, 4.0);
/// A low above it, milliseconds, is jitter that not even the floor hides: on a path that is only shared the queue runs empty.
const JITTERY: f64 = 2.5;
/// Steps of delay that tell of jitter are kept for this time; the 85th percentile counts, less the 2 ms of any path.
const STEPS: Duration = Duration::from_secs(2);
const STEP_QUANTILE: f64 = 0.85;
const STEP_FLOOR: f64 = 2.0;
const MAX_JITTER: f64 = 30.0;
/// Smaller ones are the granularity of the report (250 µs).
const MIN_STEP: f64 = 0.3;
const MIN_STEPS: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Timestamp,
    size: u32,
    /// Arrival less departure, ms.
    way: f64,
}

#[derive(Debug)]
pub(super) struct Signals {
    /// Number of the bucket and the shortest way in it.
    base: VecDeque<(i64, f64)>,
    arrivals: VecDeque<Arrival>,
    steps: VecDeque<(Timestamp, f64)>,
    standings: VecDeque<(Timestamp, f64)>,
    /// Departure of the newest packet that is known to have arrived.
    pub(super) newest: Option<Timestamp>,
    /// Delay of the last packets beyond the shortest way, ms.
    pub(super) queue: f64,
    /// Its floor over [`STANDING_WINDOW`]: what remains between our bursts.
    pub(super) standing: f64,
    /// The floor where it is low.
    low: f64,
    /// How much the path itself varies.
    pub(super) jitter: f64,
    /// From departure to report, seconds.
    pub(super) rtt: f64,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            base: VecDeque::new(),
            arrivals: VecDeque::new(),
            steps: VecDeque::new(),
            standings: VecDeque::new(),
            newest: None,
            queue: 0.0,
            standing: 0.0,
            low: 0.0,
            jitter: 0.0,
            rtt: 0.1,
        }
    }
}

/// Lowest of some values; very high of none.
pub(super) fn lowest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(1e12, f64::min)
}

/// Forgets what is older than `from`.
pub(super) fn forget<T>(values: &mut VecDeque<(Timestamp, T)>, from: Timestamp) {
    while values.front().is_some_and(|(at, _)| *at < from) {
        values.pop_front();
    }
}

impl Signals {
    /// One report; `capacity` is what the path serves, as far as is known. Returns whether anything arrived.
    pub(super) fn on_reports(&mut self, reports: &[Report], capacity: f64, now: Timestamp) -> bool {
        let mut arrived: Vec<(Report, Timestamp)> =
            reports.iter().filter_map(|report| report.arrived.map(|at| (*report, at))).collect();
        if arrived.is_empty() {
            return false;
        }
        for (report, at) in &arrived {
            self.on_arrival(report, *at, now);
        }
        self.arrivals.make_contiguous().sort_by_key(|arrival| arrival.at);
        let Some(end) = self.arrivals.back().map(|last| last.at) else { return false };
        while self.arrivals.len() > MAX_ARRIVALS
            || self.arrivals.len() > 5 && self.arrivals[0].at < end - Duration::from_secs(1)
        {
            self.arrivals.pop_front();
        }

        let base = self.shortest();
        // Of the last two, because one alone may be the tail of a burst.
        self.queue = lowest(self.arrivals.iter().rev().take(2).map(|arrival| arrival.way)) - base;
        let lately = self.arrivals.iter().rev().take_while(|arrival| arrival.at >= end - STANDING_WINDOW);
        self.standing = lowest(lately.map(|arrival| arrival.way)) - base;

        // Packets of a train are close together on purpose.
        arrived.retain(|(report, _)| report.train.is_none());
        arrived.sort_by_key(|(report, _)| report.sent);
        self.measure_jitter(&arrived, capacity, now);
        if let Some(newest) = self.newest {
            self.rtt += 0.1 * (now.since(newest).as_secs_f64().min(5.0) - self.rtt);
        }
        self.standings.push_back((now, self.standing));
        forget(&mut self.standings, now - STANDINGS);
        let mut standings: Vec<f64> = self.standings.iter().map(|(_, standing)| *standing).collect();
        let at = (standings.len() as f64 * LOW) as usize;
        self.low = *standings.select_nth_unstable_by(at, f64::total_cmp).1;
        true
    }

    /// How far the floor may be off because of the path's jitter, milliseconds. A burst of somebody else's frame is jitter to
    /// those who send between it, but the floor shows nothing of it; who allows for it yields later than the other.
    pub(super) fn guard(&self) -> f64 {
        let (times, more) = SHOWN;
        self.jitter.min(times * self.low + more)
    }

    /// The path's jitter makes cuts that no queue called for.
    pub(super) fn is_jittery(&self) -> bool {
        self.low > JITTERY
    }

    fn on_arrival(&mut self, report: &Report, at: Timestamp, now: Timestamp) {
        let way = (at.as_micros().saturating_sub(report.sent.as_micros())) as f64 / 1e3;
        if !self.base.is_empty() && (way - self.shortest()).abs() > CLOCK_STEP {
            self.base.clear();
            self.arrivals.clear();
        }
        let bucket = now.as_micros().div_euclid(BASE_BUCKET);
        match self.base.back_mut() {
            Some((last, shortest)) if *last == bucket => *shortest = shortest.min(way),
            _ => self.base.push_back((bucket, way)),
        }
        if self.base.len() > BASE_BUCKETS {
            self.base.pop_front();
        }
        self.arrivals.push_back(Arrival { at, size: report.size, way });
        self.newest = self.newest.max(Some(report.sent));
    }

    /// Upward steps of delay between packets that were sent one after another, corrected for their sizes: the spread within
    /// a window would measure our own frames instead.
    fn measure_jitter(&mut self, arrived: &[(Report, Timestamp)], capacity: f64, now: Timestamp) {
        let way = |(report, at): &(Report, Timestamp)| at.as_micros() - report.sent.as_micros();
        for pair in arrived.windows(2) {
            let sizes = f64::from(pair[1].0.size) - f64::from(pair[0].0.size);
            let step = (way(&pair[1]) - way(&pair[0])) as f64 / 1e3 - sizes * 8e3 / capacity.max(200e3);
            if step > MIN_STEP && self.steps.len() < MAX_ARRIVALS {
                self.steps.push_back((now, step));
            }
        }
        forget(&mut self.steps, now - STEPS);
        let mut steps: Vec<f64> = self.steps.iter().map(|(_, step)| *step).collect();
        let high = if steps.len() < MIN_STEPS {
            0.0
        } else {
            let at = (steps.len() as f64 * STEP_QUANTILE) as usize;
            *steps.select_nth_unstable_by(at, f64::total_cmp).1
        };
        self.jitter += 0.15 * ((high - STEP_FLOOR).clamp(0.0, MAX_JITTER) - self.jitter);
    }

    fn shortest(&self) -> f64 {
        lowest(self.base.iter().map(|(_, way)| *way))
    }

    /// What comes through: over the last `window` and at least `count` packets. `None`: too little to tell.
    pub(super) fn rate(&self, window: Duration, count: usize) -> Option<f64> {
        let end = self.arrivals.back()?.at;
        let (mut bytes, mut packets, mut first) = (0.0, 0, (end, 0u32));
        for arrival in self.arrivals.iter().rev() {
            if end.since(arrival.at) > window && packets >= count {
                break;
            }
            bytes += f64::from(arrival.size);
            packets += 1;
            first = (arrival.at, arrival.size);
        }
        let span = end.since(first.0);
        // The first packet began before the span does.
        let measured = (bytes - f64::from(first.1)) * 8.0 / span.as_secs_f64();
        (packets >= 3 && span >= Duration::from_millis(10)).then_some(measured)
    }

    /// Packets that the rate over the last few can be told from.
    pub(super) fn has_some(&self) -> bool {
        self.arrivals.len() >= 5
    }

    /// Lowest and highest floor since `from`.
    pub(super) fn standing_since(&self, from: Timestamp) -> (f64, f64) {
        let since = self.standings.iter().filter(|(at, _)| *at > from).map(|(_, standing)| *standing);
        (lowest(since.clone()), since.fold(0.0, f64::max))
    }

    /// The route is longer by `by` than it was: that is its shortest way now.
    pub(super) fn rebase(&mut self, by: f64, now: Timestamp) {
        let base = self.shortest() + by;
        self.base = VecDeque::from([(now.as_micros().div_euclid(BASE_BUCKET), base)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 1000 bytes, each 10 ms, by these delays in ms; the receiver's clock is hours away.
    fn feed(signals: &mut Signals, from: i64, delays: &[i64]) {
        let reports: Vec<Report> = (from..)
            .zip(delays)
            .map(|(index, delay)| Report {
                number: index as u64,
                sent: Timestamp::from_millis(index * 10),
                size: 1000,
                train: None,
                arrived: Some(Timestamp::from_millis(index * 10 + delay + 9_000_000)),
            })
            .collect();
        let now = Timestamp::from_millis((from + delays.len() as i64) * 10 + 100);
        assert!(signals.on_reports(&reports, 1e6, now));
    }

    #[test]
    fn the_offset_of_the_clocks_is_no_queue() {
        let mut signals = Signals::default();
        feed(&mut signals, 0, &[50; 20]);
        assert_eq!((signals.queue, signals.standing, signals.jitter), (0.0, 0.0, 0.0));
        assert!((signals.rate(Duration::from_millis(150), 0).unwrap() - 800e3).abs() < 1e3);
        feed(&mut signals, 20, &[80; 6]);
        assert_eq!((signals.queue, signals.standing), (30.0, 0.0), "the floor waits for what came before");
        feed(&mut signals, 26, &[80; 12]);
        assert_eq!(signals.standing, 30.0);
    }

    #[test]
    fn a_route_that_grew_is_believed_when_told_and_after_thirty_seconds() {
        let mut signals = Signals::default();
        feed(&mut signals, 0, &[50; 20]);
        feed(&mut signals, 20, &[90; 20]);
        signals.rebase(40.0, Timestamp::from_millis(400));
        feed(&mut signals, 40, &[90; 5]);
        assert_eq!(signals.standing, 0.0);
        for second in 1..=35 {
            feed(&mut signals, second * 100, &[110; 20]);
        }
        assert_eq!(signals.standing, 0.0);
    }

    #[test]
    fn a_clock_that_jumps_begins_anew() {
        let mut signals = Signals::default();
        feed(&mut signals, 0, &[50; 20]);
        feed(&mut signals, 20, &[60_000; 20]);
        assert_eq!((signals.queue, signals.standing), (0.0, 0.0));
    }

    #[test]
    fn jitter_of_the_path_is_seen() {
        let mut signals = Signals::default();
        for round in 0..20 {
            feed(&mut signals, round * 10, &[50, 65, 50, 68, 51, 66, 50, 67, 50, 64]);
        }
        assert!((10.0..18.0).contains(&signals.jitter), "{}", signals.jitter);
        assert!(signals.standing < 1.0);
        assert!(signals.guard() < 8.0, "the floor hides it: {}", signals.guard());
    }
}
