//! What the gate needs of a sequence parameter set (ITU-T H.264 7.3.2.1.1, annex E), every field bounded.

use super::bits::{Bits, Truncated};
use super::gate::Refused;
use crate::Resolution;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sps {
    pub(super) id: u8,
    pub(super) profile: u8,
    /// Picture size after cropping.
    pub(super) size: Resolution,
    /// Picture size in macroblocks.
    pub(super) macroblocks: u32,
}

pub(super) const BASELINE: u8 = 66;
pub(super) const MAIN: u8 = 77;
pub(super) const HIGH: u8 = 100;

impl Sps {
    /// `unit` is the whole NAL unit; `limit` the largest width and height, in either order.
    pub(super) fn parse(unit: &[u8], limit: Resolution) -> Result<Self, Refused> {
        let bits = &mut Bits::of(unit);
        let profile = bits.u(8)? as u8;
        if ![BASELINE, MAIN, HIGH].contains(&profile) {
            return Err(Refused::Profile(profile));
        }
        bits.skip(16)?; // constraint flags and level: the decoder sizes its buffers by the picture
        let id = bounded(bits.ue()?, 31)? as u8;
        if profile == HIGH {
            high(bits)?;
        }
        bounded(bits.ue()?, 12)?; // log2_max_frame_num_minus4
        picture_order(bits)?;
        bounded(bits.ue()?, 16)?; // max_num_ref_frames
        bits.skip(1)?; // gaps_in_frame_num_value_allowed_flag
        let (across, down) = (bounded(bits.ue()?, 255)? + 1, bounded(bits.ue()?, 255)? + 1);
        if !bits.bit()? {
            return Err(Refused::Feature("interlaced pictures"));
        }
        bits.skip(1)?; // direct_8x8_inference_flag
        let (mut width, mut height) = (across * 16, down * 16);
        if !within(Resolution::new(width, height), limit) {
            return Err(Refused::Size);
        }
        if bits.bit()? {
            let mut crop = || Ok::<_, Truncated>(bits.ue()?.checked_mul(2));
            let (left, right, top, bottom) = (crop()?, crop()?, crop()?, crop()?);
            let less = |whole: u32, a: Option<u32>, b: Option<u32>| {
                whole.checked_sub(a?.checked_add(b?)?).filter(|rest| *rest > 0)
            };
            width = less(width, left, right).ok_or(Refused::Size)?;
            height = less(height, top, bottom).ok_or(Refused::Size)?;
        }
        if bits.bit()? {
            vui(bits)?;
        }
        if bits.more() {
            return Err(Refused::Syntax);
        }
        Ok(Self { id, profile, size: Resolution::new(width, height), macroblocks: across * down })
    }
}

/// Fields that only High has.
fn high(bits: &mut Bits) -> Result<(), Refused> {
    if bits.ue()? != 1 {
        return Err(Refused::Feature("chroma other than 4:2:0"));
    }
    if bits.ue()? != 0 || bits.ue()? != 0 {
        return Err(Refused::Feature("more than 8 bits"));
    }
    if bits.bit()? {
        return Err(Refused::Feature("lossless blocks"));
    }
    if bits.bit()? {
        scaling_lists(bits, 8)?;
    }
    Ok(())
}

/// `count` scaling lists, the first six of 16 and the others of 64 entries (7.3.2.1.1.1).
pub(super) fn scaling_lists(bits: &mut Bits, count: usize) -> Result<(), Refused> {
    for list in 0..count {
        if !bits.bit()? {
            continue;
        }
        let (mut last, mut next) = (8i32, 8i32);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                let delta = bits.se()?;
                if !(-128..=127).contains(&delta) {
                    return Err(Refused::Syntax);
                }
                next = (last + delta).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Ok(())
}

fn picture_order(bits: &mut Bits) -> Result<(), Refused> {
    match bits.ue()? {
        0 => {
            bounded(bits.ue()?, 12)?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            bits.skip(1)?;
            bits.se()?;
            bits.se()?;
            for _ in 0..bounded(bits.ue()?, 255)? {
                bits.se()?;
            }
        }
        2 => {}
        _ => return Err(Refused::Syntax),
    }
    Ok(())
}

/// Annex E.1.1.
fn vui(bits: &mut Bits) -> Result<(), Refused> {
    if bits.bit()? && bits.u(8)? == 255 {
        bits.skip(32)?; // sample aspect ratio
    }
    if bits.bit()? {
        bits.skip(1)?; // overscan
    }
    if bits.bit()? {
        bits.skip(4)?; // video format, full range
        if bits.bit()? {
            bits.skip(24)?; // colour description
        }
    }
    if bits.bit()? {
        bounded(bits.ue()?, 5)?; // chroma sample location
        bounded(bits.ue()?, 5)?;
    }
    if bits.bit()? {
        bits.skip(65)?; // timing
    }
    let nal = bits.bit()?;
    if nal {
        hrd(bits)?;
    }
    let vcl = bits.bit()?;
    if vcl {
        hrd(bits)?;
    }
    if nal || vcl {
        bits.skip(1)?; // low_delay_hrd_flag
    }
    bits.skip(1)?; // pic_struct_present_flag
    if bits.bit()? {
        bits.skip(1)?;
        bounded(bits.ue()?, 16)?; // max_bytes_per_pic_denom
        bounded(bits.ue()?, 16)?; // max_bits_per_mb_denom
        bounded(bits.ue()?, 16)?; // log2_max_mv_length_horizontal
        bounded(bits.ue()?, 16)?; // log2_max_mv_length_vertical
        let reorder = bits.ue()?;
        let buffered = bounded(bits.ue()?, 16)?;
        bounded(reorder, buffered)?;
    }
    Ok(())
}

/// Annex E.1.2.
fn hrd(bits: &mut Bits) -> Result<(), Refused> {
    let buffers = bounded(bits.ue()?, 31)? + 1;
    bits.skip(8)?;
    for _ in 0..buffers {
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    bits.skip(20)?;
    Ok(())
}

pub(super) fn bounded(value: u32, most: u32) -> Result<u32, Refused> {
    if value <= most { Ok(value) } else { Err(Refused::Syntax) }
}

fn within(size: Resolution, limit: Resolution) -> bool {
    let (long, short) = (size.width.max(size.height), size.width.min(size.height));
    long <= limit.width.max(limit.height) && short <= limit.width.min(limit.height)
}
