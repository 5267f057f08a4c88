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
