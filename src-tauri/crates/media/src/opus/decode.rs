//! Opus decoder. Owns the decoder state of one sender; stereo is mixed down.

use opusic_c::{Channels, SampleRate};

use super::failed;
use crate::{AudioDecoder, CodecError};

pub struct Decoder {
    decoder: opusic_c::Decoder,
}

impl Decoder {
    pub fn new() -> Result<Self, CodecError> {
        let decoder =
            opusic_c::Decoder::new(Channels::Mono, SampleRate::Hz48000).map_err(|code| failed("decoder", code))?;
        Ok(Self { decoder })
    }
}

impl AudioDecoder for Decoder {
    fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        // libopus takes an empty packet for a lost one.
        if packet.is_empty() {
            return Err(CodecError::Damaged("an empty packet"));
        }
        self.decoder.decode_float_to_slice(packet, out, false).map_err(|_| CodecError::Damaged("no Opus packet"))
    }

    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> Result<usize, CodecError> {
        if next.is_empty() {
            return Err(CodecError::Damaged("an empty packet"));
        }
        self.decoder.decode_float_to_slice(next, out, true).map_err(|_| CodecError::Damaged("no Opus packet"))
    }

    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError> {
        self.decoder.decode_float_to_slice(&[], out, false).map_err(|code| failed("concealment", code))
    }
}
