//! Sequence numbers and timestamps without their wrap-around (RFC 3550 appendix A.1). One per stream, on the thread that
//! reads the stream; nothing is queued.

/// Packets by which a number may jump, forwards or back, before it is taken for another stream's.
pub const MAX_JUMP: u16 = 3000;

/// 16-bit sequence numbers to 64 bits.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    highest: Option<u64>,
    /// Number that would confirm that the sender started anew.
    restart: Option<u16>,
}

impl Sequence {
    /// `None`: the number is too far from the others. Its successor would be believed: the sender started anew, and
    /// counting goes on above all earlier numbers.
    pub fn unwrap(&mut self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.highest else {
            // Leaves room below for packets that were sent before the first one that arrived.
            let first = (1 << 16) | u64::from(sequence);
            self.highest = Some(first);
            return Some(first);
        };
        let step = sequence.wrapping_sub(highest as u16) as i16;
        if step.unsigned_abs() <= MAX_JUMP {
            self.restart = None;
            let value = highest.checked_add_signed(i64::from(step))?;
            self.highest = Some(highest.max(value));
            return Some(value);
        }
        if self.restart == Some(sequence) {
            self.restart = None;
            let value = ((highest >> 16) + 2) << 16 | u64::from(sequence);
            self.highest = Some(value);
            return Some(value);
        }
        self.restart = Some(sequence.wrapping_add(1));
        None
    }

    /// The number that is meant by one near the highest so far, which stays what it is.
    pub fn near(&self, sequence: u16) -> Option<u64> {
        let highest = self.highest?;
        let step = sequence.wrapping_sub(highest as u16) as i16;
        (step.unsigned_abs() <= MAX_JUMP).then(|| highest.checked_add_signed(i64::from(step)))?
    }

    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// 32-bit timestamps to 64 bits.
#[derive(Clone, Debug, Default)]
pub struct RtpTime {
    last: Option<u64>,
}

impl RtpTime {
    pub fn unwrap(&mut self, timestamp: u32) -> u64 {
        let value = match self.last {
            None => (1 << 32) | u64::from(timestamp),
            Some(last) => last.saturating_add_signed(i64::from(timestamp.wrapping_sub(last as u32) as i32)),
        };
        self.last = Some(value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_on_over_the_wrap_and_takes_late_packets() {
        let mut sequence = Sequence::default();
        let first = sequence.unwrap(65534).unwrap();
        assert_eq!(sequence.unwrap(65535), Some(first + 1));
        assert_eq!(sequence.unwrap(1), Some(first + 3));
        assert_eq!(sequence.unwrap(0), Some(first + 2));
        assert_eq!(sequence.unwrap(65533), Some(first - 1));
        assert_eq!(sequence.highest(), Some(first + 3));
    }

    #[test]
    fn one_stray_number_is_refused_and_a_restart_is_believed() {
        let mut sequence = Sequence::default();
        let first = sequence.unwrap(100).unwrap();
        assert_eq!(sequence.unwrap(40_000), None);
        assert_eq!(sequence.unwrap(101), Some(first + 1));
        assert_eq!(sequence.unwrap(40_001), None, "the stray one is forgotten");
        assert!(sequence.unwrap(40_002).unwrap() > first + 1);
        assert_eq!(sequence.unwrap(40_003).unwrap(), sequence.highest().unwrap());
    }

    #[test]
    fn time_wraps_both_ways() {
        let mut time = RtpTime::default();
        let first = time.unwrap(u32::MAX - 10);
        assert_eq!(time.unwrap(20), first + 31);
        assert_eq!(time.unwrap(u32::MAX - 10), first);
        let mut time = RtpTime::default();
        let first = time.unwrap(5);
        assert_eq!(time.unwrap(u32::MAX), first - 6);
    }
}
