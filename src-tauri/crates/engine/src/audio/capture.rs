//! Microphone to network: voice processing, level, Opus. Runs on the audio thread.

use std::time::Duration;

use fika_media::device::DeviceError;
use fika_media::opus;
use fika_media::voice::{self, Level, Processor};
use fika_media::{AudioEncoder, AudioFrame, AudioRead, AudioSource, CodecError, EncodedFrame, Timestamp};
use tokio::sync::mpsc;

use crate::stats::AudioOut;

/// Frames taken at once, so that a microphone that has much to say does not keep the speaker waiting.
const MOST_FRAMES: usize = 10;

pub(super) struct Capture {
    encoder: opus::Encoder,
    config: opus::Config,
    out: Option<mpsc::Sender<EncodedFrame>>,
    /// `None`: the sound is left as it is.
    voice: Option<Processor>,
    level: Level,
    discarded: u64,
    gaps: u64,
}

impl Capture {
    /// `voice`: echo, noise and gain are processed.
    pub(super) fn new(voice: bool) -> Result<Self, CodecError> {
        let config = opus::Config::default();
        Ok(Self {
            encoder: opus::Encoder::new(config)?,
            config,
            out: None,
            voice: voice.then(|| Processor::new(voice::Config::default())),
            level: Level::default(),
            discarded: 0,
            gaps: 0,
        })
    }

    /// A device is another one now.
    pub(super) fn reset(&mut self) {
        self.level = Level::default();
        if let Some(voice) = &mut self.voice {
            voice.reset();
        }
    }

    /// `None`: what is heard is not encoded, only its level shown.
    pub(super) fn send_to(&mut self, out: Option<mpsc::Sender<EncodedFrame>>) {
        if self.out.is_none() && out.is_some() {
            // What was said before the pause has no place in the next packet.
            self.restart();
        }
        self.out = out;
    }

    pub(super) fn set_packet_loss(&mut self, percent: u8) {
        self.config.packet_loss = percent;
        if let Err(error) = self.encoder.set_packet_loss(percent) {
            tracing::warn!(%error, "the Opus encoder refuses the loss");
        }
    }

    pub(super) fn set_constant(&mut self, on: bool) {
        if self.config.constant != on {
            self.config.constant = on;
            self.restart();
        }
    }

    /// What the speaker gets, `latency` before it is heard.
    pub(super) fn played(&mut self, frame: &AudioFrame, latency: Duration) {
        if let Some(voice) = &mut self.voice {
            voice.set_delay(latency);
            voice.play(frame);
        }
    }

    /// Everything that is there. The count of frames.
    pub(super) fn read(&mut self, source: &mut dyn AudioSource, now: Timestamp) -> Result<usize, DeviceError> {
        let mut frame = AudioFrame::silence(now);
        for frames in 0..MOST_FRAMES {
            match source.read(&mut frame)? {
                AudioRead::Empty => return Ok(frames),
                AudioRead::Frame { gap } => {
                    self.gaps += u64::from(gap);
                    self.process(&mut frame);
                }
            }
        }
        Ok(MOST_FRAMES)
    }

    /// 0 to 100.
    pub(super) fn level(&self) -> u8 {
        self.level.get()
    }

    pub(super) fn counted(&self, level: u8) -> AudioOut {
        AudioOut { packets_discarded_on_send: self.discarded, capture_gaps: self.gaps, level }
    }

    fn process(&mut self, frame: &mut AudioFrame) {
        if let Some(voice) = &mut self.voice {
            voice.capture(frame);
        }
        self.level.update(&frame.samples);
        let Some(out) = &self.out else { return };
        match self.encoder.encode(frame) {
            Ok(Some(packet)) => self.discarded += u64::from(out.try_send(packet).is_err()),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "sound could not be encoded");
                self.restart();
            }
        }
    }

    fn restart(&mut self) {
        match opus::Encoder::new(self.config) {
            Ok(encoder) => self.encoder = encoder,
            Err(error) => tracing::error!(%error, "there is no new Opus encoder"),
        }
    }
}
