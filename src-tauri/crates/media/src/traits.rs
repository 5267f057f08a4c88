//! The few traits of the media path. All are synchronous and object safe; each has a real and a test implementation.

use std::time::Duration;

use crate::device::DeviceError;
use crate::{AudioFrame, EncodedFrame, Resolution, VideoFrame};

/// Where pictures come from: a camera, a file, a test pattern.
pub trait VideoSource: Send {
    /// Blocks until the next picture, at most `timeout`. `Ok(None)`: no picture within `timeout`.
    fn read(&mut self, timeout: Duration) -> Result<Option<VideoFrame>, DeviceError>;
    /// Size of the pictures to come, as negotiated with the device.
    fn resolution(&self) -> Resolution;
    /// Pictures a second, as negotiated with the device.
    fn frame_rate(&self) -> u32;
}

/// What [`AudioSource::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioRead {
    /// Less than 10 ms are waiting; ask again after the next wake-up.
    Empty,
    /// `out` is filled. `gap`: samples were lost before this frame (ring full or device glitch).
    Frame { gap: bool },
}

/// Where sound comes from. Never blocks: the source calls the wake-up it was opened with when 10 ms are ready.
pub trait AudioSource: Send {
    fn read(&mut self, out: &mut AudioFrame) -> Result<AudioRead, DeviceError>;
}

/// Where sound goes. Never blocks: the sink calls the wake-up it was opened with when it has consumed 10 ms.
pub trait AudioSink: Send {
    /// Frames of 10 ms that the sink wants now to keep its target fill.
    fn wanted(&self) -> usize;
    /// Queues 10 ms. What does not fit is dropped and counted.
    fn write(&mut self, frame: &AudioFrame) -> Result<(), DeviceError>;
    /// From [`AudioSink::write`] to the loudspeaker: ring and device buffer.
    fn latency(&self) -> Duration;
}

/// Why a codec refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The input cannot be decoded; ask the sender for a keyframe.
    #[error("the data is damaged: {0}")]
    Damaged(&'static str),
    /// Pick other settings.
    #[error("the settings are not supported: {0}")]
    Unsupported(&'static str),
    /// The codec library failed; build a new codec.
    #[error("the codec failed: {0}")]
    Failed(String),
}

/// H.264 encoder. Settings change while it runs; no default bodies, a backend that cannot must say so.
pub trait VideoEncoder: Send {
    /// `Ok(None)`: the encoder skipped this picture to keep the rate.
    fn encode(&mut self, frame: &VideoFrame, force_keyframe: bool) -> Result<Option<EncodedFrame>, CodecError>;
    /// Target in bits a second.
    fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), CodecError>;
    fn set_frame_rate(&mut self, frames_per_second: f32) -> Result<(), CodecError>;
}

/// H.264 decoder.
pub trait VideoDecoder: Send {
    /// `Ok(None)`: nothing to show for this access unit.
    fn decode(&mut self, frame: &EncodedFrame) -> Result<Option<VideoFrame>, CodecError>;
}

/// Opus encoder: two frames of 10 ms make one packet of 20 ms.
pub trait AudioEncoder: Send {
    /// `Ok(None)`: waits for the second half of the packet.
    fn encode(&mut self, frame: &AudioFrame) -> Result<Option<EncodedFrame>, CodecError>;
    fn set_bitrate(&mut self, bits_per_second: u32) -> Result<(), CodecError>;
    /// Loss the far side reports, 0 to 100 per cent: more in-band FEC.
    fn set_packet_loss(&mut self, percent: u8) -> Result<(), CodecError>;
}

/// Opus decoder. `out` has room for a packet: 960 samples for 20 ms, at most 5760 (RFC 6716, 120 ms). The count written is
/// returned. `recover` and `conceal` fill `out`, whose length is a duration of Opus.
pub trait AudioDecoder: Send {
    fn decode(&mut self, packet: &[u8], out: &mut [f32]) -> Result<usize, CodecError>;
    /// The packet before `next` is lost: rebuilds it from the FEC inside `next`.
    fn recover(&mut self, next: &[u8], out: &mut [f32]) -> Result<usize, CodecError>;
    /// A packet is lost and nothing helps: continues the sound and fades (PLC).
    fn conceal(&mut self, out: &mut [f32]) -> Result<usize, CodecError>;
}
