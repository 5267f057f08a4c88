//! The video-encode thread: takes the newest picture of the camera, sizes it as the rate allows, encodes it for the
//! session. Whoever wants a keyframe gets the last picture once more, rather than wait for the next one.
//!
//! The queue to the session holds [`crate::ports::VIDEO_QUEUE`] access units. Full: the raw picture is left out; an
//! encoded one is never dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fika_call::VideoWant;
use fika_media::budget::Budget;
use fika_media::frame::Pool;
use fika_media::h264::encode::{Config, Encoder, Profile};
use fika_media::ladder::{Ladder, Rung};
use fika_media::load::Load;
use fika_media::scale::{Fit, Scaler};
use fika_media::{CodecError, EncodedFrame, I420, Resolution, Timestamp, VideoEncoder, VideoFrame};
use tokio::sync::{mpsc, watch};

use self::last::Last;
use crate::event::Event;
use crate::rate::Meter;
use crate::slot::Slot;
use crate::stats::{QualityLimitation, VideoOut};
use crate::thread::{self, SpawnError, Stop, Thread};

mod last;

/// Time between keyframes that were asked for.
pub(crate) const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

/// What the actor wants of the encoder; read for each picture.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Where access units go; `None`: nothing is encoded.
    pub(crate) out: Option<mpsc::Sender<EncodedFrame>>,
    /// Bits a second.
    pub(crate) bitrate: u32,
    /// Every receiver decodes Main profile.
    pub(crate) main_profile: bool,
    pub(crate) keyframe: bool,
    /// The most that anybody shows.
    pub(crate) want: VideoWant,
    /// At most.
    pub(crate) resolution: Resolution,
    pub(crate) frame_rate: u32,
}

pub(crate) struct Encode {
    wanted: Arc<Mutex<Wanted>>,
    last: Arc<Last>,
    pictures: Arc<Slot<VideoFrame>>,
    stats: watch::Receiver<VideoOut>,
    _thread: Thread,
}

impl Encode {
    pub(crate) fn start(
        wanted: Wanted,
        pictures: Arc<Slot<VideoFrame>>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, SpawnError<std::io::Error>> {
        let wanted = Arc::new(Mutex::new(wanted));
        let (counted, stats) = watch::channel(VideoOut { encoder_implementation: "openh264", ..VideoOut::default() });
        let last = Arc::new(Last::default());
        let (ours, kept) = (Arc::clone(&wanted), Arc::clone(&last));
        let (inbox, wake) = (Arc::clone(&pictures), Arc::clone(&pictures));
        let build = move || Ok(Worker::new(ours, kept, counted));
        let thread = thread::spawn("video-encode", events, build, move |worker, stop| worker.run(&inbox, stop))?;
        Ok(Self { wanted, last, pictures, stats, _thread: thread.waking(move || wake.wake()) })
    }

    pub(crate) fn want(&self, change: impl FnOnce(&mut Wanted)) {
        let (keyframe, sends) = {
            let mut wanted = lock(&self.wanted);
            change(&mut wanted);
            (wanted.keyframe, wanted.out.is_some())
        };
        if !sends {
            // A camera that is switched off and on again shows nothing of before.
            self.last.forget();
        }
        if keyframe {
            self.pictures.wake();
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        lock(&self.wanted).clone()
    }

    pub(crate) fn stats(&self) -> VideoOut {
        self.stats.borrow().clone()
    }
}

fn lock(wanted: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    wanted: Arc<Mutex<Wanted>>,
    last: Arc<Last>,
    stats: watch::Sender<VideoOut>,
    ladder: Ladder,
    load: Load,
    encoder: Option<Encoder>,
    scaler: Scaler,
    pool: Pool,
    budget: Budget,
    /// Last keyframe that was made.
    keyframe_at: Option<Timestamp>,
    /// When the next picture is wanted.
    due: Option<Timestamp>,
    meter: Meter,
}

impl Worker {
    fn new(wanted: Arc<Mutex<Wanted>>, last: Arc<Last>, stats: watch::Sender<VideoOut>) -> Self {
        Self {
            wanted,
            last,
            stats,
            ladder: Ladder::new(Resolution::default(), 0.0),
            load: Load::default(),
            encoder: None,
            scaler: Scaler::default(),
            pool: Pool::default(),
            budget: Budget::default(),
            keyframe_at: None,
            due: None,
            meter: Meter::default(),
        }
    }

    fn run(mut self, pictures: &Slot<VideoFrame>, stop: &Stop) {
        while let Some((picture, repeated)) = self.next(pictures, stop) {
            let wanted = lock(&self.wanted).clone();
            let Some(out) = wanted.out.as_ref().filter(|_| !wanted.want.is_none()) else {
                self.encoder = None;
                // Whoever wants to see it soon does not wait for the next one either.
                self.keep(&picture);
                continue;
            };
            let size = fit(picture.size(), wanted.resolution);
            self.ladder.set_source(size, wanted.frame_rate as f32);
            self.ladder.set_limit(wanted.want.lines.into(), wanted.want.frame_rate.into());
            self.ladder.leave_out(self.load.steps());
            let keyframe = wanted.keyframe && !self.is_recent(picture.pts);
            let rung = self.ladder.update(wanted.bitrate, keyframe, picture.pts);
            // Reserved first: what is encoded has a place.
            let due = repeated || self.is_due(picture.pts, rung.frame_rate);
            let place = if due { out.try_reserve().ok() } else { None };
            let Some(place) = place else {
                self.skip();
                continue;
            };
            match self.encode(&picture, &wanted, (rung, keyframe)) {
                Ok(Some(frame)) => {
                    place.send(frame);
                    if !repeated {
                        self.keep(&picture);
                    }
                }
                Ok(None) => self.skip(),
                Err(error) => {
                    tracing::warn!(%error, "a picture could not be encoded");
                    self.encoder = None;
                }
            }
        }
    }

    /// The next picture, or the last one once more; whether it is that. `None`: `stop` is set.
    fn next(&self, pictures: &Slot<VideoFrame>, stop: &Stop) -> Option<(VideoFrame, bool)> {
        let wanted = || self.last.is_wanted(&lock(&self.wanted), self.keyframe_at);
        loop {
            match pictures.take_unless(stop, wanted)? {
                Some(picture) => return Some((picture, false)),
                None => {
                    // Gone meanwhile: the camera was switched off.
                    if let Some(picture) = self.last.repeat() {
                        return Some((picture, true));
                    }
                }
            }
        }
    }

    fn keep(&self, picture: &VideoFrame) {
        // Behind the lock that is held while sending is switched off.
        let wanted = lock(&self.wanted);
        if wanted.out.is_some() {
            self.last.keep(picture);
        }
    }

    /// A keyframe was made a moment before this time.
    fn is_recent(&self, pts: Timestamp) -> bool {
        self.keyframe_at.is_some_and(|at| pts.since(at) < KEYFRAME_INTERVAL)
    }

    /// Leaves pictures out so that no more than `frame_rate` a second are encoded, however unsteady they come.
    fn is_due(&mut self, pts: Timestamp, frame_rate: f32) -> bool {
        let interval = interval(frame_rate);
        let due = *self.due.get_or_insert(pts);
        // Half an interval early is nearer to this time than the next picture would be.
        if pts + interval / 2 < due {
            return false;
        }
        // After a pause time goes on from here.
        self.due = Some(if pts.since(due) > interval { pts } else { due } + interval);
        true
    }

    fn skip(&self) {
        self.stats.send_modify(|stats| stats.frames_dropped += 1);
    }

    fn encode(
        &mut self,
        picture: &VideoFrame,
        wanted: &Wanted,
        (rung, force): (Rung, bool),
    ) -> Result<Option<EncodedFrame>, CodecError> {
        let begin = Instant::now();
        if force {
            lock(&self.wanted).keyframe = false;
        }
        let scaled = (rung.resolution != picture.size())
            .then(|| VideoFrame { pts: picture.pts, image: self.scaled(&picture.image, rung.resolution) });
        let now = self.encoder.as_ref().map(|encoder| encoder.config().profile);
        let encoder = self.encoder(rung, if wanted.main_profile { rung.profile(now) } else { Profile::Baseline })?;
        let encoded = encoder.encode(scaled.as_ref().unwrap_or(picture), force)?;
        let made = encoded.as_ref().map_or(0, |frame| frame.payload.len());
        self.budget.on_frame(made, f64::from(rung.bitrate), interval(rung.frame_rate));
        let Some(frame) = encoded else { return Ok(None) };
        if frame.keyframe {
            self.keyframe_at = Some(frame.pts);
        }
        self.meter.count(frame.pts);
        let frames_per_second = self.meter.rate(frame.pts);
        let spent = begin.elapsed();
        self.load.on_encoded(spent, interval(rung.frame_rate), self.ladder.larger(), picture.pts);
        let reason = match (self.ladder.is_slowed(), self.ladder.is_limited()) {
            (true, _) => QualityLimitation::Cpu,
            (_, true) => QualityLimitation::Bandwidth,
            _ => QualityLimitation::None,
        };
        self.stats.send_modify(|stats| {
            stats.frames_encoded += 1;
            stats.key_frames_encoded += u64::from(frame.keyframe);
            (stats.frame_width, stats.frame_height) = (rung.resolution.width, rung.resolution.height);
            stats.frames_per_second = frames_per_second;
            stats.total_encode_time += spent.as_secs_f64();
            stats.target_bitrate = rung.bitrate;
            stats.quality_limitation_reason = reason;
        });
        Ok(Some(frame))
    }

    /// An encoder set to this. Only another profile needs a new one.
    fn encoder(&mut self, rung: Rung, profile: Profile) -> Result<&mut Encoder, CodecError> {
        let Rung { resolution, frame_rate, bitrate } = rung;
        let mut encoder = match self.encoder.take() {
            Some(encoder) if encoder.config().profile == profile => encoder,
            _ => Encoder::new(Config { resolution, frame_rate, bitrate, profile })?,
        };
        // What the next frame may have, as a rate: the encoder's own control is too slow for a path without a queue.
        let bytes = self.budget.bytes(f64::from(bitrate), interval(frame_rate), 0);
        let allowed = (bytes * 8.0 / interval(frame_rate).as_secs_f64()) as u32;
        if encoder.config().bitrate.abs_diff(allowed) > allowed / 50 {
            encoder.set_bitrate(allowed)?;
        }
        if encoder.config().frame_rate != frame_rate {
            encoder.set_frame_rate(frame_rate)?;
        }
        Ok(self.encoder.insert(encoder))
    }

    fn scaled(&mut self, from: &I420, size: Resolution) -> Arc<I420> {
        let mut to = self.pool.take(size);
        self.scaler.scale(from, &mut to, Fit::Crop);
        self.pool.share(to)
    }
}

/// The distance of pictures.
fn interval(frame_rate: f32) -> Duration {
    Duration::from_secs_f32(1.0 / frame_rate.max(1.0))
}

/// The largest even size within `limit` that keeps the shape of `size`.
fn fit(size: Resolution, limit: Resolution) -> Resolution {
    let narrow = |size: Resolution, limit: Resolution| {
        let (w, h) = (u64::from(size.width.max(1)), u64::from(size.height.max(1)));
        if size.width <= limit.width && size.height <= limit.height {
            size
        } else if w * u64::from(limit.height) >= h * u64::from(limit.width) {
            Resolution::new(limit.width, (h * u64::from(limit.width) / w) as u32)
        } else {
            Resolution::new((w * u64::from(limit.height) / h) as u32, limit.height)
        }
    };
    // A limit is meant for landscape; a portrait picture is turned.
    let limit = if size.height > size.width { Resolution::new(limit.height, limit.width) } else { limit };
    let fitted = narrow(size, limit);
    Resolution::new((fitted.width & !1).max(16), (fitted.height & !1).max(16))
}

#[cfg(test)]
mod tests;
