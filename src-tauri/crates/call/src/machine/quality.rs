//! The connection in plain figures, from cumulative counters.

use std::time::{Duration, Instant};

use super::io::VideoFigures;
use crate::session::PeerStats;
use crate::view::{Quality, QualityCause, QualityView};

/// From these on the connection counts as fair.
const FAIR_LOSS: f64 = 0.03;
const FAIR_ROUND_TRIP: Duration = Duration::from_millis(250);
/// Below these, bits a second, our picture suffers, and then our sound.
const FAIR_UPLOAD: u32 = 400_000;
const WEAK_UPLOAD: u32 = 150_000;
/// From these on as weak.
const WEAK_LOSS: f64 = 0.10;
const WEAK_ROUND_TRIP: Duration = Duration::from_millis(500);

/// Of one participant, over the time between its two last reports.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    last: Option<(Instant, Totals)>,
    round_trip: Option<Duration>,
    /// What our way to the participant carries, bits a second.
    upload: Option<u32>,
    send_bitrate: f64,
    receive_bitrate: f64,
    /// The worse direction, 0 to 1.
    loss: f64,
    relayed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    bytes_sent: u64,
    bytes_received: u64,
    packets_received: u64,
    packets_lost: i64,
}

impl Figures {
    /// True if media arrived since the last report.
    pub(super) fn update(&mut self, stats: &PeerStats, now: Instant) -> bool {
        let totals = Totals {
            bytes_sent: stats.outbound.iter().fold(0, |sum, o| sum.saturating_add(o.bytes_sent)),
            bytes_received: stats.inbound.iter().fold(0, |sum, i| sum.saturating_add(i.bytes_received)),
            packets_received: stats.inbound.iter().fold(0, |sum, i| sum.saturating_add(i.packets_received)),
            packets_lost: stats.inbound.iter().fold(0, |sum, i| sum.saturating_add(i.packets_lost)),
        };
        self.round_trip = stats.round_trip_time;
        self.upload = stats.available_outgoing_bitrate;
        self.relayed = stats.relayed();
        let Some((then, before)) = self.last.replace((now, totals)) else { return totals.bytes_received > 0 };
        let seconds = now.saturating_duration_since(then).as_secs_f64().max(0.001);
        let received = grown(before.packets_received, totals.packets_received) as f64;
        let lost = totals.packets_lost.saturating_sub(before.packets_lost).max(0) as f64;
        let loss_in = if received + lost > 0.0 { lost / (received + lost) } else { 0.0 };
        let loss_out = stats.outbound.iter().filter_map(|o| o.fraction_lost).fold(0.0, f64::max);
        self.loss = loss_in.max(loss_out).clamp(0.0, 1.0);
        self.send_bitrate = grown(before.bytes_sent, totals.bytes_sent) as f64 * 8.0 / seconds;
        self.receive_bitrate = grown(before.bytes_received, totals.bytes_received) as f64 * 8.0 / seconds;
        grown(before.bytes_received, totals.bytes_received) > 0
    }

    fn level(&self) -> Quality {
        let slower = |limit| self.round_trip.is_some_and(|time| time >= limit);
        if self.loss >= WEAK_LOSS || slower(WEAK_ROUND_TRIP) {
            Quality::Weak
        } else if self.loss >= FAIR_LOSS || slower(FAIR_ROUND_TRIP) {
            Quality::Fair
        } else {
            Quality::Good
        }
    }
}

/// A counter that has become smaller has begun anew.
fn grown(before: u64, now: u64) -> u64 {
    now.checked_sub(before).unwrap_or(now)
}

/// All participants in one line; `None` before the first report. `steady`: media arrives from all of them.
pub(super) fn view<'a>(
    all: impl Iterator<Item = &'a Figures> + Clone,
    steady: bool,
    send: VideoFigures,
    receive: VideoFigures,
) -> Option<QualityView> {
    let all = all.filter(|figures| figures.last.is_some());
    let level = all.clone().map(Figures::level).reduce(Quality::worse)?;
    // Who sends no picture, or a small one because nobody shows it larger, has no use for more and never finds out how much
    // there is.
    let upload = all.clone().filter_map(|figures| figures.upload).min().filter(|_| send.limited);
    let slow = match upload {
        Some(..WEAK_UPLOAD) => Quality::Weak,
        Some(..FAIR_UPLOAD) => Quality::Fair,
        _ => Quality::Good,
    };
    let loss = all.clone().map(|figures| figures.loss).fold(0.0, f64::max);
    let cause = match upload.filter(|_| slow != Quality::Good) {
        _ if !steady => None,
        Some(upload) => Some(QualityCause::SlowUpload { kbps: upload / 1000 }),
        None if loss >= FAIR_LOSS => Some(QualityCause::Loss),
        None if level != Quality::Good => Some(QualityCause::LongWay),
        None => send.slowed.then_some(QualityCause::Busy),
    };
    let slow = if send.slowed { Quality::Fair.worse(slow) } else { slow };
    let level = level.worse(slow);
    let sum = |value: fn(&Figures) -> f64| all.clone().map(value).sum::<f64>();
    Some(QualityView {
        level: if steady { level } else { Quality::Weak },
        cause,
        // Conversions from float saturate.
        round_trip_ms: all.clone().filter_map(|f| f.round_trip).max().map(|time| (time.as_secs_f64() * 1e3) as u32),
        send_kbps: (sum(|f| f.send_bitrate) / 1e3).round() as u32,
        receive_kbps: (sum(|f| f.receive_bitrate) / 1e3).round() as u32,
        loss_percent: (loss * 100.0).round() as u32,
        relayed: all.clone().any(|f| f.relayed),
        send_width: send.width,
        send_height: send.height,
        send_fps: send.fps,
        receive_width: receive.width,
        receive_height: receive.height,
        receive_fps: receive.fps,
    })
}
