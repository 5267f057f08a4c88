//! H.264 in RTP (RFC 6184, packetization-mode 1).
//!
//! Our own because the crate's depacketiser panics on a malformed STAP-A, glues the rest of a lost fragment to the next
//! NAL unit and grows without limit.

mod annex_b;
mod assembly;
mod depacketizer;
mod packetizer;

pub use annex_b::nal_units;
pub use depacketizer::{Config, Depacketizer, WINDOW};
pub use packetizer::packetize;

/// Largest NAL unit and access unit that is put together, in bytes. More is dropped like a loss.
pub const MAX_ACCESS_UNIT: usize = 1 << 20;

const SLICE: u8 = 1;
const IDR: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

const TYPE_MASK: u8 = 0x1f;
const NRI_MASK: u8 = 0x60;
const FORBIDDEN: u8 = 0x80;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

const fn nal_type(header: u8) -> u8 {
    header & TYPE_MASK
}
