//! RTP timestamps beside the clocks they come from (RFC 3550 sections 5.1 and 6.4.1). Plain values.
//!
//! A sender report says which moment of the sender's wall clock an RTP timestamp of a stream stands for. That clock is the
//! one time line which all streams of a sender share.

use fika_media::Timestamp;

/// A stream that we send: media time and RTP timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpClock {
    /// Units a second.
    pub rate: u32,
    /// RTP timestamp of media time zero; random.
    pub offset: u32,
}

impl RtpClock {
    /// The true spacing of the frames, whatever the encoder left out.
    pub fn timestamp(self, pts: Timestamp) -> u32 {
        let units = i128::from(pts.as_micros()) * i128::from(self.rate) / 1_000_000;
        (units as u32).wrapping_add(self.offset)
    }
}

/// A stream that we receive: RTP timestamps and the sender's wall clock, as of its last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderClock {
    ntp: Timestamp,
    rtp: u32,
    rate: u32,
}

impl SenderClock {
    /// The two times as they are in the report; `rate` in units a second.
    pub const fn new(ntp: u64, rtp: u32, rate: u32) -> Self {
        Self { ntp: Timestamp::from_micros(micros(ntp)), rtp, rate }
    }

    /// Microseconds since 1900 on the sender's clock. Right for half a wrap of the timestamp, six hours of video, before
    /// and after the report.
    pub fn at(self, timestamp: u32) -> Timestamp {
        let units = i64::from(timestamp.wrapping_sub(self.rtp) as i32);
        Timestamp::from_micros(self.ntp.as_micros() + units * 1_000_000 / i64::from(self.rate.max(1)))
    }
}

/// Microseconds since 1900 of a 64-bit NTP time. Rounded, so that a whole microsecond survives the way there and back.
pub(crate) const fn micros(ntp: u64) -> i64 {
    let fraction = ((ntp & 0xffff_ffff) * 1_000_000 + (1 << 31)) >> 32;
    (ntp >> 32) as i64 * 1_000_000 + fraction as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture_time::WallClock;

    #[test]
    fn timestamps_go_on_beyond_their_wrap() {
        let clock = RtpClock { rate: 90_000, offset: u32::MAX };
        assert_eq!(clock.timestamp(Timestamp::ZERO), u32::MAX);
        assert_eq!(clock.timestamp(Timestamp::from_millis(10)), 899);
        // Far beyond the wrap of 32 bits, and before zero.
        let day = Timestamp::from_micros(86_400_000_000);
        let later = clock.timestamp(day + std::time::Duration::from_millis(1));
        assert_eq!(later.wrapping_sub(clock.timestamp(day)), 90);
        assert_eq!(clock.timestamp(Timestamp::from_millis(-1)), u32::MAX - 90);
    }

    #[test]
    fn two_streams_of_one_sender_meet_on_its_clock() {
        let now = Timestamp::from_millis(86_400_000);
        let wall = WallClock::new(1_795_000_000_123_456, now);
        let [audio, video] =
            [RtpClock { rate: 48_000, offset: u32::MAX - 5 }, RtpClock { rate: 90_000, offset: 3_000_000_000 }];
        let captured = now - std::time::Duration::from_millis(40);
        let [heard, seen] = [audio, video].map(|clock| {
            let report = SenderClock::new(wall.ntp(now), clock.timestamp(now), clock.rate);
            report.at(clock.timestamp(captured)).as_micros()
        });
        assert!(heard.abs_diff(seen) <= 25, "{heard} {seen}: a unit of either clock");
        let expected = micros(wall.ntp(captured));
        assert!(heard.abs_diff(expected) <= 25, "{heard} {expected}");
    }

    #[test]
    fn no_report_upsets_it() {
        for ntp in [0, 1, u64::MAX, 1 << 63] {
            for (rtp, rate) in [(0, 0), (u32::MAX, 1), (1 << 31, 48_000)] {
                for timestamp in [0, 1 << 31, u32::MAX] {
                    // Within 68 years of the report, whose seconds are 32 bits.
                    assert!(SenderClock::new(ntp, rtp, rate).at(timestamp).as_micros().abs() < 1 << 53);
                }
            }
        }
    }
}
