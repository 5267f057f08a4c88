//! Playout sync: the sound and the pictures of one participant on one time line, the sender's clock. A plain value that is
//! told the time; the engine shares it between the audio thread and the participant's decode thread.
//!
//! Sound is master: pictures wait until what was captured with them is heard. Sound itself waits only for pictures that
//! would otherwise be more than [`LATE`] behind it. Both waits have limits; beyond them the two drift apart, as nothing
//! that plays later helps a conversation.

use std::time::Duration;

use crate::Timestamp;

/// Pictures wait for their sound only until it is this much behind, which goes unnoticed (EBU R 37: 60 ms; pictures take a
/// few milliseconds more until they are on the screen). The earlier a face answers, the nearer it is.
pub const AHEAD: Duration = Duration::from_millis(45);
/// Pictures that come so much behind their sound go unnoticed (ITU-R BT.1359: 45 ms), so that sound need not wait for them.
pub const LATE: Duration = Duration::from_millis(40);
/// Sound waits no longer for pictures: more delay makes people talk at the same time.
pub const MAX_AUDIO_DELAY: Duration = Duration::from_millis(200);
/// Pictures wait no longer for sound: as long as the longest audio jitter buffer and a slow loudspeaker.
pub const MAX_VIDEO_DELAY: Duration = Duration::from_millis(600);
/// What has not been measured for so long is not waited for: the microphone or the camera is off.
const STALE: Duration = Duration::from_secs(1);
/// A jump that is no noise but news: the sender's clock was set, or its stream began anew.
const JUMP: u64 = 250_000;
/// Share of a new measurement in the mean, as a divisor: 160 ms of sound.
const SMOOTHING: i64 = 16;

/// When something plays on our clock, less when it was captured on the sender's, in microseconds. The two clocks are
/// unrelated, so only differences between lags of one sender mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lag(i64);

impl Lag {
    pub const fn between(sender_time: Timestamp, plays: Timestamp) -> Self {
        Self(plays.as_micros().saturating_sub(sender_time.as_micros()))
    }

    /// When it plays.
    pub const fn plays(self, sender_time: Timestamp) -> Timestamp {
        Timestamp::from_micros(sender_time.as_micros().saturating_add(self.0))
    }

    /// What plays at `now`: when it was captured, on the sender's clock.
    pub const fn playing(self, now: Timestamp) -> Timestamp {
        Timestamp::from_micros(now.as_micros().saturating_sub(self.0))
    }

    /// How much more it is than `other`; negative for less.
    pub const fn over(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    fn less(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by.as_micros() as i64))
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sync {
    heard: Mean,
    /// What sound would have without a wait of ours.
    audio_least: Mean,
    /// What pictures would have without a wait of ours.
    video_least: Mean,
}

impl Sync {
    /// Sound plays with this lag now. Without [`Self::audio_delay`] it would have `least`.
    pub fn heard(&mut self, lag: Lag, least: Lag, now: Timestamp) {
        self.heard.add(lag, now);
        self.audio_least.add(least, now);
    }

    /// A picture came that would be shown with this lag if it did not wait for its sound.
    pub fn seen(&mut self, least: Lag, now: Timestamp) {
        self.video_least.add(least, now);
    }

    /// What the sound shall wait beyond what its own jitter calls for.
    pub fn audio_delay(&self, now: Timestamp) -> Duration {
        let (Some(video), Some(audio)) = (self.video_least.get(now), self.audio_least.get(now)) else {
            return Duration::ZERO;
        };
        let behind = video.over(audio).saturating_sub(LATE.as_micros() as i64);
        Duration::from_micros(behind.max(0) as u64).min(MAX_AUDIO_DELAY)
    }

    /// The lag that sound has; `None`: there is none.
    pub fn audio_lag(&self, now: Timestamp) -> Option<Lag> {
        self.heard.get(now)
    }

    /// The lag that pictures shall have; `None`: there is no sound to wait for.
    pub fn video_lag(&self, now: Timestamp) -> Option<Lag> {
        self.audio_lag(now).map(|lag| lag.less(AHEAD))
    }
}

/// A mean of lags that moves with them.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    /// The mean, and when the last lag came.
    last: Option<(Lag, Timestamp)>,
}

impl Mean {
    fn add(&mut self, lag: Lag, now: Timestamp) {
        let mean = match self.get(now) {
            Some(mean) if lag.over(mean).unsigned_abs() < JUMP => Lag(mean.0 + lag.over(mean) / SMOOTHING),
            _ => lag,
        };
        self.last = Some((mean, now));
    }

    fn get(&self, now: Timestamp) -> Option<Lag> {
        let (mean, at) = self.last?;
        (now.since(at) < STALE).then_some(mean)
    }
}

#[cfg(test)]
mod tests;
