//! What to encode at which bitrate: resolution and frame rate. Pure; told the time, owned by whoever drives the encoder.
//!
//! Drops at once when the bitrate falls far, after a while when it is a little short, and climbs to what has been enough for
//! a while: each change of size costs a keyframe.

use std::time::Duration;

use crate::h264::encode::Profile;
use crate::{Resolution, Timestamp};

/// What the encoder is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// Aspect ratio of the source, even, never larger than it.
    pub resolution: Resolution,
    pub frame_rate: f32,
    /// Bits a second.
    pub bitrate: u32,
}

struct Step {
    /// Pixels of the shorter side.
    short_side: u32,
    frame_rate: f32,
    /// Least bitrate.
    from: u32,
    /// More does not help.
    most: u32,
}

/// From the best down; the last has no least bitrate.
const STEPS: [Step; 6] = [
    Step { short_side: 1080, frame_rate: 30.0, from: 2_400_000, most: 4_000_000 },
    Step { short_side: 720, frame_rate: 30.0, from: 600_000, most: 2_500_000 },
    Step { short_side: 540, frame_rate: 30.0, from: 380_000, most: 1_500_000 },
    Step { short_side: 360, frame_rate: 30.0, from: 180_000, most: 900_000 },
    Step { short_side: 180, frame_rate: 30.0, from: 70_000, most: 300_000 },
    Step { short_side: 180, frame_rate: 15.0, from: 0, most: 300_000 },
];
/// A slow processor leaves out no step below this one.
const SMALL: usize = 3;
/// To climb, the bitrate is this much above what the rung needs, in per cent ...
const CLIMB_PERCENT: u64 = 120;
/// ... for this long; at the beginning, while nobody knows yet what the path carries, for a shorter time.
const CLIMB_AFTER: Duration = Duration::from_millis(1500);
const CLIMB_AFTER_AT_FIRST: Duration = Duration::from_millis(350);
const AT_FIRST: Duration = Duration::from_secs(4);
/// A rung is left at once below this share of its least bitrate, in per cent, and for the rest after this time.
const FAR_SHORT_PERCENT: u64 = 75;
const DROP_AFTER: Duration = Duration::from_millis(1500);

/// Thousandths of a bit for each pixel from which CAVLC is good enough (720p30 at 1.7 Mbit/s) ...
const PLENTY: u64 = 60;
/// ... and below which CABAC is worth its time again (1.1 Mbit/s).
const SCARCE: u64 = 40;

impl Rung {
    /// The profile to encode with, for receivers that decode both; `now`: the one in use. Where bits are scarce, CABAC makes
    /// the better picture of them. Where there are plenty nobody sees the difference (0.1 to 0.3 dB), while it costs 0.9 ms
    /// for each picture of 720p at the receiver and 0.4 ms at the sender.
    pub fn profile(&self, now: Option<Profile>) -> Profile {
        let pixels = f64::from(self.resolution.width) * f64::from(self.resolution.height) * f64::from(self.frame_rate);
        let bits = u64::from(self.bitrate) * 1000 / (pixels as u64).max(1);
        match now {
            Some(Profile::Baseline) if bits >= SCARCE => Profile::Baseline,
            _ if bits >= PLENTY => Profile::Baseline,
            _ => Profile::Main,
        }
    }
}

/// Chooses the rung for one source.
#[derive(Clone, Debug)]
pub struct Ladder {
    source: Resolution,
    frame_rate: f32,
    /// Nobody wants more: pixels of the shorter side, pictures a second.
    limit: (u32, f32),
    /// Index into [`STEPS`].
    step: usize,
    /// Steps that are left out from the best one on, because the processor has no time for them.
    left_out: usize,
    /// Since when the bitrate would carry a better step, and the least that it was since then.
    enough: Option<(Timestamp, u32)>,
    /// Since when it is too little for this one.
    short_since: Option<Timestamp>,
    began: Option<Timestamp>,
}

impl Ladder {
    /// `source` and `frame_rate`: what the camera delivers.
    pub fn new(source: Resolution, frame_rate: f32) -> Self {
        Self {
            source,
            frame_rate,
            limit: (u32::MAX, f32::INFINITY),
            step: 0,
            left_out: 0,
            enough: None,
            short_since: None,
            began: None,
        }
    }

    /// The camera delivers something else from now on.
    pub fn set_source(&mut self, source: Resolution, frame_rate: f32) {
        if (source, frame_rate) != (self.source, self.frame_rate) {
            *self = Self { limit: self.limit, left_out: self.left_out, ..Self::new(source, frame_rate) };
        }
    }

    /// Nobody wants more than this from now on: pixels of the shorter side, pictures a second. Who wants more gets it at
    /// once.
    pub fn set_limit(&mut self, short_side: u32, frame_rate: f32) {
        if (short_side, frame_rate) != self.limit {
            let new = Self::new(self.source, self.frame_rate);
            *self = Self { limit: (short_side, frame_rate), left_out: self.left_out, ..new };
        }
    }

    /// So many of the best steps are left out from now on ([`crate::load::Load`]); none below 360 lines.
    pub fn leave_out(&mut self, steps: usize) {
        self.left_out = steps;
    }

    /// Pixels of the next better step for each one of the step in use.
    pub fn larger(&self) -> f64 {
        let (now, better) = (self.in_use(), self.in_use().saturating_sub(1));
        (f64::from(STEPS[better].short_side) / f64::from(STEPS[now].short_side)).powi(2)
    }

    /// The bitrate allows less than what is there and wanted.
    pub fn is_limited(&self) -> bool {
        self.step > self.best()
    }

    /// The processor allows less than the bitrate would.
    pub fn is_slowed(&self) -> bool {
        self.in_use() > self.step
    }

    /// The rung for this bitrate in bits a second. `keyframe`: the next picture is one anyway, so another size costs nothing.
    pub fn update(&mut self, bitrate: u32, keyframe: bool, now: Timestamp) -> Rung {
        let (best, first) = (self.best(), self.began.is_none());
        let began = *self.began.get_or_insert(now);
        let carried =
            STEPS[best..].iter().position(|step| bitrate >= step.from).map_or(STEPS.len() - 1, |at| best + at);
        if first {
            self.step = carried;
        } else if carried > self.step {
            self.enough = None;
            let since = *self.short_since.get_or_insert(now);
            if keyframe || self.far_short(bitrate) || now.since(since) >= DROP_AFTER {
                (self.step, self.short_since) = (carried, None);
            }
        } else if self.step > best && self.enough_for(self.step - 1, bitrate) {
            self.short_since = None;
            let (since, least) = self.enough.map_or((now, bitrate), |(since, least)| (since, least.min(bitrate)));
            self.enough = Some((since, least));
            let after = if now.since(began) < AT_FIRST { CLIMB_AFTER_AT_FIRST } else { CLIMB_AFTER };
            if now.since(since) >= after {
                self.step = (best..self.step).find(|step| self.enough_for(*step, least)).unwrap_or(self.step);
                self.enough = None;
            }
        } else {
            (self.enough, self.short_since) = (None, None);
        }
        self.rung(bitrate)
    }

    fn far_short(&self, bitrate: u32) -> bool {
        u64::from(bitrate) * 100 < u64::from(STEPS[self.step].from) * FAR_SHORT_PERCENT
    }

    fn enough_for(&self, step: usize, bitrate: u32) -> bool {
        u64::from(bitrate) * 100 >= u64::from(STEPS[step].from) * CLIMB_PERCENT
    }

    /// The best step that is not larger than the source and what is wanted of it, or the one just above.
    fn best(&self) -> usize {
        let short = self.source.width.min(self.source.height).min(self.limit.0);
        STEPS.iter().rposition(|step| step.short_side >= short && step.frame_rate >= 30.0).unwrap_or(0)
    }

    fn in_use(&self) -> usize {
        self.step.max((self.best() + self.left_out).min(self.best().max(SMALL)))
    }

    fn rung(&self, bitrate: u32) -> Rung {
        let step = &STEPS[self.in_use()];
        let short = self.source.width.min(self.source.height).max(1);
        let resolution = if step.short_side >= short {
            Resolution::new(even(self.source.width), even(self.source.height))
        } else {
            let scaled = |side: u32| even(((u64::from(side) * u64::from(step.short_side)) / u64::from(short)) as u32);
            Resolution::new(scaled(self.source.width), scaled(self.source.height))
        };
        let frame_rate = self.frame_rate.min(step.frame_rate).min(self.limit.1);
        Rung { resolution, frame_rate, bitrate: bitrate.min(step.most) }
    }
}

fn even(side: u32) -> u32 {
    (side & !1).max(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heights(source: (u32, u32), rates: &[(u32, u64)]) -> Vec<u32> {
        let mut ladder = Ladder::new(Resolution::new(source.0, source.1), 30.0);
        let mut now = Timestamp::ZERO;
        let mut seen = Vec::new();
        for (bitrate, seconds) in rates {
            for _ in 0..*seconds * 10 {
                now = now + Duration::from_millis(100);
                let height = ladder.update(*bitrate, false, now).resolution.height;
                if seen.last() != Some(&height) {
                    seen.push(height);
                }
            }
        }
        seen
    }

    #[test]
    fn full_size_from_600_kbit() {
        for (bitrate, width, height, frame_rate) in [
            (2_000_000, 1280, 720, 30.0),
            (600_000, 1280, 720, 30.0),
            (599_000, 960, 540, 30.0),
            (300_000, 640, 360, 30.0),
            (100_000, 320, 180, 30.0),
            (40_000, 320, 180, 15.0),
            (0, 320, 180, 15.0),
        ] {
            let rung = Ladder::new(Resolution::new(1280, 720), 30.0).update(bitrate, false, Timestamp::ZERO);
            assert_eq!((rung.resolution, rung.frame_rate), (Resolution::new(width, height), frame_rate), "{bitrate}");
        }
    }

    #[test]
    fn scarce_bits_are_coded_the_better_way_without_swinging() {
        let rung = |bitrate| Rung { resolution: Resolution::new(1280, 720), frame_rate: 30.0, bitrate };
        let mut now = None;
        let profiles = [600_000, 1_400_000, 1_700_000, 1_400_000, 1_150_000, 1_090_000, 1_600_000].map(|bitrate| {
            now = Some(rung(bitrate).profile(now));
            now == Some(Profile::Main)
        });
        assert_eq!(profiles, [true, true, false, false, false, true, true]);
        assert_eq!(Rung { frame_rate: 0.0, ..rung(0) }.profile(None), Profile::Main);
    }

    #[test]
    fn drops_at_once_where_a_keyframe_is_due_anyway() {
        let mut ladder = Ladder::new(Resolution::new(1280, 720), 30.0);
        let mut height = |bitrate, keyframe| ladder.update(bitrate, keyframe, Timestamp::ZERO).resolution.height;
        assert_eq!(height(2_000_000, false), 720);
        assert_eq!(height(550_000, false), 720);
        assert_eq!(height(550_000, true), 540);
        assert_eq!(height(2_000_000, true), 540, "whether it is enough shows after a while");
    }

    #[test]
    fn drops_at_once_when_far_short_and_climbs_to_what_was_enough() {
        assert_eq!(heights((1280, 720), &[(1_500_000, 1), (200_000, 1)]), [720, 360]);
        assert_eq!(heights((1280, 720), &[(200_000, 9), (1_500_000, 1)]), [360]);
        assert_eq!(heights((1280, 720), &[(200_000, 9), (1_500_000, 2)]), [360, 720]);
        assert_eq!(heights((1280, 720), &[(200_000, 9), (500_000, 30), (1_500_000, 9)]), [360, 540, 720]);
        assert_eq!(heights((1280, 720), &[(200_000, 9), (500_000, 2), (1_500_000, 1)]), [360, 540], "the least counts");
        assert_eq!(heights((1280, 720), &[(500_000, 9), (700_000, 60)]), [540], "720p needs 720 kbit/s to come back");
    }

    #[test]
    fn a_little_short_is_borne_for_a_while() {
        let shaky: Vec<_> = [(640_000, 1), (590_000, 1)].repeat(30);
        assert_eq!(heights((1280, 720), &shaky), [720], "no swinging");
        assert_eq!(heights((1280, 720), &[(640_000, 1), (590_000, 1)]), [720]);
        assert_eq!(heights((1280, 720), &[(640_000, 1), (590_000, 3)]), [720, 540]);
        assert_eq!(heights((1280, 720), &[(640_000, 1), (440_000, 1)]), [720, 540]);
    }

    #[test]
    fn at_first_it_climbs_soon() {
        assert_eq!(heights((1280, 720), &[(500_000, 1), (2_000_000, 1)]), [540, 720]);
        assert_eq!(heights((1280, 720), &[(500_000, 9), (2_000_000, 1)]), [540]);
    }

    #[test]
    fn keeps_aspect_ratio_and_source() {
        let rung = |width, height, bitrate| {
            Ladder::new(Resolution::new(width, height), 24.0).update(bitrate, false, Timestamp::ZERO)
        };
        assert_eq!(rung(640, 480, 5_000_000).resolution, Resolution::new(640, 480));
        assert_eq!(rung(640, 480, 200_000).resolution, Resolution::new(480, 360));
        assert_eq!(rung(720, 1280, 200_000).resolution, Resolution::new(360, 640));
        assert_eq!(rung(1920, 1080, 3_000_000).resolution, Resolution::new(1920, 1080));
        assert_eq!(rung(1920, 1080, 700_000).resolution, Resolution::new(1280, 720));
        assert_eq!(rung(161, 121, 5_000_000).resolution, Resolution::new(160, 120));
        assert_eq!(rung(640, 480, 5_000_000).frame_rate, 24.0);
        assert_eq!(rung(1280, 720, 9_000_000).bitrate, 2_500_000);
    }

    #[test]
    fn no_more_than_is_wanted_and_more_at_once() {
        let mut ladder = Ladder::new(Resolution::new(1280, 720), 30.0);
        let rung = |ladder: &mut Ladder| ladder.update(2_000_000, false, Timestamp::ZERO);
        assert_eq!(rung(&mut ladder).resolution.height, 720);
        ladder.set_limit(180, 15.0);
        let small = rung(&mut ladder);
        assert_eq!((small.resolution, small.frame_rate), (Resolution::new(320, 180), 15.0));
        assert!(small.bitrate <= 300_000 && !ladder.is_limited());
        ladder.set_limit(400, 30.0);
        assert_eq!(rung(&mut ladder).resolution.height, 540, "never smaller than wanted");
        ladder.set_source(Resolution::new(640, 480), 30.0);
        assert_eq!(rung(&mut ladder).resolution.height, 480);
        ladder.set_limit(u32::MAX, 60.0);
        ladder.set_source(Resolution::new(1280, 720), 30.0);
        assert_eq!(rung(&mut ladder).resolution.height, 720);
        ladder.update(200_000, false, Timestamp::ZERO);
        assert!(ladder.is_limited());
    }

    #[test]
    fn a_slow_processor_leaves_out_the_best_steps() {
        let mut ladder = Ladder::new(Resolution::new(1280, 720), 30.0);
        let height = |ladder: &mut Ladder, bitrate| ladder.update(bitrate, false, Timestamp::ZERO).resolution.height;
        assert_eq!(height(&mut ladder, 2_000_000), 720);
        ladder.leave_out(1);
        assert_eq!((height(&mut ladder, 2_000_000), ladder.is_slowed(), ladder.is_limited()), (540, true, false));
        assert!((1.77..1.78).contains(&ladder.larger()), "720p has so many more pixels than 540p");
        ladder.leave_out(9);
        assert_eq!(height(&mut ladder, 2_000_000), 360);
        ladder.set_limit(180, 15.0);
        assert_eq!(height(&mut ladder, 2_000_000), 180, "a thumbnail is small already");
        ladder.set_limit(u32::MAX, 60.0);
        ladder.leave_out(0);
        assert_eq!((height(&mut ladder, 2_000_000), ladder.is_slowed()), (720, false));
    }

    #[test]
    fn another_source_starts_anew() {
        let mut ladder = Ladder::new(Resolution::new(1280, 720), 30.0);
        ladder.update(100_000, false, Timestamp::ZERO);
        ladder.set_source(Resolution::new(640, 360), 30.0);
        assert_eq!(ladder.update(900_000, false, Timestamp::ZERO).resolution, Resolution::new(640, 360));
    }

    proptest! {
        #[test]
        fn every_rung_can_be_encoded(
            width in 16u32..4000, height in 16u32..4000, rates in proptest::collection::vec((any::<u32>(), 0i64..10_000_000), 1..40)
        ) {
            let mut ladder = Ladder::new(Resolution::new(width, height), 30.0);
            let mut now = Timestamp::ZERO;
            for (bitrate, wait) in rates {
                now = Timestamp(now.as_micros() + wait);
                let rung = ladder.update(bitrate, false, now);
                prop_assert!(rung.resolution.width <= width && rung.resolution.height <= height);
                prop_assert!(rung.resolution.width.is_multiple_of(2) && rung.resolution.height.is_multiple_of(2));
                prop_assert!(rung.resolution.width >= 16 && rung.resolution.height >= 16);
                prop_assert!(rung.bitrate <= bitrate);
            }
        }
    }
}
