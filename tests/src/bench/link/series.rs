//! A call over time, as rows for a plot.

use std::fmt::Write as _;
use std::path::Path;

use fika_media::Timestamp;

use crate::link::Fate;
use crate::link::seen::Seen;

/// Seconds of a row.
const STEP: f64 = 0.1;
const COLUMNS: &str = "second,arrived_kbps,queue_ms,dropped,pictures,lines";

/// `sizes`: when pictures came, with their lines.
pub(super) fn write(path: &Path, seen: &Seen, sizes: &[(f64, u32)]) -> std::io::Result<()> {
    let mut text = format!("{COLUMNS}\n");
    let rows = (seen.end.since(Timestamp::ZERO).as_secs_f64() / STEP) as usize;
    for row in 0..rows {
        let (from, to) = (row as f64 * STEP, (row + 1) as f64 * STEP);
        let inside = |at: Timestamp| (from..to).contains(&at.since(Timestamp::ZERO).as_secs_f64());
        let sent = seen.passages.iter().filter(|passage| inside(passage.sent));
        let through = sent.filter(|passage| matches!(passage.fate, Fate::Arrived(_)));
        let queue = through.map(|passage| passage.queued.as_millis()).max().unwrap_or_default();
        let lines = sizes.iter().rfind(|(at, _)| *at < to).map_or(0, |(_, lines)| *lines);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{from:.1},{:.0},{queue},{},{},{lines}",
            seen.rate(from, to) / 1e3,
            seen.dropped(from, to),
            seen.frames(from, to),
        );
    }
    std::fs::write(path, text)
}
