//! Interarrival jitter (RFC 3550 section 6.4.1). One per received stream.

use std::time::Duration;

use fika_media::Timestamp;

#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    clock_rate: u32,
    /// Arrival and RTP time of the last packet, in clock units.
    last: Option<(i64, u32)>,
    estimate: f64,
}

impl Jitter {
    pub const fn new(clock_rate: u32) -> Self {
        Self { clock_rate, last: None, estimate: 0.0 }
    }

    pub fn on_packet(&mut self, timestamp: u32, arrived: Timestamp) {
        let arrival = arrived.as_micros().saturating_mul(i64::from(self.clock_rate)) / 1_000_000;
        if let Some((last_arrival, last_timestamp)) = self.last {
            // Packets of one frame share a timestamp but leave one after the other; they say nothing of the path.
            if last_timestamp == timestamp {
                return;
            }
            let sent = i64::from(timestamp.wrapping_sub(last_timestamp) as i32);
            let difference = (arrival - last_arrival - sent).unsigned_abs() as f64;
            self.estimate += (difference - self.estimate) / 16.0;
        }
        self.last = Some((arrival, timestamp));
    }

    pub fn get(&self) -> Duration {
        Duration::from_secs_f64(self.estimate / f64::from(self.clock_rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_arrival_has_none_and_a_shift_of_16_ms_adds_one() {
        let mut jitter = Jitter::new(48_000);
        for i in 0..10 {
            jitter.on_packet(i * 960, Timestamp::from_millis(i64::from(i) * 20));
        }
        assert_eq!(jitter.get(), Duration::ZERO);
        jitter.on_packet(10 * 960, Timestamp::from_millis(216));
        assert_eq!(jitter.get(), Duration::from_millis(1));
    }

    #[test]
    fn packets_of_one_frame_do_not_count() {
        let mut jitter = Jitter::new(90_000);
        jitter.on_packet(0, Timestamp::ZERO);
        jitter.on_packet(0, Timestamp::from_millis(30));
        jitter.on_packet(3000, Timestamp::from_micros(33_333));
        assert!(jitter.get() < Duration::from_micros(20));
    }
}
