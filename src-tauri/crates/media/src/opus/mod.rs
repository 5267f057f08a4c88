//! Opus (RFC 6716) by libopus: 48 kHz mono, packets of 20 ms. Runs on the audio thread.

mod decode;
mod encode;

pub use decode::Decoder;
pub use encode::{Config, Encoder};

use std::time::Duration;

use crate::CodecError;

/// Samples of a packet of ours.
pub const PACKET_SAMPLES: usize = 960;
/// What comes out of the decoder is the sound of so much earlier: the encoder looks ahead (312 samples in voice mode).
pub const CODEC_DELAY: Duration = Duration::from_micros(6_500);
/// Samples of the longest packet there is (120 ms).
pub const MAX_PACKET_SAMPLES: usize = 5760;

fn failed(what: &str, code: opusic_c::ErrorCode) -> CodecError {
    CodecError::Failed(format!("{what}: {code:?}"))
}

#[cfg(test)]
mod tests;
