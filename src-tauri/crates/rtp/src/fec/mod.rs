//! Forward error correction between our own clients: a random linear code over the packets of the last frames.
//!
//! Pure. A repair is a sum of the packets in its window, each with a coefficient that both ends know from the numbers of the
//! repair and of the packet, over GF(256). Any repair brings back any one missing packet of its window; several bring back
//! as many. Repairs leave behind the frame that they end with, so a lost tail is noticed at once.
//!
//! * [`encoder`] owns the window at the sender, [`decoder`] what a receiver remembers, [`policy`] says how many repairs.
//! * [`gf`] is the field.
//!
//! On the wire a repair is a retransmission (RFC 4588) of the newest packet of its window whose payload begins with
//! [`MARK`], a NAL unit type that no H.264 packet has (RFC 6184 section 5.4): a receiver that does not know it has that
//! packet already and drops it. Then: number of the repair (2 bytes), first RTP number of the window (2), packets in it (1),
//! and the sum. A packet enters the sum as the length of its payload (2), marker bit (1), RTP timestamp (4) and payload,
//! with zeros behind it.

mod decoder;
mod encoder;
mod gf;
mod policy;

use bytes::Bytes;

pub use decoder::Decoder;
pub use encoder::{Encoder, MAX_WINDOW};
pub use policy::Policy;

/// First byte of a repair: NAL unit type 31, which nobody uses.
pub const MARK: u8 = 31;
/// Before the sum.
const HEADER: usize = 6;
/// Before the payload in a sum.
const FIELDS: usize = 7;

/// What of a packet is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    pub sequence: u16,
    pub marker: bool,
    pub timestamp: u32,
    pub payload: Bytes,
}

impl Protected {
    /// Adds the packet, `coefficient` times, to `sum`, which is long enough.
    fn add_to(&self, sum: &mut [u8], coefficient: u8) {
        let row = gf::Row::new(coefficient);
        let size = u16::try_from(self.payload.len()).unwrap_or(u16::MAX);
        let mut fields = [0; FIELDS];
        fields[..2].copy_from_slice(&size.to_be_bytes());
        fields[2] = u8::from(self.marker);
        fields[3..].copy_from_slice(&self.timestamp.to_be_bytes());
        row.add(&mut sum[..FIELDS], &fields);
        row.add(&mut sum[FIELDS..FIELDS + usize::from(size)], &self.payload[..usize::from(size)]);
    }

    fn len(&self) -> usize {
        FIELDS + self.payload.len()
    }

    /// From a sum in which nothing else is left. `None`: it does not hold together.
    fn read(sequence: u16, sum: &[u8]) -> Option<Self> {
        let (fields, payload) = sum.split_first_chunk::<FIELDS>()?;
        let size = usize::from(u16::from_be_bytes([fields[0], fields[1]]));
        let timestamp = u32::from_be_bytes([fields[3], fields[4], fields[5], fields[6]]);
        let (payload, padding) = payload.split_at_checked(size)?;
        let whole = fields[2] <= 1 && size > 0 && padding.iter().all(|byte| *byte == 0);
        let payload = Bytes::copy_from_slice(payload);
        whole.then_some(Self { sequence, marker: fields[2] == 1, timestamp, payload })
    }
}

/// The coefficient of a packet in a repair; never zero.
fn coefficient(repair: u16, sequence: u16) -> u8 {
    let mut hash =
        u64::from(repair).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(sequence).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^= hash >> 32;
    (hash % 255) as u8 + 1
}

#[cfg(test)]
mod tests;
