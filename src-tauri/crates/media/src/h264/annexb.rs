//! Annex B byte streams (ITU-T H.264 annex B): start codes to NAL units and back. Pure; allocates nothing.

/// The only start code that leaves this crate.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// NAL unit types of ITU-T H.264 table 7-1 that matter here.
pub mod kind {
    pub const SLICE: u8 = 1;
    pub const PARTITION_A: u8 = 2;
    pub const PARTITION_C: u8 = 4;
    pub const IDR: u8 = 5;
    pub const SEI: u8 = 6;
    pub const SPS: u8 = 7;
    pub const PPS: u8 = 8;
    pub const AUD: u8 = 9;
    pub const FILLER: u8 = 12;
}

/// The NAL units of `data`, without start codes and without zero bytes behind them. Bytes in front of the first start
/// code are left out. Empty units are left out.
pub fn units(data: &[u8]) -> Units<'_> {
    let rest = match start_code(data) {
        Some((_, behind)) => &data[behind..],
        None => &[],
    };
    Units { rest }
}

/// Iterator of [`units`].
#[derive(Clone, Debug)]
pub struct Units<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (unit, rest) = match start_code(self.rest) {
                Some((at, behind)) => (&self.rest[..at], &self.rest[behind..]),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let len = unit.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
            if len > 0 {
                return Some(&unit[..len]);
            }
        }
        None
    }
}

/// Type of a NAL unit; 0 for an empty one.
pub fn kind_of(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |b| b & 0x1f)
}

/// Appends `unit` behind a start code.
pub fn push(out: &mut Vec<u8>, unit: &[u8]) {
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(unit);
}

/// Position of the first `00 00 01` and of the byte behind it.
fn start_code(data: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    while at + 3 <= data.len() {
        // The third byte decides how far the code can be away.
        match data[at + 2] {
            1 if data[at] == 0 && data[at + 1] == 0 => return Some((at, at + 3)),
            0 => at += 1,
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_both_start_codes_and_trims_zeros() {
        let data = [9, 9, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3, 0, 0, 0, 0, 1, 0, 0, 1, 0x65, 0, 0, 3, 1];
        let found: Vec<&[u8]> = units(&data).collect();
        assert_eq!(found, [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 0, 0, 3, 1]]);
        assert_eq!(found.iter().map(|u| kind_of(u)).collect::<Vec<_>>(), [kind::SPS, kind::PPS, kind::IDR]);
    }

    #[test]
    fn finds_nothing_without_a_start_code() {
        assert_eq!(units(&[]).count(), 0);
        assert_eq!(units(&[0, 0]).count(), 0);
        assert_eq!(units(&[1, 2, 3, 4]).count(), 0);
        assert_eq!(units(&[0, 0, 1]).count(), 0);
    }

    #[test]
    fn pushed_units_come_back() {
        let mut out = Vec::new();
        push(&mut out, &[0x67, 5]);
        push(&mut out, &[0x61, 0, 0, 3, 0, 7]);
        assert_eq!(&out[..6], [0, 0, 0, 1, 0x67, 5]);
        assert_eq!(units(&out).collect::<Vec<_>>(), [&[0x67, 5][..], &[0x61, 0, 0, 3, 0, 7]]);
    }
}
