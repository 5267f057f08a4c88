//! What the others want of our camera: one encoder serves them all with the most that any of them asks for, and who wants
//! nothing gets nothing. Told the time.

use std::time::{Duration, Instant};

use super::viewing::LEASE;
use super::{Call, Output, Phase};
use crate::session::{PeerState, SessionCommand};
use crate::want::VideoWant;

/// The encoder is turned down no sooner than this after it was turned up: whoever asks for more and less in turn costs no
/// more keyframes than that.
pub const LOWER_AFTER: Duration = Duration::from_secs(1);

/// What one participant wants of us.
#[derive(Debug)]
pub(super) struct Wish {
    want: VideoWant,
    /// Until when it holds; `None`: for good.
    until: Option<Instant>,
    /// The session sends it to them.
    served: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { want: VideoWant::FULL, until: None, served: true }
    }
}

impl Wish {
    pub(super) fn heard(&mut self, want: VideoWant, now: Instant) {
        self.want = want;
        self.until = (want != VideoWant::FULL).then_some(now + LEASE);
    }

    /// With the connection goes what was said; the next one begins with everything.
    pub(super) fn forget(&mut self) {
        self.want = VideoWant::FULL;
        self.until = None;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    fn expire(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.forget();
        }
    }
}

/// What the encoder is told.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) total: VideoWant,
    raised_at: Option<Instant>,
    /// When it may be lowered, if it is too high.
    pub(super) lower_at: Option<Instant>,
}

impl Default for Serving {
    fn default() -> Self {
        Self { total: VideoWant::FULL, raised_at: None, lower_at: None }
    }
}

impl Serving {
    /// Whether the encoder has to be told something else.
    fn aim(&mut self, total: VideoWant, now: Instant) -> bool {
        let more = total.together(self.total) != self.total;
        let allowed = self.raised_at.map_or(now, |at| at + LOWER_AFTER);
        self.lower_at = (!more && total != self.total && allowed > now).then_some(allowed);
        if total == self.total || self.lower_at.is_some() {
            return false;
        }
        if more {
            self.raised_at = Some(now);
        }
        self.total = total;
        true
    }
}

impl Call {
    pub(super) fn settle_serving(&mut self, now: Instant) {
        let mut total: Option<VideoWant> = None;
        let mut begins = false;
        for person in &mut self.people {
            person.wish.expire(now);
            let wants = !person.wish.want.is_none();
            if self.phase == Phase::InCall && wants != person.wish.served {
                person.wish.served = wants;
                begins |= wants;
                let participant = person.id.clone();
                self.outputs.push_back(Output::Session(SessionCommand::ServeVideo { participant, on: wants }));
            }
            if person.state == PeerState::Connected {
                total = Some(total.map_or(person.wish.want, |all: VideoWant| all.together(person.wish.want)));
            }
        }
        let total = total.unwrap_or(VideoWant::FULL);
        if self.serving.aim(if total.is_none() { VideoWant::NONE } else { total }, now) {
            self.outputs.push_back(Output::SetVideoWant(self.serving.total));
        }
        if begins && self.sending.camera {
            self.outputs.push_back(Output::ForceKeyframe);
        }
    }
}
