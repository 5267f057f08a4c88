//! docs/link.md and its figures as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::Pair;
use super::scenario::{ROWS, Scenario};
use crate::bench::figures::{Row, Run, quantile};

/// Runs of each scenario and pair.
pub type Results = BTreeMap<&'static str, BTreeMap<Pair, Vec<Run>>>;

/// Writes the page, and the figures of all runs beside it, as `.json`.
pub fn write(path: &Path, scenarios: &[&Scenario], results: &Results, machine: &str) -> anyhow::Result<()> {
    let mut text = String::from(HEAD);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{machine}.\n");
    for scenario in scenarios {
        let Some(pairs) = results.get(scenario.name) else { continue };
        let runs = pairs.values().map(Vec::len).max().unwrap_or_default();
        let _ = writeln!(
            text,
            "## {}: {}\n\n{runs} runs of each pair in turn, medians and ranges.\n",
            scenario.name, scenario.title
        );
        text.push_str(&table(pairs));
        text.push('\n');
    }
    std::fs::write(path, text.trim_end().to_owned() + "\n")?;
    let json: BTreeMap<&str, BTreeMap<String, &Vec<Run>>> = results
        .iter()
        .map(|(name, pairs)| (*name, pairs.iter().map(|(pair, runs)| (pair.to_string(), runs)).collect()))
        .collect();
    std::fs::write(path.with_extension("json"), serde_json::to_string_pretty(&json)? + "\n")?;
    Ok(())
}

fn table(pairs: &BTreeMap<Pair, Vec<Run>>) -> String {
    let mut text = String::from("| |");
    pairs.keys().for_each(|pair| text.push_str(&format!(" {pair} |")));
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(pairs.len()));
    text.push('\n');
    for Row { key, title, digits } in ROWS {
        let cells: Vec<String> = pairs.values().map(|runs| cell(runs, key, *digits)).collect();
        if cells.iter().any(|cell| cell != "–") {
            let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
        }
    }
    text
}

fn cell(runs: &[Run], key: &str, digits: usize) -> String {
    let values: Vec<f64> = runs.iter().filter_map(|run| run.get(key).copied()).collect();
    let part = |part| quantile(&values, part);
    match (part(0.5), part(0.0), part(1.0)) {
        (Some(median), Some(least), Some(most)) if values.len() > 1 => {
            format!("**{median:.digits$}** ({least:.digits$} to {most:.digits$})")
        }
        (Some(only), ..) => format!("**{only:.digits$}**"),
        _ => "–".to_owned(),
    }
}

const HEAD: &str = "# On a bad path

Written by `./dev bench link`; do not edit. Absolute figures hold for one machine on one day; what counts is how the pairs
compare.

One sends a talking head of 720p30 with sound, one receives, both without a window; the path between two network namespaces
has 50 ms each way and a queue of 300 ms that drops what does not fit, unless said. All pairs use H.264 and Opus. Its
time begins with the first packet of media. A picture stands still when the next one comes later than three times the mean
of the last thirty distances, and than that mean and 150 ms; the whole gap counts.

";
