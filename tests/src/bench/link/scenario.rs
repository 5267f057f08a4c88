//! What the path does, and which figures tell how a call went on it.

use std::time::Duration;

use fika_media::Timestamp;

use crate::bench::figures::{Row, Run, quantile};
use crate::link::Config;
use crate::link::loss::Loss;
use crate::link::seen::Seen;

/// The path alone takes this long.
const ONE_WAY: Duration = Duration::from_millis(50);

pub struct Scenario {
    pub name: &'static str,
    pub title: &'static str,
    /// Seconds and bits a second.
    rates: &'static [(i64, f64)],
    one_way: Duration,
    loss: Loss,
    /// Cut for this long, in seconds each so many.
    cuts: Option<(f64, f64)>,
    pub seconds: u32,
    /// Of what was seen, when pictures came with their lines, and the milliseconds of the path alone.
    figures: fn(&Seen, &[(f64, u32)], f64) -> Run,
}

const fn plain(name: &'static str, title: &'static str, figures: fn(&Seen, &[(f64, u32)], f64) -> Run) -> Scenario {
    Scenario { name, title, rates: &[(0, 3e6)], one_way: ONE_WAY, loss: Loss::None, cuts: None, seconds: 40, figures }
}

pub const ALL: &[Scenario] = &[
    Scenario { rates: &[(0, 20e6)], ..plain("open", "20 Mbit/s", open) },
    Scenario { rates: &[(0, 1e6)], seconds: 60, ..plain("steady", "1 Mbit/s", steady) },
    Scenario {
        rates: &[(0, 2.5e6), (30, 0.5e6), (65, 2.5e6)],
        seconds: 100,
        ..plain("drop", "2.5 Mbit/s, from 30 s on 0.5, from 65 s on 2.5 again", drop)
    },
    Scenario { loss: Loss::Random(0.05), ..plain("loss5", "3 Mbit/s, 5 % of the packets lost both ways", loss) },
    Scenario { loss: Loss::Random(0.1), ..plain("loss10", "3 Mbit/s, 10 % of the packets lost both ways", loss) },
    Scenario {
        loss: Loss::Bursts { rate: 0.05, run: 2.5 },
        ..plain("bursts", "3 Mbit/s, 5 % lost in runs of 2.5", loss)
    },
    Scenario {
        one_way: Duration::from_millis(10),
        cuts: Some((0.5, 8.0)),
        ..plain("outage", "3 Mbit/s, 10 ms, cut for 0.5 s each 8 s", loss)
    },
    Scenario {
        rates: &[(0, 1e6), (40, 2.5e6), (60, 0.6e6), (80, 1e6)],
        seconds: 100,
        ..plain("rfc8867", "RFC 8867 section 5.1: 1, 2.5, 0.6, 1 Mbit/s", rfc8867)
    },
];

impl Scenario {
    /// There and back.
    pub fn path(&self) -> [Config; 2] {
        let mut config = Config::stairs(self.rates);
        config.delay = self.one_way;
        config.loss = self.loss;
        if let Some((cut, each)) = self.cuts {
            let begins = (1..).map(|cycle| f64::from(cycle) * each).take_while(|at| *at < f64::from(self.seconds));
            let at = |seconds: f64| Timestamp::from_micros((seconds * 1e6) as i64);
            config.down = begins.map(|begin| (at(begin), at(begin + cut))).collect();
        }
        let back = Config { rates: vec![(Timestamp::ZERO, 20e6)], ..config.clone() };
        [config, back]
    }

    /// When figures end.
    pub fn end(&self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.seconds) * 1000)
    }

    pub fn figures(&self, seen: &Seen, sizes: &[(f64, u32)]) -> Run {
        (self.figures)(seen, sizes, self.one_way.as_secs_f64() * 1e3)
    }
}

pub const ROWS: &[Row] = &[
    Row { key: "used", title: "share of the path that is used", digits: 2 },
    Row { key: "rate", title: "what arrives, Mbit/s", digits: 2 },
    Row { key: "start", title: "to 80 % of the path, s", digits: 1 },
    Row { key: "to720", title: "to 720p, s", digits: 1 },
    Row { key: "queueP50", title: "queue on the path, median, ms", digits: 0 },
    Row { key: "queueP95", title: "queue on the path, 95th percentile, ms", digits: 0 },
    Row { key: "frozen", title: "frozen, s", digits: 2 },
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

fn pictures(seen: &Seen, sizes: &[(f64, u32)], one_way: f64, from: f64, to: f64, run: &mut Run) {
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

fn open(seen: &Seen, sizes: &[(f64, u32)], one_way: f64) -> Run {
    let mut run = Run::new();
    let begin = sizes.iter().find(|(_, lines)| *lines >= 720);
    run.insert("to720", begin.map_or(f64::INFINITY, |(at, _)| *at));
    run.insert("rate", seen.rate(10.0, 40.0) / 1e6);
    run.insert("frozen", seen.frozen(1.0, 40.0));
    run.insert("queueP95", seen.queue(0.95, 5.0, 40.0));
    pictures(seen, sizes, one_way, 10.0, 40.0, &mut run);
    run
}

fn steady(seen: &Seen, sizes: &[(f64, u32)], one_way: f64) -> Run {
    let mut run = Run::new();
    run.insert("used", seen.used(20.0, 60.0));
    run.insert("start", seen.reaches(0.8e6, 0.0));
    run.insert("queueP50", seen.queue(0.5, 20.0, 60.0));
    run.insert("queueP95", seen.queue(0.95, 20.0, 60.0));
    run.insert("frozen", seen.frozen(2.0, 60.0));
    pictures(seen, sizes, one_way, 20.0, 60.0, &mut run);
    run
}

fn drop(seen: &Seen, sizes: &[(f64, u32)], one_way: f64) -> Run {
    let mut run = Run::new();
    run.insert("frozen", seen.frozen(29.8, 40.0));
    run.insert("queueFalls", seen.queue_below(100.0, 30.0, 40.0));
    run.insert("lowUsed", seen.used(40.0, 65.0));
    run.insert("lowFps", seen.frames(40.0, 65.0) as f64 / 25.0);
    run.insert("queueP95", seen.queue(0.95, 40.0, 65.0));
    run.insert("back", seen.reaches(2e6, 65.0));
    pictures(seen, sizes, one_way, 40.0, 65.0, &mut run);
    run
}

fn loss(seen: &Seen, sizes: &[(f64, u32)], one_way: f64) -> Run {
    let mut run = Run::new();
    run.insert("rate", seen.rate(5.0, 40.0) / 1e6);
    run.insert("frozen", seen.frozen(5.0, 40.0));
    run.insert("queueP95", seen.queue(0.95, 5.0, 40.0));
    pictures(seen, sizes, one_way, 5.0, 40.0, &mut run);
    run
}

fn rfc8867(seen: &Seen, sizes: &[(f64, u32)], one_way: f64) -> Run {
    let mut run = Run::new();
    for (key, from, to) in [("used1", 2.0, 40.0), ("used2", 40.0, 60.0), ("used3", 60.0, 80.0), ("used4", 80.0, 100.0)]
    {
        run.insert(key, seen.used(from, to));
    }
    run.insert("frozen", seen.frozen(2.0, 100.0));
    run.insert("queueP95", seen.queue(0.95, 2.0, 100.0));
    pictures(seen, sizes, one_way, 2.0, 100.0, &mut run);
    run
}
