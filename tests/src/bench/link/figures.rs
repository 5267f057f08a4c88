//! Which figures tell how a call went. Pure.

use fika_media::Timestamp;

use crate::bench::figures::{Row, Run, quantile};
use crate::bench::hearing::Heard;
use crate::link::seen::{Seen, rate};

/// A call as it was seen.
#[derive(Debug)]
pub struct Course {
    pub seen: Seen,
    /// Seconds at which pictures came, with their lines.
    pub sizes: Vec<(f64, u32)>,
    /// Milliseconds of the path alone.
    pub one_way: f64,
    /// Bytes of others that arrived.
    pub others: Vec<(Timestamp, usize)>,
    /// On the clock of all processes, as is when media began.
    pub heard: Heard,
    pub began: Timestamp,
}

pub(super) const ROWS: &[Row] = &[
    Row { key: "used", title: "share of the path that is used", digits: 2 },
    Row { key: "share", title: "share beside the other flow", digits: 2 },
    Row { key: "rate", title: "what arrives, Mbit/s", digits: 2 },
    Row { key: "join", title: "answer applied to first picture, ms", digits: 0 },
    Row { key: "joinWorst", title: "the same, the longest", digits: 0 },
    Row { key: "vmaf", title: "VMAF of what was seen", digits: 1 },
    Row { key: "start", title: "to 80 % of the path, s", digits: 1 },
    Row { key: "to720", title: "to 720p, s", digits: 1 },
    Row { key: "queueP50", title: "queue on the path, median, ms", digits: 0 },
    Row { key: "queueP95", title: "queue on the path, 95th percentile, ms", digits: 0 },
    Row { key: "frozen", title: "frozen, s", digits: 2 },
    Row { key: "silence", title: "longest silence, ms", digits: 0 },
    Row { key: "queueFalls", title: "until the queue stays below 100 ms, s", digits: 1 },
    Row { key: "lowUsed", title: "on 0.5 Mbit/s: share that is used", digits: 2 },
    Row { key: "lowFps", title: "on 0.5 Mbit/s: pictures a second", digits: 1 },
    Row { key: "back", title: "back at 2 Mbit/s after, s", digits: 1 },
    Row { key: "used1", title: "phase 1: share that is used", digits: 2 },
    Row { key: "used2", title: "phase 2", digits: 2 },
    Row { key: "used3", title: "phase 3", digits: 2 },
    Row { key: "used4", title: "phase 4", digits: 2 },
    Row { key: "delayP50", title: "capture to presented without the path's own time, median, ms", digits: 0 },
    Row { key: "delayP95", title: "the same, 95th percentile, ms", digits: 0 },
    Row { key: "fps", title: "pictures a second", digits: 1 },
    Row { key: "lines", title: "lines of the pictures, median", digits: 0 },
    Row { key: "cpuSender", title: "CPU of the sender for each shown picture, ms", digits: 1 },
    Row { key: "cpuReceiver", title: "CPU of the receiver for each shown picture, ms", digits: 1 },
];

fn pictures(course: &Course, from: f64, to: f64, run: &mut Run) {
    let Course { seen, sizes, one_way, .. } = course;
    if let (Some(p50), Some(p95)) = (seen.delay(0.5, from, to), seen.delay(0.95, from, to)) {
        run.extend([("delayP50", p50 - one_way), ("delayP95", p95 - one_way)]);
    }
    run.insert("fps", seen.frames(from, to) as f64 / (to - from));
    let inside = sizes.iter().filter(|(at, _)| (from..to).contains(at));
    let lines: Vec<f64> = inside.map(|(_, lines)| f64::from(*lines)).collect();
    if let Some(median) = quantile(&lines, 0.5) {
        run.insert("lines", median);
    }
}

pub(super) fn open(course: &Course) -> Run {
    let seen = &course.seen;
    let mut run = Run::new();
    let begin = course.sizes.iter().find(|(_, lines)| *lines >= 720);
    run.insert("to720", begin.map_or(f64::INFINITY, |(at, _)| *at));
    run.insert("rate", seen.rate(10.0, 40.0) / 1e6);
    run.insert("frozen", seen.frozen(1.0, 40.0));
    run.insert("queueP95", seen.queue(0.95, 5.0, 40.0));
    pictures(course, 10.0, 40.0, &mut run);
    run
}

pub(super) fn steady(course: &Course) -> Run {
    let seen = &course.seen;
    let mut run = Run::new();
    run.insert("used", seen.used(20.0, 60.0));
    run.insert("start", seen.reaches(0.8e6, 0.0));
    run.insert("queueP50", seen.queue(0.5, 20.0, 60.0));
    run.insert("queueP95", seen.queue(0.95, 20.0, 60.0));
    run.insert("frozen", seen.frozen(2.0, 60.0));
    pictures(course, 20.0, 60.0, &mut run);
    run
}

pub(super) fn drop(course: &Course) -> Run {
    let seen = &course.seen;
    let mut run = Run::new();
    run.insert("frozen", seen.frozen(29.8, 40.0));
    run.insert("queueFalls", seen.queue_below(100.0, 30.0, 40.0));
    run.insert("lowUsed", seen.used(40.0, 65.0));
    run.insert("lowFps", seen.frames(40.0, 65.0) as f64 / 25.0);
    run.insert("queueP95", seen.queue(0.95, 40.0, 65.0));
    run.insert("back", seen.reaches(2e6, 65.0));
    pictures(course, 40.0, 65.0, &mut run);
    run
}

pub(super) fn loss(course: &Course) -> Run {
    let seen = &course.seen;
    let mut run = Run::new();
    run.insert("rate", seen.rate(5.0, 40.0) / 1e6);
    run.insert("frozen", seen.frozen(5.0, 40.0));
    run.insert("queueP95", seen.queue(0.95, 5.0, 40.0));
    pictures(course, 5.0, 40.0, &mut run);
    run
}

pub(super) fn rfc8867(course: &Course) -> Run {
    let seen = &course.seen;
    let mut run = Run::new();
    for (key, from, to) in [("used1", 2.0, 40.0), ("used2", 40.0, 60.0), ("used3", 60.0, 80.0), ("used4", 80.0, 100.0)]
    {
        run.insert(key, seen.used(from, to));
    }
    run.insert("frozen", seen.frozen(2.0, 100.0));
    run.insert("queueP95", seen.queue(0.95, 2.0, 100.0));
    pictures(course, 2.0, 100.0, &mut run);
    run
}

/// Who shares the path with somebody.
pub(super) fn beside(course: &Course) -> Run {
    let (seen, from, to) = (&course.seen, 20.0, 80.0);
    let (ours, theirs) = (seen.rate(from, to), rate(&course.others, from, to));
    let mut run = Run::from([("share", ours / (ours + theirs)), ("rate", ours / 1e6)]);
    run.insert("used", (ours + theirs) / seen.capacity(from, to));
    run.insert("queueP50", seen.queue(0.5, from, to));
    run.insert("queueP95", seen.queue(0.95, from, to));
    run.insert("frozen", seen.frozen(from, to));
    if let Some(silence) = course.heard.silence(course.began + std::time::Duration::from_secs_f64(from)) {
        run.insert("silence", silence * 1e3);
    }
    pictures(course, from, to, &mut run);
    run
}

/// What was judged is counted by who judges.
pub(super) fn judged(course: &Course) -> Run {
    let (seen, from, to) = (&course.seen, 20.0, 45.0);
    let mut run = Run::from([("used", seen.used(from, to)), ("frozen", seen.frozen(from, to))]);
    run.insert("queueP95", seen.queue(0.95, from, to));
    pictures(course, from, to, &mut run);
    run
}

/// Joining is counted by who joins again and again.
pub(super) fn nothing(_: &Course) -> Run {
    Run::new()
}
