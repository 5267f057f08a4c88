//! A call over time, as rows for a plot.

use std::fmt::Write as _;
use std::path::Path;

use fika_media::Timestamp;

use super::figures::Course;
use crate::link::Fate;
use crate::link::seen::rate;

/// Seconds of a row.
const STEP: f64 = 0.1;
const COLUMNS: &str = "second,arrived_kbps,others_kbps,queue_ms,dropped,pictures,lines";

/// What happened in [`STEP`].
pub(super) struct Moment {
    pub(super) second: f64,
    /// Bits a second.
    pub(super) arrived: f64,
    pub(super) others: f64,
    /// Milliseconds, the longest.
    pub(super) queue: f64,
    pub(super) dropped: usize,
    pub(super) pictures: usize,
    /// Of the last picture so far.
    pub(super) lines: u32,
}

pub(super) fn moments(course: &Course) -> Vec<Moment> {
    let Course { seen, sizes, others, .. } = course;
    let count = (seen.end.since(Timestamp::ZERO).as_secs_f64() / STEP) as usize;
    let moment = |number: usize| {
        let (from, to) = (number as f64 * STEP, (number + 1) as f64 * STEP);
        let inside = |at: Timestamp| (from..to).contains(&at.since(Timestamp::ZERO).as_secs_f64());
        let sent = seen.passages.iter().filter(|passage| inside(passage.sent));
        let through = sent.filter(|passage| matches!(passage.fate, Fate::Arrived(_)));
        Moment {
            second: from,
            arrived: seen.rate(from, to),
            others: rate(others, from, to),
            queue: through.map(|passage| passage.queued.as_secs_f64() * 1e3).fold(0.0, f64::max),
            dropped: seen.dropped(from, to),
            pictures: seen.frames(from, to),
            lines: sizes.iter().rfind(|(at, _)| *at < to).map_or(0, |(_, lines)| *lines),
        }
    };
    (0..count).map(moment).collect()
}

pub(super) fn write(path: &Path, course: &Course) -> std::io::Result<()> {
    let mut text = format!("{COLUMNS}\n");
    for Moment { second, arrived, others, queue, dropped, pictures, lines } in moments(course) {
        let (arrived, others) = (arrived / 1e3, others / 1e3);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{second:.1},{arrived:.0},{others:.0},{queue:.0},{dropped},{pictures},{lines}");
    }
    std::fs::write(path, text)
}
