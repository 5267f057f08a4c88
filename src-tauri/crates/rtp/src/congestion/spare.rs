//! What sound and picture leave for files on the same path. Pure state beside [`Control`], asked ten times a second.

use std::time::Duration;

use fika_media::Timestamp;

use super::Control;

/// The picture has what it wants at this share of the largest rate.
const ENOUGH: f64 = 0.9;
/// While it has not, files get this share of its rate, so that they come at all.
const SHARE: f64 = 0.05;
/// And this in bytes a second at least: on the narrowest path a page of text takes a few seconds.
const LEAST: f64 = 4096.0;
/// Without a frame for this time there is no picture.
const NO_PICTURE: Duration = Duration::from_secs(1);
/// The picture must have had enough for so long before files may look for more.
const CALM: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub struct Spare {
    frame: bool,
    last_frame: Option<Timestamp>,
    /// Since when the picture has lacked nothing.
    calm_since: Option<Timestamp>,
}

impl Spare {
    /// A frame is on its way.
    pub fn on_frame(&mut self) {
        self.frame = true;
    }

    /// Bytes a second; `None`: whatever is free.
    pub fn budget(&mut self, control: &Control, now: Timestamp) -> Option<u32> {
        if std::mem::take(&mut self.frame) {
            self.last_frame = Some(now);
        }
        let picture = self.last_frame.is_some_and(|at| now.since(at) < NO_PICTURE);
        let enough = f64::from(control.media_target()) >= ENOUGH * f64::from(control.max_media());
        // A picture that uses less than it may is not held back by the path.
        if !picture || enough || control.is_limited() {
            let since = *self.calm_since.get_or_insert(now);
            // Before the first picture nothing has to be waited for.
            if self.last_frame.is_none() || now.since(since) >= CALM {
                return None;
            }
        } else {
            self.calm_since = None;
        }
        Some((f64::from(control.media_target()) / 8.0 * SHARE).max(LEAST) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const MAX: u32 = 3_000_000;

    fn control(rate: f64) -> Control {
        let mut control = Control::new(Config::with_max(MAX));
        control.rate = rate;
        control
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// Ten times a second from then to then, with a frame each time if there is a picture; the last answer.
    fn ask(spare: &mut Spare, control: &Control, picture: bool, (from, to): (i64, i64)) -> Option<u32> {
        let mut budget = None;
        for ms in (from..=to).step_by(100) {
            if picture {
                spare.on_frame();
            }
            budget = spare.budget(control, at(ms));
        }
        budget
    }

    #[test]
    fn without_a_picture_files_take_what_they_find() {
        assert_eq!(ask(&mut Spare::default(), &control(300e3), false, (0, 5000)), None);
    }

    #[test]
    fn a_picture_that_is_held_back_leaves_a_twentieth() {
        let (mut spare, control) = (Spare::default(), control(1e6));
        let picture = f64::from(control.media_target()) / 8.0;
        let budget = f64::from(ask(&mut spare, &control, true, (0, 10_000)).unwrap());
        assert!((0.049..=0.051).contains(&(budget / picture)), "{budget} of {picture}");
    }

    #[test]
    fn on_the_narrowest_path_files_come_all_the_same() {
        assert_eq!(ask(&mut Spare::default(), &control(100e3), true, (0, 1000)), Some(LEAST as u32));
    }

    #[test]
    fn files_look_for_more_when_the_picture_has_had_enough_for_a_while() {
        let mut spare = Spare::default();
        assert!(ask(&mut spare, &control(1e6), true, (0, 5000)).is_some());
        let enough = control(f64::from(MAX));
        assert!(ask(&mut spare, &enough, true, (5100, 7000)).is_some(), "not yet");
        assert_eq!(ask(&mut spare, &enough, true, (7100, 7200)), None);
        // At once when it lacks something again.
        assert!(ask(&mut spare, &control(1e6), true, (7300, 7300)).is_some());
    }

    #[test]
    fn a_picture_that_needs_less_than_it_may_is_not_held_back() {
        let mut still = control(1e6);
        still.limited = true;
        assert_eq!(ask(&mut Spare::default(), &still, true, (0, 3000)), None);
    }

    #[test]
    fn after_the_picture_files_wait_a_moment() {
        let (mut spare, control) = (Spare::default(), control(1e6));
        ask(&mut spare, &control, true, (0, 3000));
        // A second until it counts as gone, then two.
        assert!(ask(&mut spare, &control, false, (3100, 5900)).is_some());
        assert_eq!(ask(&mut spare, &control, false, (6000, 6200)), None);
    }
}
