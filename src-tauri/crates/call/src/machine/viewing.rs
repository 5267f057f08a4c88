//! What we ask of a participant's camera, from the size at which it is shown. Told the time.
//!
//! More is asked for soon, less only when it has been enough for a while: every change costs the sender a keyframe. What
//! is asked is said again and again, because it holds for [`LEASE`] only: a lost word makes nobody's picture stay dark.

use std::time::{Duration, Instant};

use super::{Call, Output, Phase};
use crate::TrackSource;
use crate::session::{PeerState, SessionCommand};
use crate::view::TileKey;
use crate::want::VideoWant;

/// A tile that grows gets more when it has grown for this long; windows are resized in many steps.
pub const GROW_AFTER: Duration = Duration::from_millis(200);
/// A tile that shrinks gets less after this time.
pub const SHRINK_AFTER: Duration = Duration::from_secs(2);
/// A tile that is not visible gets nothing after this time.
pub const HIDE_AFTER: Duration = Duration::from_secs(1);
/// What is asked for is repeated this often.
pub const REPEAT: Duration = Duration::from_secs(5);
/// How long the sender keeps to what it was asked without hearing it again: three repetitions.
pub const LEASE: Duration = Duration::from_secs(15);

/// Of one participant.
#[derive(Debug)]
pub(super) struct Viewing {
    /// What the sender has been asked for last.
    asked: VideoWant,
    /// What the tile wants now, and since when.
    aim: VideoWant,
    since: Option<Instant>,
    /// When to say it again.
    repeat: Option<Instant>,
}

impl Default for Viewing {
    fn default() -> Self {
        Self { asked: VideoWant::FULL, aim: VideoWant::FULL, since: None, repeat: None }
    }
}

impl Viewing {
    pub(super) fn asked(&self) -> VideoWant {
        self.asked
    }

    /// The tile wants this from now on.
    pub(super) fn aim(&mut self, want: VideoWant, now: Instant) {
        if want != self.aim {
            self.aim = want;
            self.since = Some(now);
        }
    }

    /// The sender has forgotten what it was asked for: the connection is a new one.
    pub(super) fn forgotten(&mut self) {
        self.asked = VideoWant::FULL;
        self.repeat = None;
    }

    /// The words may have been lost: say them again now.
    pub(super) fn repeat(&mut self, now: Instant) {
        self.repeat = self.repeat.map(|_| now);
    }

    /// What to ask for now, if anything.
    pub(super) fn ask(&mut self, now: Instant) -> Option<VideoWant> {
        if self.change_at().is_some_and(|at| at <= now) {
            self.asked = self.aim;
        } else if self.repeat.is_none_or(|at| at > now) {
            return None;
        }
        self.repeat = (self.asked != VideoWant::FULL).then_some(now + REPEAT);
        Some(self.asked)
    }

    /// When [`Self::ask`] has something to say.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.change_at().into_iter().chain(self.repeat).min()
    }

    fn change_at(&self) -> Option<Instant> {
        if self.asked == self.aim {
            return None;
        }
        let after = match (self.asked.is_none(), self.aim.is_none()) {
            (true, _) => Duration::ZERO,
            (false, true) => HIDE_AFTER,
            (false, false) if self.aim > self.asked => GROW_AFTER,
            (false, false) => SHRINK_AFTER,
        };
        self.since.map(|since| since + after)
    }
}

impl Call {
    pub(super) fn settle_viewing(&mut self, now: Instant) {
        let Some(visible) = &self.visible else { return };
        let want = |tile: &TileKey| {
            let sizes = visible.iter().filter(|seen| seen.tile == *tile);
            sizes.map(|seen| VideoWant::of_tile(seen.width, seen.height)).fold(VideoWant::NONE, VideoWant::together)
        };
        let shown = !want(&TileKey::me()).is_none();
        if shown != self.self_view {
            self.self_view = shown;
            self.outputs.push_back(Output::SetSelfView { shown });
        }
        for person in &mut self.people {
            let tile = TileKey { participant: person.id.clone(), source: TrackSource::Camera };
            // A tile may appear only with its first picture.
            let want = if person.video_shown { want(&tile) } else { VideoWant::FULL };
            person.viewing.aim(want, now);
            if self.phase != Phase::InCall || person.state != PeerState::Connected {
                continue;
            }
            let waited = person.viewing.asked().is_none();
            let Some(want) = person.viewing.ask(now) else { continue };
            if waited {
                person.received(now);
            }
            let (participant, source) = (person.id.clone(), TrackSource::Camera);
            self.outputs.push_back(Output::Session(SessionCommand::WantVideo { participant, source, want }));
        }
    }
}
