//! Between this machine's monotonic clock and the wall clock of RTP: abs-capture-time
//! (<http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time>) and sender reports (RFC 3550 section 4).
//!
//! One map per session, made once from two readings taken together; a plain value.

use std::time::Duration;

use fika_media::Timestamp;

use crate::clock;

pub const URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/// Seconds from the NTP epoch (1900) to the Unix epoch (1970).
const NTP_EPOCH: i64 = 2_208_988_800;
/// A capture time older than this, or this far ahead, comes from a clock that is not ours.
const OLDEST: Duration = Duration::from_secs(5);
const AHEAD: Duration = Duration::from_millis(20);

/// Unix time in microseconds at the monotonic clock's zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock(i64);

impl WallClock {
    /// `unix` is the wall clock in microseconds since 1970 at `now`.
    pub const fn new(unix: i64, now: Timestamp) -> Self {
        Self(unix.saturating_sub(now.as_micros()))
    }

    /// 64-bit NTP time, seconds and fraction.
    pub const fn ntp(self, at: Timestamp) -> u64 {
        let unix = self.0.saturating_add(at.as_micros());
        let seconds = unix.div_euclid(1_000_000).saturating_add(NTP_EPOCH) as u64;
        let fraction = ((unix.rem_euclid(1_000_000) as u64) << 32) / 1_000_000;
        seconds << 32 | fraction
    }

    /// On this machine's clock. `None`: not plausible for something that arrived `now`.
    pub fn captured(self, ntp: u64, now: Timestamp) -> Option<Timestamp> {
        let at = Timestamp::from_micros(clock::micros(ntp) - NTP_EPOCH * 1_000_000 - self.0);
        (at >= now - OLDEST && at <= now + AHEAD).then_some(at)
    }

    /// The payload of the extension (short form).
    pub const fn to_extension(self, at: Timestamp) -> [u8; 8] {
        self.ntp(at).to_be_bytes()
    }

    /// Reads the extension, short or long form.
    pub fn from_extension(self, data: &[u8], now: Timestamp) -> Option<Timestamp> {
        self.captured(u64::from_be_bytes(*data.first_chunk()?), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIX: i64 = 1_795_000_000_123_456;

    #[test]
    fn known_ntp_time() {
        let wall = WallClock::new(0, Timestamp::ZERO);
        assert_eq!(wall.ntp(Timestamp::ZERO), 2_208_988_800 << 32);
        assert_eq!(wall.ntp(Timestamp::from_millis(500)), 2_208_988_800 << 32 | 1 << 31);
    }

    #[test]
    fn there_and_back_to_the_microsecond() {
        let now = Timestamp::from_micros(77_000_123);
        let wall = WallClock::new(UNIX, now);
        for back in [0, 1, 999, 123_457, 4_999_999] {
            let at = Timestamp::from_micros(now.as_micros() - back);
            assert_eq!(wall.from_extension(&wall.to_extension(at), now), Some(at));
        }
    }

    #[test]
    fn another_clock_is_not_believed() {
        let now = Timestamp::from_millis(100_000);
        let wall = WallClock::new(UNIX, now);
        assert_eq!(wall.captured(wall.ntp(now + Duration::from_millis(30)), now), None);
        assert_eq!(wall.captured(wall.ntp(now - Duration::from_secs(6)), now), None);
        assert_eq!(wall.captured(0, now), None);
        assert_eq!(wall.captured(u64::MAX, now), None);
        assert_eq!(wall.from_extension(&[1, 2, 3], now), None);
    }
}
