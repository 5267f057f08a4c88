//! docs/benchmarks.md, written as a whole.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::figures::{Row, Run, eaters, medians, quantile, table};
use super::{Plan, Side};

const ROWS: &[Row] = &[
    Row { key: "cpu", title: "CPU of one side in the call, cores", digits: 2 },
    Row { key: "cpu_picture", title: "the same for each picture that reached the screen, ms", digits: 1 },
    Row { key: "pss", title: "memory of one side in the call (PSS), MiB", digits: 0 },
    Row { key: "start", title: "start of the process to the first painted screen, ms", digits: 0 },
    Row { key: "connected", title: "join pressed to connected, ms", digits: 0 },
    Row { key: "first_frame", title: "join pressed to the other's first picture on the screen, ms", digits: 0 },
    Row { key: "latency_p50", title: "capture to screen, median, ms", digits: 0 },
    Row { key: "latency_p95", title: "capture to screen, 95th percentile, ms", digits: 0 },
    Row { key: "fps", title: "different pictures a second on the screen", digits: 1 },
    Row { key: "screen", title: "CPU of the X server for both sides, cores", digits: 2 },
];

/// Everything that was measured.
pub struct Report<'a> {
    pub plan: &'a Plan,
    pub browser: String,
    pub fika: &'a [(Run, Side)],
    pub chromium: &'a [(Run, Side)],
    /// Size of the deb in bytes.
    pub package: Option<u64>,
}

impl Report<'_> {
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, self.text())
    }

    fn text(&self) -> String {
        let runs = |all: &[(Run, Side)]| all.iter().map(|(run, _)| run.clone()).collect::<Vec<Run>>();
        let mut text = String::from(HEAD);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "## Beside Chromium\n\n{} runs of each program in turn, medians; {}. CPU time is counted over {} s, the screen is watched for {} s. The app's sound goes through {:?}, Chromium's stays in a file.\n",
            self.fika.len().max(self.chromium.len()),
            machine(&self.browser),
            self.plan.load.as_secs(),
            self.plan.watch.as_secs(),
            self.plan.sound,
        );
        text.push_str(&table(ROWS, &medians(&runs(self.fika)), &medians(&runs(self.chromium))));
        text.push_str(&size(self.package));
        if let Some((_, side)) = self.fika.last() {
            let names: Vec<String> = eaters(&side.threads, side.wall, 8)
                .into_iter()
                .map(|(name, cores)| format!("`{name}` {cores:.3}"))
                .collect();
            let _ = writeln!(
                text,
                "\n## What eats the CPU\n\nCores by thread of one app and its web processes in the last run, the largest first: {}.",
                names.join(", ")
            );
        }
        text
    }
}

/// docs/budget.md, written as a whole. `package`: bytes of the deb.
pub fn write_budget(
    path: &Path,
    plan: &Plan,
    ours: &[Run],
    theirs: &[Run],
    package: Option<u64>,
    browser: &str,
) -> std::io::Result<()> {
    let mut text = String::from(BUDGET);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} runs of each program in turn, medians and the range of ours; {}. CPU time is counted over {} s, the app's sound goes through {:?}, Chromium's stays in a file.\n\n| | Fika | least | most | Chromium | Fika / Chromium |\n| --- | ---: | ---: | ---: | ---: | ---: |",
        ours.len(),
        machine(browser),
        plan.load.as_secs(),
        plan.sound,
    );
    let medians = [medians(ours), medians(theirs)];
    for Row { key, title, digits } in super::budget::ROWS {
        let values: Vec<f64> = ours.iter().filter_map(|run| run.get(key).copied()).collect();
        let cell = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
        let [fika, chromium] = medians.each_ref().map(|run| run.get(key).copied());
        let ratio = fika.zip(chromium).filter(|(_, theirs)| *theirs > 0.0).map(|(ours, theirs)| ours / theirs);
        let _ = writeln!(
            text,
            "| {title} | {} | {} | {} | {} | {} |",
            cell(fika),
            cell(quantile(&values, 0.0)),
            cell(quantile(&values, 1.0)),
            cell(chromium),
            ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}")),
        );
    }
    text.push_str(&size(package));
    std::fs::write(path, text)
}

fn size(package: Option<u64>) -> String {
    package.map(|bytes| format!("\nThe deb is {:.1} MiB.\n", bytes as f64 / f64::from(1 << 20))).unwrap_or_default()
}

/// What stands beside Chromium in a table of its own.
#[derive(Clone, Copy, Debug)]
pub enum Beside {
    Mesh,
    Guests,
}

/// Ours beside Chromium's: `what` is measured.
pub fn write_beside(
    what: Beside,
    path: &Path,
    plan: &Plan,
    ours: &[Run],
    theirs: &[Run],
    browser: &str,
) -> std::io::Result<()> {
    let (head, rows) = match what {
        Beside::Mesh => (MESH, super::mesh::ROWS),
        Beside::Guests => (GUESTS, super::guests::ROWS),
    };
    let mut text = String::from(head);
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} runs of each in turn, medians; {}. Counted over {} s.\n",
        ours.len(),
        machine(browser),
        plan.load.as_secs()
    );
    text.push_str(&table(rows, &medians(ours), &medians(theirs)));
    std::fs::write(path, text)
}

const GUESTS: &str = "# Guests in browsers

Written by `./dev bench guests`; do not edit.

Two headless Chromium in a call with each other: through our page, served by fika-server, and through a page that does nothing
but call, in turn. Both send 720p30 of the same moving clip and speech, H.264 and Opus; the figures are what getStats says of
what one of them receives.

";
const MESH: &str = "# Four in a call

Written by `./dev bench mesh`; do not edit. Four windows of 1030x730 on one virtual screen without a graphics card, peer to
peer: each sends to three and shows three. The app gets 720p from its camera and finds out by itself that nobody shows more than
a quarter of a window; Chromium, a browser for each, is told to send 640x360. All run on the same cores, so a full machine shows
in the pictures a second.

";

const BUDGET: &str = "# Budget

Written by `./dev bench budget`; do not edit. What parts of the app cost, on a virtual screen (Xvfb) without a graphics card;
[benchmarks.md](benchmarks.md) has how good such calls are. CPU and memory are those of the whole process tree. Drawing
is what the window, the page and the thread `surface` take for pictures that are handed over ready, less what they take
without any. Chromium shows a page with one sentence, its own picture in the size of the app's, and calls of the same two cameras;
what it has no like of is a dash.

";

const HEAD: &str = "# Benchmarks

Written by `./dev bench`; do not edit. Absolute figures hold for one machine on one day, the ratio is what counts.

A call between two windows of 1304x868 on one virtual screen (Xvfb, no graphics card): 720p30, H.264 and Opus, both ways, the
same moving clip as the camera of both programs. Chromium runs a page that speaks the same signalling and fills its window
with the other's picture, with the own picture in a corner, as the app does. CPU and memory are those of the whole process
tree. Pictures carry a mark with their number and time; it is found and read on the screen itself, so both programs are
measured alike and to what a person could see. Chromium may send no smaller pictures than 720p.
[mesh.md](mesh.md) has four in a call, [guests.md](guests.md) guests in browsers.

";

/// Today.
pub fn day() -> String {
    let date = Command::new("date").args(["-u", "+%F"]).output();
    date.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default()
}

/// The day, the machine, what else ran.
pub fn machine(browser: &str) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    format!(
        "{}, {cores} cores of {}, {browser}, load average {load} at the end",
        day(),
        cpu.unwrap_or("an unknown processor")
    )
}

/// The newest deb beside the programs.
pub fn package(folder: &Path) -> Option<(PathBuf, u64)> {
    let debs = std::fs::read_dir(folder.join("bundle/deb")).ok()?.flatten();
    debs.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "deb"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry)))
        .max_by_key(|(modified, _)| *modified)
        .and_then(|(_, entry)| Some((entry.path(), entry.metadata().ok()?.len())))
}
