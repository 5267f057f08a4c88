//! A microphone: the device's callback fills a ring of 100 ms, the reader takes frames of 10 ms.
//!
//! Callbacks come in pieces of any size (24 samples on PulseAudio, 256 on PipeWire). When the ring is full the newest
//! samples are dropped and counted, and the frame that follows the hole says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use cpal::Data;
use fika_media::device::{DeviceError, Wake};
use fika_media::{AudioFrame, AudioRead, AudioSource, Timestamp};
use rtrb::{Consumer, Producer, RingBuffer};

use super::drift::{self, Meter, Rate};
use super::link::Link;
use super::resample::ToFrames;
use super::samples::{self, Live};
use crate::clock;

/// Capacity of the ring as a part of a second. Full means that the reader has slept for 100 ms: the newest is dropped.
const RING_PER_SECOND: u32 = 10;
/// No hole is waiting to be reported.
const NO_GAP: u64 = u64::MAX;
/// A frame may be stamped this much later than expected before its time is taken as it is, in microseconds.
const MAX_SLEW_US: i64 = 20_000;

/// The callback's end.
pub(super) struct Feed {
    ring: Producer<f32>,
    state: Arc<State>,
    link: Arc<Link>,
    meter: Meter,
    channels: usize,
    live: Live,
    rate: u32,
    /// Samples put into the ring since the start.
    written: u64,
}

/// The reader's end.
pub(super) struct Microphone {
    ring: Consumer<f32>,
    state: Arc<State>,
    link: Arc<Link>,
    resampler: ToFrames,
    own: Rate,
    master: Rate,
    rate: u32,
    /// Samples taken from the ring since the start.
    taken: u64,
    next_pts: Option<Timestamp>,
}

/// What both ends share.
#[derive(Debug)]
struct State {
    /// When the first sample of the ring was captured, in microseconds, counted back from the newest piece.
    origin_us: AtomicI64,
    /// Number of the first sample after a hole.
    gap_at: AtomicU64,
    dropped: AtomicU64,
    /// Samples the reader needs for a frame.
    needed: AtomicUsize,
}

/// Both ends for a device of `rate` samples a second and `channels` channels.
pub(super) fn pair(rate: u32, channels: u16, link: Arc<Link>, master: Rate) -> Result<(Feed, Microphone), DeviceError> {
    let resampler = ToFrames::new(rate)?;
    let capacity = ((rate / RING_PER_SECOND) as usize).max(resampler.needed() * 2);
    let (producer, consumer) = RingBuffer::new(capacity);
    let own = Rate::default();
    let state = Arc::new(State {
        origin_us: AtomicI64::new(0),
        gap_at: AtomicU64::new(NO_GAP),
        dropped: AtomicU64::new(0),
        needed: AtomicUsize::new(resampler.needed()),
    });
    let feed = Feed {
        ring: producer,
        state: state.clone(),
        link: link.clone(),
        meter: Meter::new(rate, own.clone()),
        channels: channels.into(),
        live: Live::default(),
        rate,
        written: 0,
    };
    let microphone = Microphone { ring: consumer, state, link, resampler, own, master, rate, taken: 0, next_pts: None };
    Ok((feed, microphone))
}

impl Feed {
    /// The device's callback. `age`: how long ago the first sample of `data` was captured.
    pub(super) fn captured(&mut self, data: &Data, age: Duration, wake: &Wake) {
        if self.link.is_closing() {
            return;
        }
        let now = clock::monotonic();
        self.meter.moved(samples::frames(data, self.channels), now);
        let before = self.micros(self.written);
        self.state.origin_us.store((now - age).as_micros() - before, Ordering::Relaxed);
        samples::down_mix(data, self.channels, &mut self.live, |piece| {
            push(&mut self.ring, &self.state, &mut self.written, piece);
        });
        let waiting = self.ring.buffer().capacity() - self.ring.slots();
        if waiting >= self.state.needed.load(Ordering::Relaxed) {
            wake();
        }
    }

    /// For the error callback, which is another closure.
    pub(super) fn gap_mark(&self) -> GapMark {
        GapMark(self.state.clone())
    }

    fn micros(&self, samples: u64) -> i64 {
        micros(samples, self.rate)
    }
}

/// Lets the error callback report a hole.
pub(super) struct GapMark(Arc<State>);

impl GapMark {
    /// The stream goes on, but something was lost on the way.
    pub(super) fn set(&self) {
        self.0.gap_at.store(0, Ordering::Release);
    }
}

fn push(ring: &mut Producer<f32>, state: &State, written: &mut u64, piece: &[f32]) {
    let (stored, lost) = ring.push_partial_slice(piece);
    *written += stored.len() as u64;
    if !lost.is_empty() {
        state.dropped.fetch_add(lost.len() as u64, Ordering::Relaxed);
        state.gap_at.store(*written, Ordering::Release);
    }
}

fn micros(samples: u64, rate: u32) -> i64 {
    (samples as i128 * 1_000_000 / i128::from(rate.max(1))) as i64
}

impl AudioSource for Microphone {
    fn read(&mut self, out: &mut AudioFrame) -> Result<AudioRead, DeviceError> {
        let needed = self.resampler.needed();
        self.state.needed.store(needed, Ordering::Relaxed);
        if self.ring.pop_entire_slice(self.resampler.input()).is_err() {
            // What was captured before the end is still read.
            self.link.fault.check()?;
            return Ok(AudioRead::Empty);
        }
        let first = self.taken;
        self.taken += needed as u64;
        self.resampler.frame(&mut out.samples, drift::follow(&self.own, &self.master))?;
        self.state.needed.store(self.resampler.needed(), Ordering::Relaxed);
        let gap = self.gap_before(self.taken);
        out.pts = self.pts(first, gap);
        Ok(AudioRead::Frame { gap })
    }
}

impl Microphone {
    fn gap_before(&self, end: u64) -> bool {
        let at = self.state.gap_at.load(Ordering::Acquire);
        at < end && self.state.gap_at.compare_exchange(at, NO_GAP, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Capture time of sample number `first`. A callback can only come late, so the earliest stamp of late is right: the
    /// course follows earlier stamps at once and later ones slowly, and no frame is stamped in the future.
    fn pts(&mut self, first: u64, gap: bool) -> Timestamp {
        let delay = Duration::from_secs_f64(self.resampler.delay());
        let origin = self.state.origin_us.load(Ordering::Relaxed);
        let measured = Timestamp::from_micros(origin + micros(first, self.rate)) - delay;
        let pts = match self.next_pts {
            Some(next) if !gap && (0..=MAX_SLEW_US).contains(&(measured.0 - next.0)) => {
                Timestamp::from_micros(next.0 + (measured.0 - next.0) / 32)
            }
            _ => measured,
        };
        self.next_pts = Some(pts + Duration::from_millis(10));
        pts
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        let dropped = self.state.dropped.load(Ordering::Relaxed);
        tracing::debug!(dropped, "microphone closed");
        self.link.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(rate: u32) -> (Feed, Microphone) {
        pair(rate, 1, Arc::new(Link::detached()), Rate::default()).unwrap()
    }

    fn capture(feed: &mut Feed, samples: &mut [f32]) {
        // SAFETY: pointer, length and format describe the slice.
        let data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), cpal::SampleFormat::F32) };
        feed.captured(&data, Duration::ZERO, &(Arc::new(|| {}) as Wake));
    }

    fn read_all(microphone: &mut Microphone) -> Vec<bool> {
        let mut frame = AudioFrame::silence(Timestamp::ZERO);
        let mut gaps = Vec::new();
        while let AudioRead::Frame { gap } = microphone.read(&mut frame).unwrap() {
            gaps.push(gap);
        }
        gaps
    }

    #[test]
    fn pieces_of_any_size_become_frames_of_ten_milliseconds() {
        for piece in [24, 256, 480, 1_000] {
            let (mut feed, mut microphone) = open(48_000);
            let mut frames = 0;
            for _ in 0..48_000 / piece {
                capture(&mut feed, &mut vec![0.1; piece]);
                frames += read_all(&mut microphone).len();
            }
            assert!((97..=100).contains(&frames), "pieces of {piece}: {frames} frames in a second");
        }
    }

    #[test]
    fn a_full_ring_drops_the_newest_and_says_so_once() {
        let (mut feed, mut microphone) = open(48_000);
        for _ in 0..20 {
            capture(&mut feed, &mut [0.1; 480]);
        }
        assert_eq!(microphone.state.dropped.load(Ordering::Relaxed), 20 * 480 - 4_800);
        assert!(!read_all(&mut microphone).contains(&true), "the hole lies behind what was kept");
        for _ in 0..4 {
            capture(&mut feed, &mut [0.1; 480]);
        }
        let gaps = read_all(&mut microphone);
        assert_eq!(gaps.iter().filter(|gap| **gap).count(), 1, "{gaps:?}");
        assert!(gaps[0]);
    }

    #[test]
    fn the_reader_is_woken_when_a_frame_is_ready() {
        let (mut feed, mut microphone) = open(48_000);
        let woken = Arc::new(AtomicUsize::new(0));
        let wake: Wake = Arc::new({
            let woken = woken.clone();
            move || {
                woken.fetch_add(1, Ordering::Relaxed);
            }
        });
        let needed = microphone.resampler.needed();
        let mut samples = vec![0.0_f32; needed - 1];
        // SAFETY: pointer, length and format describe the vector.
        let data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), needed - 1, cpal::SampleFormat::F32) };
        feed.captured(&data, Duration::ZERO, &wake);
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        assert!(read_all(&mut microphone).is_empty());
        capture_with(&mut feed, &wake);
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(read_all(&mut microphone).len(), 1);
    }

    fn capture_with(feed: &mut Feed, wake: &Wake) {
        let mut sample = [0.0_f32];
        // SAFETY: pointer, length and format describe the array.
        let data = unsafe { Data::from_parts(sample.as_mut_ptr().cast(), 1, cpal::SampleFormat::F32) };
        feed.captured(&data, Duration::ZERO, wake);
    }

    #[test]
    fn what_was_captured_is_read_before_the_end() {
        let (mut feed, mut microphone) = open(48_000);
        capture(&mut feed, &mut [0.1; 960]);
        microphone.link.fault.disconnect();
        let mut frame = AudioFrame::silence(Timestamp::ZERO);
        assert!(matches!(microphone.read(&mut frame), Ok(AudioRead::Frame { .. })));
        let end = std::iter::repeat_with(|| microphone.read(&mut frame)).find(Result::is_err).unwrap();
        assert_eq!(end, Err(DeviceError::Disconnected));
    }

    #[test]
    fn times_are_steady_and_ten_milliseconds_apart() {
        let (mut feed, mut microphone) = open(48_000);
        let mut times = Vec::new();
        let mut frame = AudioFrame::silence(Timestamp::ZERO);
        for turn in 0..100 {
            capture(&mut feed, &mut [0.1; 480]);
            // Every other callback comes two milliseconds late; the course does not.
            feed.state.origin_us.store(1_000_000 + turn % 2 * 2_000, Ordering::Relaxed);
            while let AudioRead::Frame { .. } = microphone.read(&mut frame).unwrap() {
                times.push(frame.pts.as_micros());
            }
        }
        assert!(times.len() > 90);
        for pair in times[2..].windows(2) {
            assert!((pair[1] - pair[0] - 10_000).abs() < 100, "{pair:?}");
        }
    }
}
