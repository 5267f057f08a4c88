//! Fika's media core: frames, pixel conversion, codecs, voice processing, jitter buffers, playout sync.
//!
//! Pure: no thread, clock, socket, file or environment is touched here. Code is told the time. Every type runs on
//! whichever thread the engine puts it on; nothing here blocks except [`VideoSource::read`], which devices implement.

pub mod budget;
pub mod convert;
pub mod device;
pub mod frame;
pub mod h264;
pub mod jitter;
pub mod ladder;
pub mod load;
pub mod marker;
pub mod mix;
pub mod opus;
pub mod playout;
pub mod scale;
pub mod test;
pub mod time;
pub mod tone;
pub mod traits;
pub mod voice;

pub use frame::{AudioFrame, EncodedFrame, I420, Resolution, VideoFrame};
pub use time::{Clock, Timestamp};
pub use traits::{
    AudioDecoder, AudioEncoder, AudioRead, AudioSink, AudioSource, CodecError, VideoDecoder, VideoEncoder, VideoSource,
};
