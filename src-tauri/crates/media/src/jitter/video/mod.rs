//! Adaptive jitter buffer of one video track. Owns the access units that wait; runs on the decode thread.
//!
//! The delay is what most pictures of the last seconds needed, so a steady line costs nothing: it rises at once and falls
//! slowly. After a gap only a keyframe goes on; one is asked for. Full means [`MAX_DELAY`] or [`MAX_BYTES`]: everything is
//! dropped and a keyframe asked for, as single access units cannot be left out.

mod freeze;

use std::collections::VecDeque;
use std::time::Duration;

use super::VideoUnit;
use super::delay::{Config, Delays};
use crate::Timestamp;
use crate::playout::{Lag, MAX_VIDEO_DELAY};

pub use freeze::Freezes;

/// Media time that waits at most.
pub const MAX_DELAY: Duration = Duration::from_secs(2);
/// Bytes that wait at most.
pub const MAX_BYTES: usize = 10 << 20;
/// Access units that wait at most: [`MAX_DELAY`] of 60 pictures a second.
pub const MAX_UNITS: usize = 120;
/// Most by which the wait for sound changes from one picture to the next, so that nobody sees it.
const WAIT_STEP_US: i64 = 10_000;
/// Time between two requests for a keyframe.
pub const REQUEST_INTERVAL: Duration = Duration::from_millis(500);

const DELAY: Config = Config {
    window: Duration::from_secs(10),
    quantile: 90,
    margin: Duration::ZERO,
    least: Duration::ZERO,
    most: Duration::from_millis(100),
    fall: Some(Duration::from_millis(10)),
};

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Decode and show this; then ask again.
    Decode(VideoUnit),
    /// Ask again then, or when another unit has come.
    Wait(Timestamp),
    /// Ask the sender for a keyframe; then ask again.
    NeedKeyframe,
    /// Ask again when another unit has come.
    Empty,
}

/// What the buffer counts, with the names and meanings of W3C webrtc-stats (RTCInboundRtpStreamStats).
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Complete access units.
    pub frames_received: u64,
    /// Given out by [`Buffer::next`] and not reported by [`Buffer::failed`].
    pub frames_decoded: u64,
    pub key_frames_decoded: u64,
    /// Received and never decoded.
    pub frames_dropped: u64,
    /// Seconds from the arrival of the first packet to decoding, summed over [`Self::jitter_buffer_emitted_count`].
    pub jitter_buffer_delay: f64,
    /// Seconds aimed at, summed likewise.
    pub jitter_buffer_target_delay: f64,
    pub jitter_buffer_emitted_count: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Buffer {
    units: VecDeque<VideoUnit>,
    bytes: usize,
    delays: Delays,
    /// The lag of the sound that pictures wait for.
    sound: Option<Lag>,
    /// How long the unit given out last waited for its sound, in microseconds.
    waited: i64,
    /// The lag of the newest unit if it did not wait.
    least: Option<Lag>,
    /// Nothing decodes until a keyframe comes.
    broken: bool,
    requested: Option<Timestamp>,
    /// Whether the unit given out last was a keyframe.
    last_keyframe: bool,
    stats: Stats,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            units: VecDeque::new(),
            bytes: 0,
            delays: Delays::new(DELAY),
            sound: None,
            waited: 0,
            least: None,
            broken: true,
            requested: None,
            last_keyframe: false,
            stats: Stats::default(),
        }
    }
}

impl Buffer {
    /// Takes the next access unit in decoding order, complete at `now`.
    pub fn insert(&mut self, unit: VideoUnit, now: Timestamp) {
        self.stats.frames_received += 1;
        let media = unit.frame.pts.as_micros();
        if !self.delays.fits(media, now, MAX_DELAY) {
            // The sender's clock was set, or the line was down: what waits has lost its time.
            self.delays.reset();
        }
        self.delays.record(media, now);
        self.least = unit.sender_time.map(|sender_time| Lag::between(sender_time, self.delays.due(media)));
        self.bytes += unit.frame.payload.len();
        self.units.push_back(unit);
        if self.overflows() {
            self.drop_all();
        }
    }

    /// What is due at `now`. To be called again until it answers [`Next::Wait`] or [`Next::Empty`].
    pub fn next(&mut self, now: Timestamp) -> Next {
        self.drop_useless();
        if self.units.is_empty() {
            return self.request(now);
        }
        let Some(unit) = self.units.front() else { return Next::Empty };
        let smooth = self.delays.due(unit.frame.pts.as_micros());
        let wait = self.wait(unit, smooth);
        let due = smooth + Duration::from_micros(wait as u64);
        if due > now {
            return Next::Wait(due);
        }
        self.waited = wait;
        self.emit(now)
    }

    /// Pictures wait for sound that plays with this lag; `None`: they do not wait.
    pub fn wait_for_sound(&mut self, lag: Option<Lag>) {
        self.sound = lag;
    }

    /// The lag of the unit that came last if it does not wait for sound; `None`: the sender has not reported yet.
    pub fn least_lag(&self) -> Option<Lag> {
        self.least
    }

    /// Microseconds that the unit waits for its sound, beyond the moment at which it is shown smoothly.
    fn wait(&self, unit: &VideoUnit, smooth: Timestamp) -> i64 {
        let wanted = self.sound.zip(unit.sender_time).map_or(0, |(sound, sender_time)| {
            let plays = sound.plays(sender_time).as_micros();
            plays.saturating_sub(smooth.as_micros()).clamp(0, MAX_VIDEO_DELAY.as_micros() as i64)
        });
        wanted.clamp((self.waited - WAIT_STEP_US).max(0), self.waited + WAIT_STEP_US)
    }

    /// The decoder could not use the unit given out last: only a keyframe helps.
    pub fn failed(&mut self) {
        self.broken = true;
        self.stats.frames_decoded = self.stats.frames_decoded.saturating_sub(1);
        self.stats.key_frames_decoded = self.stats.key_frames_decoded.saturating_sub(u64::from(self.last_keyframe));
        self.stats.frames_dropped += 1;
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The delay that the measured jitter calls for, from the earliest possible moment to decoding.
    pub fn target_delay(&self) -> Duration {
        Duration::from_micros(self.delays.target().max(0) as u64)
    }

    fn overflows(&self) -> bool {
        let times =
            self.units.front().zip(self.units.back()).map(|(first, last)| last.frame.pts.since(first.frame.pts));
        self.bytes > MAX_BYTES || self.units.len() > MAX_UNITS || times.is_some_and(|waiting| waiting > MAX_DELAY)
    }

    fn drop_all(&mut self) {
        self.stats.frames_dropped += self.units.len() as u64;
        self.units.clear();
        self.bytes = 0;
        self.broken = true;
    }

    /// Drops what stands before the keyframe that is needed.
    fn drop_useless(&mut self) {
        while let Some(unit) = self.units.front() {
            self.broken |= unit.after_gap;
            if unit.frame.keyframe || !self.broken {
                return;
            }
            self.bytes -= unit.frame.payload.len();
            self.units.pop_front();
            self.stats.frames_dropped += 1;
        }
    }

    fn request(&mut self, now: Timestamp) -> Next {
        // Before the first unit the sender may have its camera off.
        if !self.broken || self.stats.frames_received == 0 {
            return Next::Empty;
        }
        match self.requested.map(|at| at + REQUEST_INTERVAL) {
            Some(again) if again > now => Next::Wait(again),
            _ => {
                self.requested = Some(now);
                Next::NeedKeyframe
            }
        }
    }

    fn emit(&mut self, now: Timestamp) -> Next {
        let Some(unit) = self.units.pop_front() else { return Next::Empty };
        self.bytes -= unit.frame.payload.len();
        if unit.frame.keyframe {
            self.broken = false;
            self.requested = None;
        }
        self.last_keyframe = unit.frame.keyframe;
        self.stats.frames_decoded += 1;
        self.stats.key_frames_decoded += u64::from(unit.frame.keyframe);
        self.stats.jitter_buffer_delay += now.since(unit.arrived).as_secs_f64();
        self.stats.jitter_buffer_target_delay += self.target_delay().as_secs_f64();
        self.stats.jitter_buffer_emitted_count += 1;
        Next::Decode(unit)
    }
}

#[cfg(test)]
mod tests;
