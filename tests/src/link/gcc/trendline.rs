//! Does the queue grow? The slope of the delay over the last groups of packets, against a threshold that adapts to the path.
//!
//! After `goog_cc`'s inter-arrival filter and trendline estimator. A plain value; the window keeps [`WINDOW`] groups, then
//! forgets the oldest.

use std::collections::VecDeque;

use fika_media::Timestamp;

/// Packets that leave within this time, milliseconds like all that follow, are one group.
const GROUP: f64 = 5.0;
/// So are those that arrive this close together though they left further apart: a queue released them ...
const BURST: f64 = 5.0;
/// ... up to this length.
const MAX_BURST: f64 = 100.0;
/// Groups that the line is fitted to.
const WINDOW: usize = 20;
const SMOOTHING: f64 = 0.9;
/// The slope is compared times this, and times the groups so far, up to these.
const GAIN: f64 = 4.0;
const MAX_GROUPS: u32 = 60;
/// Above the threshold for longer than this is overuse.
const OVERUSE: f64 = 10.0;
/// The threshold at first, its limits, and its adaptation: up slowly, down quickly, and not to what is far beyond it.
const THRESHOLD: f64 = 12.5;
const LIMITS: (f64, f64) = (6.0, 600.0);
const UP: f64 = 0.0087;
const DOWN: f64 = 0.039;
const OUTLIER: f64 = 15.0;
const MAX_STEP: f64 = 100.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    #[default]
    Normal,
    Over,
    Under,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: f64,
    last_sent: f64,
    first_arrived: f64,
    last_arrived: f64,
}

#[derive(Debug)]
pub(super) struct Trendline {
    before: Option<Group>,
    current: Option<Group>,
    groups: u32,
    delay: f64,
    smoothed: f64,
    /// Arrival and smoothed delay.
    window: VecDeque<(f64, f64)>,
    last_trend: f64,
    threshold: f64,
    adapted: Option<f64>,
    /// How long the trend has been above the threshold, and for how many groups.
    over: Option<f64>,
    over_groups: u32,
    usage: Usage,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            before: None,
            current: None,
            groups: 0,
            delay: 0.0,
            smoothed: 0.0,
            window: VecDeque::new(),
            last_trend: 0.0,
            threshold: THRESHOLD,
            adapted: None,
            over: None,
            over_groups: 0,
            usage: Usage::Normal,
        }
    }
}

fn milliseconds(at: Timestamp) -> f64 {
    at.as_micros() as f64 / 1e3
}

impl Trendline {
    /// A packet that left at `sent` has arrived; in the order of arrival.
    pub(super) fn on_packet(&mut self, sent: Timestamp, arrived: Timestamp) -> Usage {
        let (sent, arrived) = (milliseconds(sent), milliseconds(arrived));
        let new = Group { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived };
        match &mut self.current {
            None => self.current = Some(new),
            Some(current) if sent < current.first_sent => {}
            Some(current) if current.takes(sent, arrived) => {
                current.last_sent = current.last_sent.max(sent);
                current.last_arrived = arrived;
            }
            Some(current) => {
                let complete = *current;
                if let Some(before) = self.before.replace(complete) {
                    let left = complete.last_sent - before.last_sent;
                    self.on_group(complete.last_arrived - before.last_arrived - left, left, arrived);
                }
                self.current = Some(new);
            }
        }
        self.usage
    }

    /// The delay changed by `delta` over a group that took `left` to send.
    fn on_group(&mut self, delta: f64, left: f64, now: f64) {
        self.groups += 1;
        self.delay += delta;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        self.window.push_back((now, self.smoothed));
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
        let trend = if self.window.len() == WINDOW { self.slope().unwrap_or(self.last_trend) } else { self.last_trend };
        if self.groups >= 2 {
            self.detect(trend, left, now);
        }
    }

    fn slope(&self) -> Option<f64> {
        let count = self.window.len() as f64;
        let mean = |value: fn(&(f64, f64)) -> f64| self.window.iter().map(value).sum::<f64>() / count;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let above: f64 = self.window.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        let below: f64 = self.window.iter().map(|point| (point.0 - x).powi(2)).sum();
        (below > 0.0).then(|| above / below)
    }

    fn detect(&mut self, trend: f64, left: f64, now: f64) {
        let modified = f64::from(self.groups.min(MAX_GROUPS)) * trend * GAIN;
        if modified > self.threshold {
            let over = self.over.map_or(left / 2.0, |over| over + left);
            self.over = Some(over);
            self.over_groups += 1;
            if over > OVERUSE && self.over_groups > 1 && trend >= self.last_trend {
                (self.over, self.over_groups) = (Some(0.0), 0);
                self.usage = Usage::Over;
            }
        } else {
            (self.over, self.over_groups) = (None, 0);
            self.usage = if modified < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.last_trend = trend;
        self.adapt(modified.abs(), now);
    }

    fn adapt(&mut self, modified: f64, now: f64) {
        let passed = (now - self.adapted.replace(now).unwrap_or(now)).min(MAX_STEP);
        if modified <= self.threshold + OUTLIER {
            let factor = if modified < self.threshold { DOWN } else { UP };
            self.threshold += factor * (modified - self.threshold) * passed;
            self.threshold = self.threshold.clamp(LIMITS.0, LIMITS.1);
        }
    }
}

impl Group {
    fn takes(&self, sent: f64, arrived: f64) -> bool {
        let (left, came) = (sent - self.last_sent, arrived - self.last_arrived);
        let released = came < left && came <= BURST && arrived - self.first_arrived < MAX_BURST;
        left == 0.0 || released || sent - self.first_sent <= GROUP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets each 10 ms, whose delay grows by `growth` ms each; what was seen at all of them.
    fn seen(trendline: &mut Trendline, from: i64, growth: f64) -> Vec<Usage> {
        let packets = (from..from + 60).map(|index| {
            let sent = Timestamp::from_millis(index * 10);
            let way = 50.0 + growth * (index - from) as f64;
            trendline.on_packet(sent, Timestamp::from_micros(sent.as_micros() + (way * 1e3) as i64))
        });
        packets.collect()
    }

    #[test]
    fn a_queue_that_grows_is_overuse_and_one_that_goes_is_underuse() {
        let mut trendline = Trendline::default();
        assert!(seen(&mut trendline, 0, 0.0).iter().all(|usage| *usage == Usage::Normal));
        assert!(seen(&mut trendline, 60, 1.0).contains(&Usage::Over));
        let mut trendline = Trendline::default();
        seen(&mut trendline, 0, 0.0);
        assert_eq!(seen(&mut trendline, 60, -0.6).last(), Some(&Usage::Under));
    }

    #[test]
    fn the_threshold_rises_to_a_trend_just_above_it_and_falls_to_calm() {
        let mut trendline = Trendline::default();
        seen(&mut trendline, 0, 0.0);
        assert_eq!(trendline.threshold, LIMITS.0);
        seen(&mut trendline, 60, 0.5);
        assert!(trendline.threshold > LIMITS.0);
    }
}
