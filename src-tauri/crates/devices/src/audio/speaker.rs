//! A speaker: the writer fills a ring, the device's callback drains it.
//!
//! The speaker's clock is master: its callback wakes the writer, which writes as many frames as are wanted. When the
//! ring is empty the rest of the callback is silence, counted; when it is full the new frame is dropped, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use cpal::Data;
use fika_media::device::{DeviceError, Wake};
use fika_media::{AudioFrame, AudioSink};
use rtrb::{Consumer, Producer, RingBuffer};

use super::cushion::{self, Cushion};
use super::drift::{Meter, Rate};
use super::link::Link;
use super::resample::FromFrames;
use super::samples;
use crate::clock;

/// Frames of 10 ms the ring holds. Full means that more was written than wanted: the new frame is dropped.
const RING_FRAMES: usize = 20;

/// The callback's end.
pub(super) struct Drain {
    ring: Consumer<f32>,
    state: Arc<State>,
    link: Arc<Link>,
    meter: Meter,
    channels: usize,
}

/// The writer's end.
pub(super) struct Speaker {
    ring: Producer<f32>,
    state: Arc<State>,
    link: Arc<Link>,
    resampler: FromFrames,
    cushion: Cushion,
    rate: u32,
    dropped: u64,
}

#[derive(Debug, Default)]
struct State {
    underruns: AtomicU64,
    /// Samples of the largest callback of late: the first is often twice as long as the others.
    period: AtomicUsize,
    /// From the callback to the loudspeaker, in microseconds.
    delay_us: AtomicU64,
}

/// Both ends for a device of `rate` samples a second and `channels` channels, with silence for the first callback.
pub(super) fn pair(rate: u32, channels: u16, link: Arc<Link>, master: Rate) -> Result<(Drain, Speaker), DeviceError> {
    let frame = cushion::frame_of(rate);
    let (mut producer, consumer) = RingBuffer::new(frame * RING_FRAMES);
    // It fits: the ring is ten times as long.
    let _ = producer.push_partial_slice(&vec![0.0; cushion::prefill(frame)]);
    let state = Arc::new(State::default());
    let drain = Drain {
        ring: consumer,
        state: state.clone(),
        link: link.clone(),
        meter: Meter::new(rate, master),
        channels: channels.into(),
    };
    let resampler = FromFrames::new(rate)?;
    let speaker = Speaker { ring: producer, state, link, resampler, cushion: Cushion::new(), rate, dropped: 0 };
    Ok((drain, speaker))
}

impl Drain {
    /// The device's callback. `delay`: from now until `data` is heard.
    pub(super) fn play(&mut self, data: &mut Data, delay: Duration, wake: &Wake) {
        let frames = samples::frames(data, self.channels);
        let mut missing = false;
        samples::up_mix(data, self.channels, |piece| {
            let (_, rest) = self.ring.pop_partial_slice(piece);
            missing |= !rest.is_empty();
            rest.fill(0.0);
        });
        if self.link.is_closing() {
            return;
        }
        if missing {
            self.state.underruns.fetch_add(1, Ordering::Relaxed);
        }
        let largest = self.state.period.load(Ordering::Relaxed);
        self.state.period.store(forget(largest, frames), Ordering::Relaxed);
        self.state.delay_us.store(delay.as_micros() as u64, Ordering::Relaxed);
        self.meter.moved(frames, clock::monotonic());
        wake();
    }
}

/// Grows at once and shrinks in about half a second.
fn forget(largest: usize, now: usize) -> usize {
    largest.saturating_sub(largest.saturating_sub(now).div_ceil(16)).max(now)
}

impl Speaker {
    fn queued(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }
}

impl AudioSink for Speaker {
    fn wanted(&self) -> usize {
        let period = self.state.period.load(Ordering::Relaxed);
        self.cushion.missing(self.queued(), cushion::frame_of(self.rate), period, self.ring.slots())
    }

    fn write(&mut self, frame: &AudioFrame) -> Result<(), DeviceError> {
        self.link.fault.check()?;
        self.cushion.written(self.state.underruns.load(Ordering::Relaxed));
        let (_, lost) = self.ring.push_partial_slice(self.resampler.samples(&frame.samples)?);
        self.dropped += u64::from(!lost.is_empty());
        Ok(())
    }

    fn latency(&self) -> Duration {
        let queued = Duration::from_secs_f64(self.queued() as f64 / f64::from(self.rate.max(1)));
        queued + Duration::from_micros(self.state.delay_us.load(Ordering::Relaxed))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let underruns = self.state.underruns.load(Ordering::Relaxed);
        tracing::debug!(underruns, dropped = self.dropped, "speaker closed");
        self.link.close();
    }
}

#[cfg(test)]
mod tests {
    use fika_media::Timestamp;

    use super::*;

    fn open(rate: u32, channels: u16) -> (Drain, Speaker) {
        pair(rate, channels, Arc::new(Link::detached()), Rate::default()).unwrap()
    }

    fn play(drain: &mut Drain, count: usize) -> Vec<f32> {
        let mut out = vec![9.0_f32; count];
        // SAFETY: pointer, length and format describe the vector, which is not used meanwhile.
        let mut data = unsafe { Data::from_parts(out.as_mut_ptr().cast(), count, cpal::SampleFormat::F32) };
        drain.play(&mut data, Duration::from_millis(20), &(Arc::new(|| {}) as Wake));
        out
    }

    fn frame(level: f32) -> AudioFrame {
        let mut frame = AudioFrame::silence(Timestamp::ZERO);
        frame.samples.fill(level);
        frame
    }

    #[test]
    fn starts_with_silence_for_a_double_first_callback() {
        let (mut drain, speaker) = open(48_000, 1);
        assert_eq!(speaker.wanted(), 0);
        assert_eq!(play(&mut drain, 960), vec![0.0; 960]);
        assert_eq!(speaker.state.underruns.load(Ordering::Relaxed), 0);
        assert_eq!(speaker.wanted(), 3, "a period of 960 and a frame are kept");
    }

    #[test]
    fn a_long_first_callback_is_forgotten() {
        let mut largest = forget(0, 960);
        assert_eq!(largest, 960);
        for _ in 0..100 {
            largest = forget(largest, 480);
        }
        assert_eq!(largest, 480);
    }

    #[test]
    fn plays_what_is_written_on_both_channels() {
        let (mut drain, mut speaker) = open(48_000, 2);
        play(&mut drain, 2 * 960);
        speaker.write(&frame(0.5)).unwrap();
        assert_eq!(play(&mut drain, 2 * 480), vec![0.5; 960]);
        assert_eq!(speaker.wanted(), 3);
    }

    #[test]
    fn an_empty_ring_is_silence_and_counted() {
        let (mut drain, mut speaker) = open(48_000, 1);
        play(&mut drain, 960);
        speaker.write(&frame(0.5)).unwrap();
        let out = play(&mut drain, 960);
        assert_eq!((out[479], out[480]), (0.5, 0.0));
        assert_eq!(speaker.state.underruns.load(Ordering::Relaxed), 1);
        let before = speaker.wanted();
        speaker.write(&frame(0.5)).unwrap();
        assert_eq!(speaker.wanted(), before, "one frame came, one more is kept after an underrun");
    }

    #[test]
    fn a_full_ring_drops_the_new_frame() {
        let (_drain, mut speaker) = open(48_000, 1);
        for _ in 0..RING_FRAMES {
            speaker.write(&frame(0.5)).unwrap();
        }
        assert_eq!(speaker.dropped, 2, "two frames of silence were queued already");
        assert_eq!(speaker.wanted(), 0);
    }

    #[test]
    fn latency_counts_the_ring_and_the_device() {
        let (mut drain, mut speaker) = open(44_100, 1);
        play(&mut drain, 882);
        assert_eq!(speaker.latency(), Duration::from_millis(20));
        for _ in 0..10 {
            speaker.write(&frame(0.5)).unwrap();
        }
        let latency = speaker.latency().as_millis();
        assert!((115..=120).contains(&latency), "{latency} ms");
    }

    #[test]
    fn a_lost_device_is_reported_to_the_writer() {
        let (_drain, mut speaker) = open(48_000, 1);
        speaker.link.fault.disconnect();
        assert_eq!(speaker.write(&frame(0.0)), Err(DeviceError::Disconnected));
    }
}
