//! Opus encoder. Owns the encoder and the first half of the next packet; nothing queues.

use opusic_c::{Application, Bitrate, Channels, InbandFec, SampleRate, Signal};

use super::{PACKET_SAMPLES, failed};
use crate::frame::FRAME_SAMPLES;
use crate::{AudioEncoder, AudioFrame, CodecError, EncodedFrame, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Target in bits a second.
    pub bitrate: u32,
    /// 0 to 10: effort.
    pub complexity: u8,
    /// Expected loss in per cent; below [`MIN_LOSS`] counts as that.
    pub packet_loss: u8,
    /// Every packet has the same size, so that sizes say nothing of what is said (RFC 6562 section 3).
    pub constant: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { bitrate: 32_000, complexity: 9, packet_loss: MIN_LOSS, constant: false }
    }
}

/// Without expected loss libopus sends no FEC, and the first loss would then be heard.
const MIN_LOSS: u8 = 5;
const BITRATE: std::ops::RangeInclusive<u32> = 6_000..=256_000;
/// Bytes of the largest packet of 20 ms (RFC 6716, section 3.4).
const MAX_PACKET: usize = 1275;

/// In-band FEC is on, discontinuous transmission off: silence is sent like speech, so that a gap always means loss.
pub struct Encoder {
    encoder: opusic_c::Encoder,
    samples: [f32; PACKET_SAMPLES],
    /// When the first half is there: its time.
    half: Option<Timestamp>,
}

impl Encoder {
    pub fn new(config: Config) -> Result<Self, CodecError> {
        let mut encoder = opusic_c::Encoder::new(Channels::Mono, SampleRate::Hz48000, Application::Voip)
            .map_err(|code| failed("encoder", code))?;
        encoder.set_complexity(config.complexity.min(10)).map_err(|code| failed("complexity", code))?;
        encoder.set_inband_fec(InbandFec::Mode1).map_err(|code| failed("FEC", code))?;
        encoder.set_dtx(false).map_err(|code| failed("DTX", code))?;
        encoder.set_vbr(!config.constant).map_err(|code| failed("rate", code))?;
        encoder.set_signal(Signal::Voice).map_err(|code| failed("signal", code))?;
        let mut encoder = Self { encoder, samples: [0.0; PACKET_SAMPLES], half: None };
        encoder.set_bitrate(config.bitrate)?;
        encoder.set_packet_loss(config.packet_loss)?;
        Ok(encoder)
    }
}

impl AudioEncoder for Encoder {
    fn encode(&mut self, frame: &AudioFrame) -> Result<Option<EncodedFrame>, CodecError> {
        let Some(pts) = self.half.take() else {
            self.samples[..FRAME_SAMPLES].copy_from_slice(&frame.samples);
            self.half = Some(frame.pts);
            return Ok(None);
        };
        self.samples[FRAME_SAMPLES..].copy_from_slice(&frame.samples);
        let mut packet = vec![0; MAX_PACKET];
        let len =
            self.encoder.encode_float_to_slice(&self.samples, &mut packet).map_err(|code| failed("packet", code))?;
        packet.truncate(len);
        Ok(Some(EncodedFrame { pts, keyframe: true, payload: packet.into() }))
    }

    fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), CodecError> {
        let bitrate = bits_per_second.clamp(*BITRATE.start(), *BITRATE.end());
        self.encoder.set_bitrate(Bitrate::Value(bitrate)).map_err(|code| failed("bitrate", code))
    }

    fn set_packet_loss(&mut self, percent: u8) -> Result<(), CodecError> {
        self.encoder.set_packet_loss(percent.clamp(MIN_LOSS, 100)).map_err(|code| failed("loss", code))
    }
}
