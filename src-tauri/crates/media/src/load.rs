//! How much smaller pictures have to be because the processor has no time for them. A plain value, told of each picture that
//! was encoded; owned by whoever drives the encoder.
//!
//! Steps down soon, as sound suffers too while the processor is busy; steps up after a while, and after a longer one each
//! time that this turned out to be too much.

use std::time::Duration;

use crate::Timestamp;

/// Encoding takes this share of the time between two pictures: the rest of a call, and of the computer, has too little.
const BUSY: f64 = 0.85;
/// With the next larger picture it would take no more than this.
const FREE: f64 = 0.5;
const BUSY_FOR: Duration = Duration::from_secs(3);
const FREE_FOR: Duration = Duration::from_secs(10);
/// The longest time after which a larger picture is tried again.
const MOST_FREE_FOR: Duration = Duration::from_secs(160);
/// Busy again so soon after a step up: it was too much.
const TOO_SOON: Duration = Duration::from_secs(15);
/// Share of a new picture in the mean.
const NEW: f64 = 0.1;
/// Steps of the ladder: from 720p to 360p.
pub const MOST_STEPS: usize = 3;

#[derive(Debug)]
pub struct Load {
    /// Share of the time that encoding takes; `None`: nothing was encoded since the last step.
    share: Option<f64>,
    steps: usize,
    busy_since: Option<Timestamp>,
    free_since: Option<Timestamp>,
    free_for: Duration,
    up_at: Option<Timestamp>,
}

impl Default for Load {
    fn default() -> Self {
        Self { share: None, steps: 0, busy_since: None, free_since: None, free_for: FREE_FOR, up_at: None }
    }
}

impl Load {
    /// Steps of the ladder that are left out from the top.
    pub const fn steps(&self) -> usize {
        self.steps
    }

    /// A picture was encoded within `spent`, of the time `interval` to the next one. One step up has `larger` times as many
    /// pixels.
    pub fn on_encoded(&mut self, spent: Duration, interval: Duration, larger: f64, now: Timestamp) {
        let share = spent.as_secs_f64() / interval.as_secs_f64().max(0.001);
        let mean = self.share.map_or(share, |mean| mean + NEW * (share - mean));
        self.share = Some(mean);
        if mean > BUSY {
            self.free_since = None;
            let since = *self.busy_since.get_or_insert(now);
            if now.since(since) >= BUSY_FOR && self.steps < MOST_STEPS {
                self.down(now);
            }
        } else if mean * larger < FREE && self.steps > 0 {
            self.busy_since = None;
            let since = *self.free_since.get_or_insert(now);
            if now.since(since) >= self.free_for {
                (self.steps, self.up_at) = (self.steps - 1, Some(now));
                self.begin();
            }
        } else {
            (self.busy_since, self.free_since) = (None, None);
        }
    }

    fn down(&mut self, now: Timestamp) {
        let again = self.up_at.is_some_and(|at| now.since(at) < TOO_SOON);
        self.free_for = if again { (self.free_for * 2).min(MOST_FREE_FOR) } else { FREE_FOR };
        self.steps += 1;
        self.begin();
    }

    /// What was measured with the other size says nothing now.
    fn begin(&mut self) {
        (self.share, self.busy_since, self.free_since) = (None, None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(40);

    /// Encodes for `seconds`, each picture in the time that `cost` says for the steps left out; steps at the end of each second.
    fn run(load: &mut Load, now: &mut Timestamp, seconds: u32, cost: impl Fn(usize) -> u64) -> Vec<usize> {
        let mut second = |now: &mut Timestamp| {
            for _ in 0..25 {
                *now = *now + INTERVAL;
                load.on_encoded(Duration::from_millis(cost(load.steps())), INTERVAL, 2.0, *now);
            }
            load.steps()
        };
        (0..seconds).map(|_| second(now)).collect()
    }

    #[test]
    fn a_slow_computer_sends_smaller_pictures_and_stays_there() {
        let (mut load, mut now) = (Load::default(), Timestamp::ZERO);
        // 36 ms at the full size, half of it with each step.
        let steps = run(&mut load, &mut now, 60, |steps| 36 >> steps);
        assert_eq!((steps[2], steps[4], steps[59]), (0, 1, 1), "{steps:?}");
    }

    #[test]
    fn a_busy_moment_costs_nothing_and_a_busy_minute_passes() {
        let (mut load, mut now) = (Load::default(), Timestamp::ZERO);
        assert_eq!(run(&mut load, &mut now, 2, |_| 39), [0; 2]);
        assert_eq!(run(&mut load, &mut now, 10, |_| 8), [0; 10]);
        let busy = run(&mut load, &mut now, 60, |_| 200);
        assert_eq!(busy.last(), Some(&MOST_STEPS), "and no further");
        let free = run(&mut load, &mut now, 60, |_| 6);
        assert_eq!((free[8], free[11], free.last()), (3, 2, Some(&0)), "{free:?}");
    }

    #[test]
    fn what_was_too_much_is_tried_less_and_less() {
        let (mut load, mut now) = (Load::default(), Timestamp::ZERO);
        // Far less than half with the smaller picture, so that the larger one seems to fit.
        let steps = run(&mut load, &mut now, 600, |steps| if steps == 0 { 38 } else { 5 });
        let tries = steps.windows(2).filter(|pair| pair[0] == 1 && pair[1] == 0).count();
        assert!((3..=6).contains(&tries), "{tries} in ten minutes");
    }
}
