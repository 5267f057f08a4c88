//! Measurements of the app beside Chromium, seen from outside: what is on the screen, what /proc counts.
//!
//! Everything blocks on the calling thread; a screen is watched by the thread that asks for it.

pub mod app;
pub mod browser;
pub mod budget;
pub mod faults;
pub mod figures;
pub mod guests;
pub mod hearing;
pub mod link;
pub mod mesh;
pub mod report;
pub mod room;
pub mod screen;
pub mod soak;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fika_devices::clock::monotonic;
use fika_media::Timestamp;

use crate::display::Rect;
use crate::pair::Sound;
use crate::process::{self, Usage};
use figures::Run;

/// The two windows of a call: of the size at which the app shows 1280x720 whole and unscaled, with the mark at its top.
pub const LEFT: Rect = Rect { left: 0, top: 0, width: 1304, height: 868 };
pub const RIGHT: Rect = Rect { left: 1320, top: 0, width: 1304, height: 868 };
/// Both fit on it.
pub const SCREEN: (u32, u32) = (2640, 880);
/// How long anything may take before the run counts as failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long each part of a run lasts.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// After 720p is reached and before anything is counted.
    pub settle: Duration,
    /// CPU and memory are counted over this time.
    pub load: Duration,
    /// The screen is watched for this long.
    pub watch: Duration,
    /// A window with this many colours shows its first screen.
    pub colours: usize,
    pub sound: Sound,
}

impl Default for Plan {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { settle: seconds(5), load: seconds(20), watch: seconds(10), colours: 12, sound: Sound::Pipewire }
    }
}

/// What one side of a call takes: the mean of both.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Cores.
    pub cpu: f64,
    pub pss: u64,
    pub processes: usize,
    /// Cores of the X server, for both sides.
    pub screen: f64,
    /// CPU time by thread name.
    pub threads: BTreeMap<String, Duration>,
    pub wall: Duration,
}

impl Side {
    pub fn insert_into(&self, run: &mut Run) {
        run.insert("cpu", self.cpu);
        run.insert("pss", self.pss as f64 / f64::from(1 << 20));
        run.insert("screen", self.screen);
    }

    /// How many of the other's pictures a second were seen, and what each of them cost: on a full machine a program that
    /// shows fewer takes less.
    pub fn insert_pictures(&self, run: &mut Run, fps: f64) {
        run.insert("fps", fps);
        run.insert("cpu_picture", self.cpu * 1000.0 / fps);
    }
}

/// A time of a page, in milliseconds since 1970, on the clock of everything else.
pub(crate) fn of_page(epoch: f64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3;
    Timestamp::from_micros(monotonic().as_micros() - ((now - epoch) * 1e3) as i64)
}

/// Counts over `time` what the process trees below `roots` take.
pub fn measure(roots: &[u32], screen: u32, time: Duration) -> anyhow::Result<Side> {
    let read = || -> anyhow::Result<(Vec<Usage>, Usage)> {
        Ok((roots.iter().map(|root| process::usage(*root)).collect::<Result<_, _>>()?, process::usage(screen)?))
    };
    let begin = Instant::now();
    let (before, screen_before) = read()?;
    std::thread::sleep(time);
    let (after, screen_after) = read()?;
    let wall = begin.elapsed();
    let mut side = Side { wall, ..Side::default() };
    let sides = roots.len().max(1);
    for (before, after) in before.iter().zip(&after) {
        side.cpu += after.cpu.saturating_sub(before.cpu).as_secs_f64() / wall.as_secs_f64() / sides as f64;
        side.pss += after.pss / sides as u64;
        side.processes = side.processes.max(after.processes);
        for (name, time) in &after.threads {
            let spent = time.saturating_sub(before.threads.get(name).copied().unwrap_or_default());
            *side.threads.entry(name.clone()).or_default() += spent / u32::try_from(sides)?;
        }
    }
    side.screen = screen_after.cpu.saturating_sub(screen_before.cpu).as_secs_f64() / wall.as_secs_f64();
    Ok(side)
}
