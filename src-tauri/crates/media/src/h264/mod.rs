//! H.264: the openh264 encoder and decoder, and the gate in front of the decoder.
//!
//! Pictures travel as Annex B access units with 4-byte start codes. Runs on the encode and decode threads.

pub mod annexb;
mod bits;
#[cfg(test)]
mod conformance;
pub mod decode;
pub mod encode;
pub mod gate;
mod pps;
mod slice;
mod sps;

pub use decode::Decoder;
pub use encode::Encoder;
pub use gate::Gate;
