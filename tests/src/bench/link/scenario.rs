//! What the path does, what else is on it, and what is allowed.

use std::time::Duration;

use fika_media::Timestamp;

use super::allowed::Allowed::{self, AtLeast, AtMost, LeastOfTheirs, MoreThanTheirs, MostOfTheirs, Within};
use super::figures::{self, Course};
use super::picture::JUDGED;
use super::program::{Pair, Program, Watch};
use super::rival::Rival;
use crate::bench::figures::Run;
use crate::link::Config;
use crate::link::loss::Loss;

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
    pub watch: Watch,
    /// Who else is on the path.
    pub rival: Option<Rival>,
    pub figures: fn(&Course) -> Run,
    /// Of the figures of Fika to Fika.
    pub allowed: &'static [(&'static str, Allowed)],
}

const fn plain(name: &'static str, title: &'static str, figures: fn(&Course) -> Run) -> Scenario {
    Scenario {
        name,
        title,
        rates: &[(0, 3e6)],
        one_way: ONE_WAY,
        loss: Loss::None,
        cuts: None,
        seconds: 40,
        watch: Watch::Times,
        rival: None,
        figures,
        allowed: &[],
    }
}

const fn picture(name: &'static str, title: &'static str) -> Scenario {
    Scenario {
        watch: Watch::Pictures,
        // Who began late, or stands still at the end, is waited for.
        seconds: JUDGED.as_secs() as u32 + 3,
        allowed: &[("vmaf", MoreThanTheirs(2.0))],
        ..plain(name, title, figures::judged)
    }
}

const CPU: [(&str, Allowed); 2] = [("cpuSender", MostOfTheirs(0.7)), ("cpuReceiver", MostOfTheirs(0.7))];

pub const ALL: &[Scenario] = &[
    Scenario {
        rates: &[(0, 20e6)],
        allowed: &[
            ("to720", AtMost(6.0)),
            ("delayP50", MostOfTheirs(1.0)),
            ("delayP95", MostOfTheirs(1.0)),
            CPU[0],
            CPU[1],
        ],
        ..plain("open", "20 Mbit/s", figures::open)
    },
    Scenario {
        rates: &[(0, 1e6)],
        seconds: 60,
        allowed: &[
            ("used", LeastOfTheirs(1.0)),
            ("start", AtMost(1.2)),
            ("queueP95", MostOfTheirs(1.0)),
            ("delayP50", MostOfTheirs(0.6)),
            ("delayP95", MostOfTheirs(0.6)),
            ("lines", AtLeast(540.0)),
            CPU[0],
            CPU[1],
        ],
        ..plain("steady", "1 Mbit/s", figures::steady)
    },
    Scenario {
        rates: &[(0, 2.5e6), (30, 0.5e6), (65, 2.5e6)],
        seconds: 100,
        allowed: &[
            ("frozen", AtMost(1.0)),
            ("queueFalls", AtMost(2.0)),
            ("lowUsed", LeastOfTheirs(1.0)),
            ("lowFps", LeastOfTheirs(1.0)),
            ("back", AtMost(6.0)),
        ],
        ..plain("drop", "2.5 Mbit/s, from 30 s on 0.5, from 65 s on 2.5 again", figures::drop)
    },
    Scenario {
        loss: Loss::Random(0.05),
        allowed: &[("frozen", AtMost(0.2)), ("rate", LeastOfTheirs(1.0)), ("delayP50", MostOfTheirs(1.0))],
        ..plain("loss5", "3 Mbit/s, 5 % of the packets lost both ways", figures::loss)
    },
    Scenario {
        loss: Loss::Random(0.1),
        allowed: &[("frozen", AtMost(0.4)), ("rate", LeastOfTheirs(1.0)), ("delayP50", MostOfTheirs(1.0))],
        ..plain("loss10", "3 Mbit/s, 10 % of the packets lost both ways", figures::loss)
    },
    Scenario {
        loss: Loss::Bursts { rate: 0.05, run: 2.5 },
        allowed: &[("frozen", MostOfTheirs(0.5))],
        ..plain("bursts", "3 Mbit/s, 5 % lost in runs of 2.5", figures::loss)
    },
    Scenario {
        one_way: Duration::from_millis(10),
        cuts: Some((0.5, 8.0)),
        allowed: &[("frozen", MostOfTheirs(0.7)), ("delayP95", MostOfTheirs(0.3))],
        ..plain("outage", "3 Mbit/s, 10 ms, cut for 0.5 s each 8 s", figures::loss)
    },
    Scenario {
        rates: &[(0, 1e6), (40, 2.5e6), (60, 0.6e6), (80, 1e6)],
        seconds: 100,
        allowed: &[("frozen", AtMost(1.0))],
        ..plain("rfc8867", "RFC 8867 section 5.1: 1, 2.5, 0.6, 1 Mbit/s", figures::rfc8867)
    },
    Scenario {
        rates: &[(0, 2e6)],
        seconds: 80,
        rival: Some(Rival::Chromium),
        allowed: &[("share", Within(0.35, 0.65))],
        ..plain("against-chromium", "2 Mbit/s, beside a call of Chromium's", figures::beside)
    },
    Scenario {
        rates: &[(0, 2e6)],
        seconds: 80,
        watch: Watch::Sound,
        rival: Some(Rival::Download),
        allowed: &[("share", AtLeast(0.3)), ("silence", AtMost(200.0))],
        ..plain("against-tcp", "2 Mbit/s, beside a download over TCP with cubic", figures::beside)
    },
    Scenario {
        watch: Watch::Join,
        allowed: &[("join", MostOfTheirs(1.1))],
        ..plain("join", "3 Mbit/s, to the first picture", figures::nothing)
    },
    Scenario {
        watch: Watch::Join,
        loss: Loss::Random(0.1),
        allowed: &[("join", MostOfTheirs(0.7))],
        ..plain("join-loss", "3 Mbit/s, to the first picture with 10 % of the packets lost both ways", figures::nothing)
    },
    Scenario { rates: &[(0, 0.6e6)], ..picture("vmaf600", "600 kbit/s, how good the picture is") },
    Scenario { rates: &[(0, 1e6)], ..picture("vmaf1000", "1 Mbit/s, how good the picture is") },
];

const PAIRS: [Pair; 4] = [
    Pair::both(Program::Fika),
    Pair::both(Program::Chromium),
    Pair { sender: Program::Fika, receiver: Program::Chromium },
    Pair { sender: Program::Chromium, receiver: Program::Fika },
];
/// Who sends and who shows must be judged together.
const JUDGED_PAIRS: [Pair; 3] = [PAIRS[0], PAIRS[1], Pair::both(Program::ChromiumVp8)];

impl Scenario {
    /// Those that are measured if no others are wished for.
    pub const fn pairs(&self) -> &'static [Pair] {
        match self.watch {
            Watch::Pictures => &JUDGED_PAIRS,
            Watch::Times | Watch::Sound | Watch::Join => &PAIRS,
        }
    }

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
}
