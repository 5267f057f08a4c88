//! The first fields of a slice header (ITU-T H.264 7.3.3).

use super::bits::Bits;
use super::gate::Refused;
use super::sps::bounded;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) first_macroblock: u32,
    pub(super) pps: u8,
}

impl Slice {
    pub(super) fn parse(unit: &[u8]) -> Result<Self, Refused> {
        let bits = &mut Bits::of(&unit[..unit.len().min(32)]);
        let first_macroblock = bits.ue()?;
        match bounded(bits.ue()?, 9)? % 5 {
            0 | 2 => {}
            1 => return Err(Refused::Feature("B slices")),
            _ => return Err(Refused::Feature("switching slices")),
        }
        let pps = bounded(bits.ue()?, 255)? as u8;
        Ok(Self { first_macroblock, pps })
    }
}
