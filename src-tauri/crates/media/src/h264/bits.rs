//! Bounded bit reader over a NAL unit, emulation prevention removed (ITU-T H.264 7.3.1, 9.1). Never panics.

/// The bytes ended inside a value, or a value is longer than the standard allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Truncated;

/// Reads the first [`LIMIT`] payload bytes of a NAL unit.
pub(super) struct Bits {
    bytes: [u8; LIMIT],
    len: usize,
    /// In bits.
    at: usize,
}

/// Parameter sets and slice headers are far shorter; what lies behind is never read.
pub(super) const LIMIT: usize = 512;

impl Bits {
    /// `unit` with its one header byte, which is skipped.
    pub(super) fn of(unit: &[u8]) -> Self {
        let mut bytes = [0; LIMIT];
        let mut len = 0;
        let mut zeros = 0;
        for byte in unit.iter().skip(1).copied() {
            if len == LIMIT {
                break;
            }
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes[len] = byte;
            len += 1;
        }
        Self { bytes, len, at: 0 }
    }

    pub(super) fn bit(&mut self) -> Result<bool, Truncated> {
        if self.at >= self.len * 8 {
            return Err(Truncated);
        }
        let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// `u(count)`, at most 32 bits.
    pub(super) fn u(&mut self, count: u32) -> Result<u32, Truncated> {
        let mut value = 0u32;
        for _ in 0..count.min(32) {
            value = value << 1 | u32::from(self.bit()?);
        }
        Ok(value)
    }

    pub(super) fn skip(&mut self, count: u32) -> Result<(), Truncated> {
        self.at = self.at.saturating_add(count as usize);
        if self.at > self.len * 8 { Err(Truncated) } else { Ok(()) }
    }

    /// `ue(v)`: Exp-Golomb code of at most 32 bits.
    pub(super) fn ue(&mut self) -> Result<u32, Truncated> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return Err(Truncated);
            }
        }
        Ok((1u32 << zeros) - 1 + self.u(zeros)?)
    }

    /// `se(v)`.
    pub(super) fn se(&mut self) -> Result<i32, Truncated> {
        let code = i64::from(self.ue()?);
        let value = if code % 2 == 1 { (code + 1) / 2 } else { -(code / 2) };
        i32::try_from(value).map_err(|_| Truncated)
    }

    /// True while syntax follows the current position, before the `rbsp_trailing_bits` (7.2 more_rbsp_data).
    pub(super) fn more(&self) -> bool {
        let Some(last) = self.bytes[..self.len].iter().rposition(|b| *b != 0) else { return false };
        let stop = last * 8 + 7 - self.bytes[last].trailing_zeros() as usize;
        self.at < stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exp_golomb_across_emulation_prevention() {
        // Bits behind the header: 1 | 010 | 00110 | 0000000 00000000 (3 removed) ...
        let mut bits = Bits::of(&[0x67, 0b1010_0110, 0, 0, 3, 1, 0x80]);
        assert_eq!(bits.ue(), Ok(0));
        assert_eq!(bits.ue(), Ok(1));
        assert_eq!(bits.u(4), Ok(0b0110));
        assert_eq!(bits.u(24), Ok(1));
        assert!(!bits.more());
        assert_eq!(bits.u(8), Ok(0x80));
        assert_eq!(bits.bit(), Err(Truncated));
    }

    #[test]
    fn refuses_a_code_that_is_too_long() {
        assert_eq!(Bits::of(&[0x67, 0, 0, 0, 0, 0, 0, 0, 1]).ue(), Err(Truncated));
        let mut longest = Bits::of(&[0x67, 0, 0, 3, 0, 1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(longest.ue(), Ok(u32::MAX - 1));
    }

    #[test]
    fn signed_codes() {
        // 1, 010, 011, 00100, 00101 are 0, 1, -1, 2, -2.
        let mut bits = Bits::of(&[0x68, 0b1010_0110, 0b0100_0010, 0b1100_0000]);
        let values: Vec<_> = (0..5).map(|_| bits.se()).collect();
        assert_eq!(values, [Ok(0), Ok(1), Ok(-1), Ok(2), Ok(-2)]);
    }
}
