//! How a tile comes from one place of the window to another. Pure, told the time.

use std::time::{Duration, Instant};

use super::scene::Rect;

/// What the page asks for beyond this is cut: a picture that moves longer is in nobody's way any more, but in the user's.
const LONGEST: Duration = Duration::from_millis(600);

/// On its way since `begins`, from where the tile was seen last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Glide {
    from: Rect,
    radius: i32,
    begins: Instant,
    length: Duration,
}

impl Glide {
    /// `None`: there is no time to move in, so the tile is where it shall be at once.
    pub(crate) fn new(from: Rect, radius: i32, begins: Instant, length: Duration) -> Option<Self> {
        (!length.is_zero()).then_some(Self { from, radius, begins, length: length.min(LONGEST) })
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begins) >= self.length
    }

    /// Where the tile is on its way to `to`, and the radius of its corners on the way to `radius`. Edges move, not sizes,
    /// so that neighbours who grow into each other's place stay neighbours.
    pub(crate) fn at(&self, to: &Rect, radius: i32, now: Instant) -> (Rect, i32) {
        let passed = now.saturating_duration_since(self.begins).as_secs_f64() / self.length.as_secs_f64();
        let part = eased(passed.min(1.0));
        let between = |from: i32, to: i32| from + (f64::from(to - from) * part).round() as i32;
        let (left, top) = (between(self.from.x, to.x), between(self.from.y, to.y));
        let right = between(self.from.x + self.from.width, to.x + to.width);
        let bottom = between(self.from.y + self.from.height, to.y + to.height);
        let rect = Rect::new(left, top, right - left, bottom - top);
        (rect, between(self.radius, radius).min(rect.width.min(rect.height) / 2).max(0))
    }
}

/// Fast at first, slow at the end: the share of the way after a share of the time.
fn eased(part: f64) -> f64 {
    1.0 - (1.0 - part).powi(3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTH: Duration = Duration::from_millis(200);

    #[test]
    fn a_tile_leaves_at_once_and_arrives_in_time() {
        let begins = Instant::now();
        let (from, to) = (Rect::new(0, 0, 100, 80), Rect::new(400, 200, 300, 240));
        let glide = Glide::new(from, 20, begins, LENGTH).unwrap();
        assert_eq!(glide.at(&to, 0, begins), (from, 20));
        let (half, radius) = glide.at(&to, 0, begins + LENGTH / 2);
        assert_eq!((half, radius), (Rect::new(350, 175, 275, 220), 2), "seven eighths of the way in half of the time");
        assert!(!glide.is_over(begins + LENGTH - Duration::from_micros(1)));
        assert!(glide.is_over(begins + LENGTH));
        assert_eq!(glide.at(&to, 0, begins + LENGTH), (to, 0));
        assert_eq!(glide.at(&to, 0, begins + 9 * LENGTH), (to, 0));
    }

    #[test]
    fn without_time_there_is_no_way_and_none_takes_for_ever() {
        let now = Instant::now();
        assert_eq!(Glide::new(Rect::default(), 0, now, Duration::ZERO), None);
        assert!(Glide::new(Rect::default(), 0, now, Duration::MAX).unwrap().is_over(now + LONGEST));
    }

    proptest! {
        /// Whatever lies between: it keeps coming nearer, never turns over, and never leaves the box around both ends.
        #[test]
        fn every_edge_goes_straight_from_one_place_to_the_other(
            from in (0i32..4000, 0i32..4000, 1i32..4000, 1i32..4000), to in (0i32..4000, 0i32..4000, 1i32..4000, 1i32..4000),
            radii in (0i32..40, 0i32..40), times in prop::collection::vec(0u64..220, 2..12),
        ) {
            let (from, to) = (Rect::new(from.0, from.1, from.2, from.3), Rect::new(to.0, to.1, to.2, to.3));
            let begins = Instant::now();
            let glide = Glide::new(from, radii.0, begins, LENGTH).unwrap();
            let edges = |r: &Rect| [r.x, r.y, r.x + r.width, r.y + r.height];
            let (start, end) = (edges(&from), edges(&to));
            let mut times = times;
            times.sort_unstable();
            let mut before = start;
            for time in times {
                let (rect, radius) = glide.at(&to, radii.1, begins + Duration::from_millis(time));
                prop_assert!(!rect.is_empty());
                prop_assert!(radius >= 0 && 2 * radius <= rect.width.min(rect.height));
                let now = edges(&rect);
                for side in 0..4 {
                    prop_assert!((end[side] - now[side]).abs() <= (end[side] - before[side]).abs());
                    prop_assert!((start[side].min(end[side])..=start[side].max(end[side])).contains(&now[side]));
                }
                before = now;
            }
        }
    }
}
