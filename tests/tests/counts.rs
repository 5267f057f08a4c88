//! Instructions of the hot paths, counted by callgrind, against what was committed: CPU time that creeps in fails here,
//! on a busy machine as on a quiet one.
//!
//! Counts hold for the profile of the tests, and for the processor that valgrind makes up, which is the same on every
//! machine with AVX2.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fika_tests::counts::ENTRIES;
use fika_tests::program;
use serde::{Deserialize, Serialize};

/// What a count may exceed its baseline by, in per cent.
const TOLERANCE: u64 = 5;
const UPDATE: &str = "FIKA_UPDATE_BASELINE";

/// `tests/assets/instructions.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Baseline {
    /// The compiler of these counts: another one may count otherwise.
    rustc: String,
    instructions: BTreeMap<String, u64>,
}

fn file() -> PathBuf {
    fika_tests::folder().join("assets/instructions.json")
}

fn rustc() -> String {
    let version = Command::new("rustc").arg("--version").output().expect("the compiler of this test runs");
    String::from_utf8(version.stdout).expect("a version is text").trim().to_owned()
}

/// Runs the program `counts` under callgrind; entry to instructions.
fn count() -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program::path("counts", "fika-tests").expect("the program is built with the tests");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=fika_counted", "--dump-after=fika_counted"])
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(program)
        // What else a machine may have set must not count.
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("valgrind starts (Debian: valgrind; ./dev setup installs it)");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    let names: Vec<String> = String::from_utf8_lossy(&run.stdout).lines().map(str::to_owned).collect();
    assert_eq!(names, ENTRIES.iter().map(|entry| entry.name).collect::<Vec<_>>(), "{said}");
    names
        .into_iter()
        .enumerate()
        .map(|(at, name)| (name, total(&folder.path().join(format!("out.{}", at + 1)))))
        .collect()
}

/// The instructions in one of callgrind's dumps.
fn total(dump: &Path) -> u64 {
    let text = std::fs::read_to_string(dump).unwrap_or_else(|error| panic!("{}: {error}", dump.display()));
    let line = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a dump has a total");
    line.trim().parse().expect("a total is a number")
}

/// One line for each entry that counts more than allowed or is not in both.
fn complaints(baseline: &BTreeMap<String, u64>, found: &BTreeMap<String, u64>) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = baseline.keys().chain(found.keys()).collect();
    let complaint = |name: &&String| match (baseline.get(*name), found.get(*name)) {
        (Some(before), Some(now)) if *now * 100 > *before * (100 + TOLERANCE) => {
            let more = (*now as f64 / *before as f64 - 1.0) * 100.0;
            Some(format!("{name}: {now} instructions, {more:.1} % more than {before}"))
        }
        (None, Some(now)) => Some(format!("{name}: {now} instructions, and no baseline")),
        (Some(_), None) => Some(format!("{name}: a baseline, and nothing that is counted")),
        _ => None,
    };
    names.iter().filter_map(complaint).collect()
}

#[test]
fn hot_paths_take_no_more_instructions_than_before() {
    let found = Baseline { rustc: rustc(), instructions: count() };
    if std::env::var_os(UPDATE).is_some() {
        let text = serde_json::to_string_pretty(&found).expect("numbers are JSON") + "\n";
        std::fs::write(file(), text).expect("the baseline is written");
        return;
    }
    let text = std::fs::read_to_string(file()).expect("there is a baseline");
    let baseline: Baseline = serde_json::from_str(&text).expect("the baseline is JSON");
    let complaints = complaints(&baseline.instructions, &found.instructions);
    assert!(
        complaints.is_empty(),
        "{}\nIf that is meant (or the compiler changed: {} then, {} now), run: {UPDATE}=1 ./dev test hot_paths",
        complaints.join("\n"),
        baseline.rustc,
        found.rustc,
    );
}

#[test]
fn six_per_cent_more_is_named() {
    let counts = |of: &[(&str, u64)]| of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let baseline = counts(&[("a", 1000), ("b", 1000), ("c", 1000)]);
    assert_eq!(complaints(&baseline, &counts(&[("a", 1050), ("b", 10), ("c", 1000)])), Vec::<String>::new());
    let found = complaints(&baseline, &counts(&[("a", 1060), ("b", 1000), ("d", 5)]));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("a: 1060 instructions, 6.0 % more than 1000"), "{found:?}");
}
