//! What the buffer counts, with the names and meanings of W3C webrtc-stats (RTCInboundRtpStreamStats).

use std::time::Duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Samples handed out since the first packet played, concealed ones included.
    pub total_samples_received: u64,
    pub concealed_samples: u64,
    /// Of those, silent ones.
    pub silent_concealed_samples: u64,
    /// Runs of concealed samples.
    pub concealment_events: u64,
    pub inserted_samples_for_deceleration: u64,
    pub removed_samples_for_acceleration: u64,
    /// Seconds from arrival to playout, summed over the samples of [`Self::jitter_buffer_emitted_count`].
    pub jitter_buffer_delay: f64,
    /// Seconds aimed at, summed likewise.
    pub jitter_buffer_target_delay: f64,
    pub jitter_buffer_emitted_count: u64,
    /// Lost packets rebuilt from the FEC inside the next one.
    pub fec_packets_received: u64,
    /// Late, double, damaged or too many.
    pub packets_discarded: u64,
}

impl Stats {
    pub(super) fn emitted(&mut self, samples: usize, waited: Duration, target: Duration) {
        self.jitter_buffer_delay += waited.as_secs_f64() * samples as f64;
        self.jitter_buffer_target_delay += target.as_secs_f64() * samples as f64;
        self.jitter_buffer_emitted_count += samples as u64;
    }

    pub(super) fn concealed(&mut self, samples: usize, silent: bool, first: bool) {
        self.concealed_samples += samples as u64;
        self.silent_concealed_samples += if silent { samples as u64 } else { 0 };
        self.concealment_events += u64::from(first);
    }
}
