//! The structure that docs/architecture.md promises: which crate may know which, what the pure crates may not touch,
//! and the few rules about files that a compiler does not check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Every edge between our crates, of any kind: normal, dev and build dependencies. The tests may know all.
const EDGES: &[(&str, &[&str])] = &[
    ("fika-media", &[]),
    ("fika-call", &[]),
    ("fika-rtp", &["fika-media"]),
    ("fika-devices", &["fika-media"]),
    ("fika-surface", &["fika-media"]),
    // The virtual cameras of the tests.
    ("fika-v4l2-shim", &["fika-media"]),
    ("fika-server", &["fika-call"]),
    ("fika-engine", &["fika-call", "fika-media"]),
    ("fika-net", &["fika-call", "fika-media", "fika-rtp"]),
    ("fika-cli", &["fika-call", "fika-devices", "fika-engine", "fika-media", "fika-net", "fika-rtp", "fika-server"]),
    (
        "fika",
        &[
            "fika-call",
            "fika-devices",
            "fika-engine",
            "fika-media",
            "fika-net",
            "fika-rtp",
            "fika-server",
            "fika-surface",
        ],
    ),
];
const TESTS: &str = "fika-tests";
const PURE: &[&str] = &["call", "media", "rtp"];
/// Neither these nor anything that needs them is below a pure crate. `rtc` is the lower half of `webrtc`.
const NOT_IN_PURE: &[&str] = &["tokio", "tauri", "cpal", "nokhwa", "webrtc", "rtc", "async-trait"];
const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    fika_tests::folder().parent().expect("the tests lie in the workspace").to_owned()
}

fn metadata() -> Value {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("cargo metadata is JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is a text"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is a list"))
}

/// Name to the names of our crates that it names in its manifest.
fn edges(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let ours: BTreeSet<&str> = list(metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
    let packages = list(metadata, "packages").iter().filter(|package| ours.contains(text(package, "id")));
    let names: BTreeSet<&str> = packages.clone().map(|package| text(package, "name")).collect();
    packages
        .map(|package| {
            let known = list(package, "dependencies").iter().map(|dependency| text(dependency, "name"));
            (text(package, "name").to_owned(), known.filter(|name| names.contains(name)).map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn crates_know_each_other_exactly_as_drawn() {
    let mut found = edges(&metadata());
    found.remove(TESTS).expect("this crate is a member");
    let drawn: BTreeMap<String, BTreeSet<String>> = EDGES
        .iter()
        .map(|(name, known)| ((*name).to_owned(), known.iter().map(|name| (*name).to_owned()).collect()))
        .collect();
    assert_eq!(found, drawn);
}

#[test]
fn pure_crates_stand_on_nothing_that_acts() {
    let metadata = metadata();
    let names: BTreeMap<&str, &str> =
        list(&metadata, "packages").iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
    let below: BTreeMap<&str, Vec<&str>> = list(&metadata["resolve"], "nodes")
        .iter()
        .map(|node| {
            let shipped = list(node, "deps")
                .iter()
                .filter(|dependency| list(dependency, "dep_kinds").iter().any(|kind| kind["kind"].is_null()));
            (text(node, "id"), shipped.map(|dependency| text(dependency, "pkg")).collect())
        })
        .collect();
    for pure in PURE.iter().map(|name| format!("fika-{name}")) {
        let start = *names.iter().find(|(_, name)| **name == pure).expect("the crate is a member").0;
        let mut reached = BTreeMap::from([(start, pure.clone())]);
        let mut open = vec![start];
        while let Some(package) = open.pop() {
            for next in &below[package] {
                if !reached.contains_key(next) {
                    reached.insert(next, format!("{} > {}", reached[package], names[next]));
                    open.push(next);
                }
            }
        }
        for (package, way) in reached {
            assert!(!NOT_IN_PURE.contains(&names[package]), "{way}");
        }
    }
}

/// Files that git has or would take, below `dir`, with one of these endings.
fn sources(dir: &str, endings: &[&str]) -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", dir])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let names = String::from_utf8(out.stdout).expect("file names are UTF-8");
    let names = names.split('\0').filter(|name| endings.iter().any(|ending| name.ends_with(ending)));
    names.map(|name| root().join(name)).filter(|path| path.exists()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").display().to_string()
}

/// Lines of code with their numbers: without comments, and without the tests at the end of the file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .map(|(at, line)| (at + 1, line.split("//").next().expect("a split has a first part")))
}

/// A file of a `tests` module or of integration tests.
fn is_test(path: &Path) -> bool {
    let path = path.strip_prefix(root()).expect("below the root");
    path.components().any(|part| part.as_os_str() == "tests") || path.file_stem().is_some_and(|stem| stem == "tests")
}

fn assert_absent(files: &[PathBuf], forbidden: &[&str]) {
    let files: Vec<&PathBuf> = files.iter().filter(|path| !is_test(path)).collect();
    assert!(!files.is_empty(), "no files were looked at");
    let mut found = Vec::new();
    for path in files {
        for (number, line) in code(&read(path)) {
            for word in forbidden.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{number}: {word}", name(path)));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn pure_crates_are_told_the_time_and_touch_nothing() {
    let files: Vec<PathBuf> =
        PURE.iter().flat_map(|pure| sources(&format!("src-tauri/crates/{pure}/src"), &[".rs"])).collect();
    assert_absent(
        &files,
        &[
            "Instant::now",
            ".elapsed()",
            "SystemTime",
            "thread::",
            "sleep(",
            "getrandom",
            "rand::",
            "OsRng",
            "std::env",
            "env::var",
            "std::fs",
            "File::",
            "std::net",
            "std::process",
            "async fn",
            ".await",
        ],
    );
}

#[test]
fn no_queue_is_unbounded_and_no_state_is_global() {
    assert_absent(
        &sources("src-tauri", &[".rs"]),
        &[
            "unbounded_channel",
            "mpsc::channel()",
            "static mut",
            "lazy_static!",
            "LazyLock",
            "thread_local!",
            "todo!",
            "unimplemented!",
            "#[ignore",
        ],
    );
}

#[test]
fn each_file_opens_with_what_it_owns() {
    let files = sources(".", &[".rs"]);
    let silent: Vec<String> = files
        .iter()
        // A module of tests is explained by what it tests.
        .filter(|path| !path.ends_with("tests.rs"))
        .filter(|path| {
            let text = read(path);
            // A shebang or an attribute of the whole crate may stand before it.
            !text.lines().find(|line| !line.is_empty() && !line.starts_with("#!")).is_some_and(|l| l.starts_with("//!"))
        })
        .map(|path| name(path))
        .collect();
    assert!(silent.is_empty(), "these do not open with //!: {silent:#?}");
}

/// Written by a program: the bindings of the commands and the signalling types.
fn generated(path: &Path) -> bool {
    let text = read(path);
    text.lines().take(3).any(|line| line.contains("generated by") || line.contains("@generated"))
}

#[test]
fn no_file_is_too_long_to_read() {
    let files = sources(".", &[".rs", ".ts", ".svelte", ".css", ".js", ".mjs", ".html"]);
    let long: Vec<String> = files
        .iter()
        .filter(|path| !generated(path))
        .map(|path| (read(path).lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{} has {lines} lines", name(path)))
        .collect();
    assert!(long.is_empty(), "split by responsibility: {long:#?}");
}

#[test]
fn lock_files_name_no_registry_of_their_own() {
    let cargo = read(&root().join("Cargo.lock"));
    let standard = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    for line in cargo.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(line, standard);
    }
    let page: Value = serde_json::from_str(&read(&root().join("ui/package-lock.json"))).expect("npm writes JSON");
    for (package, entry) in page["packages"].as_object().expect("lock file version 2 or newer") {
        assert!(entry["resolved"].is_null(), "{package} names {}", entry["resolved"]);
    }
}
