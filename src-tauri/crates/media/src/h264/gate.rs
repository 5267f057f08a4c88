//! What may reach the H.264 decoder. Owns the parameter sets of one stream; runs on the decode thread.
//!
//! Only slices (NAL types 1 and 5) and parameter sets that were read and found harmless pass. Everything else is left
//! out or refuses the access unit. Parameter sets are kept here and given out with the picture that needs them, so a
//! decoder can be replaced at any IDR picture. All counts are capped; a set too many takes the place of the oldest.

use super::annexb::{self, kind};
use super::bits::{LIMIT, Truncated};
use super::pps::Pps;
use super::slice::Slice;
use super::sps::{BASELINE, HIGH, MAIN, Sps};
use crate::Resolution;

/// Largest coded picture of a camera, in either orientation.
pub const MAX_SIZE: Resolution = Resolution::new(1920, 1088);
/// Bytes of one access unit. A larger one is refused.
pub const MAX_ACCESS_UNIT: usize = 1 << 20;
/// NAL units of one access unit. More refuse it.
pub const MAX_UNITS: usize = 512;
/// Parameter sets that are kept. Full: the oldest goes, since many encoders count the ids up with each IDR picture.
const MAX_SPS: usize = 4;
const MAX_PPS: usize = 8;

/// Why an access unit does not reach the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Ask for a keyframe: the parameter sets of this picture are not here or are not those of the last IDR picture.
    #[error("a keyframe is needed first")]
    NeedsKeyframe,
    #[error("the syntax is broken")]
    Syntax,
    #[error("profile {0} was not negotiated")]
    Profile(u8),
    #[error("{0} are not allowed")]
    Feature(&'static str),
    #[error("the picture size is not allowed")]
    Size,
    #[error("too many parameter sets, NAL units or bytes")]
    TooMany,
}

impl From<Truncated> for Refused {
    fn from(_: Truncated) -> Self {
        Self::Syntax
    }
}

/// What passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// No picture in this access unit.
    Nothing,
    Picture {
        /// An IDR picture.
        keyframe: bool,
        /// Size of the picture to come, after cropping.
        size: Resolution,
        /// The sequence is another one than before: decode it with a new decoder.
        restart: bool,
    },
}

/// Reads a stream, access unit by access unit.
#[derive(Debug)]
pub struct Gate {
    limit: Resolution,
    sets: Sets,
    /// The SPS of the last IDR picture, as given out.
    active: Option<Vec<u8>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new(MAX_SIZE)
    }
}

impl Gate {
    /// `limit`: largest coded width and height, in either order.
    pub fn new(limit: Resolution) -> Self {
        Self { limit, sets: Sets::default(), active: None }
    }

    /// Writes what the decoder may see of the Annex B access unit into `out`, with the SPS profile that makes openh264
    /// decode without delay. `out` is only meaningful when a picture passed.
    pub fn pass(&mut self, access_unit: &[u8], out: &mut Vec<u8>) -> Result<Passed, Refused> {
        out.clear();
        if access_unit.len() > MAX_ACCESS_UNIT {
            return Err(Refused::TooMany);
        }
        // A refused access unit leaves no trace: its parameter sets go into a copy.
        let mut sets = None;
        let mut picture: Option<Picture> = None;
        for (count, unit) in annexb::units(access_unit).enumerate() {
            if count == MAX_UNITS {
                return Err(Refused::TooMany);
            }
            if unit[0] & 0x80 != 0 {
                return Err(Refused::Syntax);
            }
            match annexb::kind_of(unit) {
                kind::SPS => sets.get_or_insert_with(|| self.sets.clone()).put_sps(unit, self.limit)?,
                kind::PPS => sets.get_or_insert_with(|| self.sets.clone()).put_pps(unit)?,
                kind @ (kind::SLICE | kind::IDR) => {
                    let sets = sets.as_ref().unwrap_or(&self.sets);
                    picture = Some(Picture::with(picture, kind == kind::IDR, Slice::parse(unit)?, sets)?);
                }
                kind::PARTITION_A..=kind::PARTITION_C => return Err(Refused::Feature("data partitions")),
                _ => {}
            }
        }
        if picture.as_ref().is_some_and(|p| !self.continues(p, sets.as_ref().unwrap_or(&self.sets))) {
            return Err(Refused::NeedsKeyframe);
        }
        if let Some(sets) = sets {
            self.sets = sets;
        }
        Ok(picture.map_or(Passed::Nothing, |picture| self.give(picture, access_unit, out)))
    }

    /// False for a picture that continues another sequence than the one the decoder is in.
    fn continues(&self, picture: &Picture, sets: &Sets) -> bool {
        picture.keyframe || self.active.is_some() && self.active.as_deref() == sets.sps_bytes(picture.sps.id)
    }

    fn give(&mut self, picture: Picture, access_unit: &[u8], out: &mut Vec<u8>) -> Passed {
        let mut restart = false;
        if picture.keyframe {
            let sps = self.sets.sps_bytes(picture.sps.id).unwrap_or_default();
            annexb::push(out, sps);
            restart = self.active.as_deref() != Some(sps);
            if restart {
                self.active = Some(sps.to_vec());
            }
        }
        for set in self.sets.pps.iter_mut().filter(|set| set.parsed.sps == picture.sps.id) {
            if picture.keyframe || !set.given {
                annexb::push(out, &set.bytes);
                set.given = true;
            }
        }
        for unit in annexb::units(access_unit) {
            if matches!(annexb::kind_of(unit), kind::SLICE | kind::IDR) {
                annexb::push(out, unit);
            }
        }
        Passed::Picture { keyframe: picture.keyframe, size: picture.sps.size, restart }
    }
}

/// The picture that the slices of one access unit make.
struct Picture {
    keyframe: bool,
    sps: Sps,
    last_macroblock: u32,
}

impl Picture {
    /// Adds a slice. Slices come in rising order and cover one picture of one kind.
    fn with(before: Option<Self>, keyframe: bool, slice: Slice, sets: &Sets) -> Result<Self, Refused> {
        let sps = sets.sps_of(slice.pps).ok_or(Refused::NeedsKeyframe)?;
        if slice.first_macroblock >= sps.macroblocks {
            return Err(Refused::Syntax);
        }
        if let Some(before) = before {
            if before.keyframe != keyframe || before.sps != sps {
                return Err(Refused::Syntax);
            }
            if slice.first_macroblock <= before.last_macroblock {
                return Err(Refused::Feature("unordered slices"));
            }
        }
        Ok(Self { keyframe, sps, last_macroblock: slice.first_macroblock })
    }
}

#[derive(Clone, Debug, Default)]
struct Sets {
    sps: Vec<(Sps, Vec<u8>)>,
    pps: Vec<PpsSet>,
}

#[derive(Clone, Debug)]
struct PpsSet {
    parsed: Pps,
    bytes: Vec<u8>,
    /// The decoder has it.
    given: bool,
}

impl Sets {
    fn put_sps(&mut self, unit: &[u8], limit: Resolution) -> Result<(), Refused> {
        if unit.len() > LIMIT {
            return Err(Refused::TooMany);
        }
        let sps = Sps::parse(unit, limit)?;
        let mut bytes = unit.to_vec();
        bytes[1] = without_delay(sps.profile);
        match self.sps.iter().position(|(known, _)| known.id == sps.id) {
            Some(at) if self.sps[at].1 == bytes => {}
            Some(at) => {
                self.sps[at] = (sps, bytes);
                // They were read against the sequence that is gone.
                self.pps.retain(|set| set.parsed.sps != sps.id);
            }
            None => {
                if self.sps.len() == MAX_SPS {
                    let (oldest, _) = self.sps.remove(0);
                    self.pps.retain(|set| set.parsed.sps != oldest.id);
                }
                self.sps.push((sps, bytes));
            }
        }
        Ok(())
    }

    fn put_pps(&mut self, unit: &[u8]) -> Result<(), Refused> {
        if unit.len() > LIMIT {
            return Err(Refused::TooMany);
        }
        let sps = self.sps_with(Pps::ids(unit)?.sps).ok_or(Refused::NeedsKeyframe)?;
        let set = PpsSet { parsed: Pps::parse(unit, &sps)?, bytes: unit.to_vec(), given: false };
        match self.pps.iter().position(|known| known.parsed.id == set.parsed.id) {
            Some(at) if self.pps[at].bytes == set.bytes => {}
            Some(at) => self.pps[at] = set,
            None => {
                if self.pps.len() == MAX_PPS {
                    self.pps.remove(0);
                }
                self.pps.push(set);
            }
        }
        Ok(())
    }

    fn sps_with(&self, id: u8) -> Option<Sps> {
        self.sps.iter().find(|(sps, _)| sps.id == id).map(|(sps, _)| *sps)
    }

    fn sps_of(&self, pps: u8) -> Option<Sps> {
        let set = self.pps.iter().find(|set| set.parsed.id == pps)?;
        self.sps_with(set.parsed.sps)
    }

    fn sps_bytes(&self, id: u8) -> Option<&[u8]> {
        self.sps.iter().find(|(sps, _)| sps.id == id).map(|(_, bytes)| bytes.as_slice())
    }
}

/// openh264 holds one picture back, and finds the wrong long-term reference under CABAC, unless profile_idc is 66 or 83.
/// Main has the SPS syntax of Baseline, and High that of Scalable Baseline.
fn without_delay(profile: u8) -> u8 {
    const SCALABLE_BASELINE: u8 = 83;
    match profile {
        MAIN => BASELINE,
        HIGH => SCALABLE_BASELINE,
        other => other,
    }
}

#[cfg(test)]
mod tests;
