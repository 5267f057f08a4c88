//! What the gate needs of a picture parameter set (ITU-T H.264 7.3.2.2), every field bounded.

use super::bits::Bits;
use super::gate::Refused;
use super::sps::{HIGH, Sps, bounded, scaling_lists};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pps {
    pub(super) id: u8,
    pub(super) sps: u8,
}

impl Pps {
    /// The ids only: which sequence parameter set the rest must be read with.
    pub(super) fn ids(unit: &[u8]) -> Result<Self, Refused> {
        let bits = &mut Bits::of(unit);
        Ok(Self { id: bounded(bits.ue()?, 255)? as u8, sps: bounded(bits.ue()?, 31)? as u8 })
    }

    pub(super) fn parse(unit: &[u8], sps: &Sps) -> Result<Self, Refused> {
        let ids = Self::ids(unit)?;
        let bits = &mut Bits::of(unit);
        bits.ue()?;
        bits.ue()?;
        bits.skip(2)?; // entropy_coding_mode_flag, bottom_field_pic_order_in_frame_present_flag
        if bits.ue()? != 0 {
            return Err(Refused::Feature("slice groups"));
        }
        bounded(bits.ue()?, 31)?; // num_ref_idx_l0_default_active_minus1
        bounded(bits.ue()?, 31)?;
        bits.skip(1)?; // weighted_pred_flag
        bounded(bits.u(2)?, 2)?; // weighted_bipred_idc
        let quality = |value: i32, range: std::ops::RangeInclusive<i32>| {
            if range.contains(&value) { Ok(()) } else { Err(Refused::Syntax) }
        };
        quality(bits.se()?, -26..=25)?;
        quality(bits.se()?, -26..=25)?;
        quality(bits.se()?, -12..=12)?;
        bits.skip(2)?; // deblocking_filter_control_present_flag, constrained_intra_pred_flag
        if bits.bit()? {
            return Err(Refused::Feature("redundant pictures"));
        }
        if bits.more() {
            if sps.profile != HIGH {
                return Err(Refused::Syntax);
            }
            let transform = bits.bit()?;
            if bits.bit()? {
                scaling_lists(bits, if transform { 8 } else { 6 })?;
            }
            quality(bits.se()?, -12..=12)?;
            if bits.more() {
                return Err(Refused::Syntax);
            }
        }
        Ok(ids)
    }
}
