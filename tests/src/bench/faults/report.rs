//! The table of docs/faults-measured.md, and its figures as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::scenes::ALL;
use super::{Fault, ROWS};
use crate::bench::figures::{Run, quantile};

/// Runs of each fault, by name.
pub type Results = BTreeMap<&'static str, Vec<Run>>;

/// Ours and Chromium's of the table that is there, but for these faults, which are measured anew. Empty without a table.
pub fn kept(path: &Path, faults: &[&Fault]) -> (Results, Results) {
    let text = std::fs::read_to_string(path.with_extension("json")).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let of = |program: &str| {
        let others = ALL.iter().filter(|fault| faults.iter().all(|chosen| chosen.name != fault.name));
        let runs = |fault: &Fault| -> Option<Vec<Run>> {
            let runs = json[program][fault.name].as_array()?.iter();
            let run = |run: &serde_json::Value| {
                ROWS.iter().filter_map(|row| Some((row.key, run[row.key].as_f64()?))).collect::<Run>()
            };
            Some(runs.map(run).collect())
        };
        others.filter_map(|fault| Some((fault.name, runs(fault)?))).collect()
    };
    (of("fika"), of("chromium"))
}

/// `beside`: of Chromium. `machine`: of the last ones.
pub fn write(path: &Path, results: &Results, beside: &Results, machine: &str) -> anyhow::Result<()> {
    let mut text = String::from(HEAD);
    let runs = results.values().map(Vec::len).max().unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{runs} runs, each with the fault at another moment; the last: {machine}.\n");
    text.push_str("| fault | what counts | median | most | allowed |\n| --- | --- | ---: | ---: | ---: |\n");
    for fault in ALL {
        for row in ROWS {
            let limit = fault.limits.iter().find(|(key, _)| *key == row.key);
            let limit = limit.map_or("–".to_owned(), |(_, limit)| format!("{limit:.*}", row.digits));
            for (results, whose, limit) in [(results, "", limit.as_str()), (beside, ", Chromium", "–")] {
                let runs = results.get(fault.name).into_iter().flatten();
                let values: Vec<f64> = runs.filter_map(|run| run.get(row.key).copied()).collect();
                let (Some(median), Some(most)) = (quantile(&values, 0.5), quantile(&values, 1.0)) else { continue };
                let (fault, title, digits) = (fault.title, row.title, row.digits);
                let _ = writeln!(text, "| {fault}{whose} | {title} | {median:.digits$} | {most:.digits$} | {limit} |");
            }
        }
    }
    std::fs::write(path, text)?;
    let json = serde_json::json!({ "fika": results, "chromium": beside });
    std::fs::write(path.with_extension("json"), serde_json::to_string_pretty(&json)? + "\n")?;
    Ok(())
}

const HEAD: &str = "# Faults, measured

Written by `./dev bench faults`; do not edit. Two programs in a call with sound and a small picture, between two network
namespaces, with a server; [faults.md](faults.md) tells what happens to a call. Seconds. Of both sides the longer silence and
still picture count, from the fault to five seconds after all is well again; a silence is one of the other's steady tone, so
what the jitter buffer invents in its place counts as sound while it is loud. What is shown is looked at once a second.
Chromium: two pages without a window that call `restartIce()` the moment the network changes, told by the test; their signalling
goes past the changed network.

";
