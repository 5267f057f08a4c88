//! docs/link.md and its figures as JSON, each scenario with the day on which it was measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::figures::ROWS;
use super::scenario::{ALL, Scenario};
use super::{Pair, Program};
use crate::bench::figures::{Row, Run, quantile};

/// Runs of each scenario, by name.
pub type Results = BTreeMap<&'static str, Measured>;

#[derive(Debug, Default, PartialEq)]
pub struct Measured {
    /// The day, the machine, what else ran.
    pub machine: String,
    pub pairs: BTreeMap<Pair, Vec<Run>>,
}

/// Those of the page that is there, but for these scenarios, which are measured anew. Empty without a page.
pub fn kept(path: &Path, scenarios: &[&Scenario]) -> Results {
    let text = std::fs::read_to_string(path.with_extension("json")).unwrap_or_default();
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let others = ALL.iter().filter(|scenario| scenarios.iter().all(|chosen| chosen.name != scenario.name));
    others.filter_map(|scenario| Some((scenario.name, from_json(&json[scenario.name])?))).collect()
}

fn from_json(json: &Value) -> Option<Measured> {
    let machine = json["machine"].as_str()?.to_owned();
    let run = |run: &Value| -> Run {
        // Without an end is nothing in JSON.
        ROWS.iter().filter_map(|row| Some((row.key, run.get(row.key)?.as_f64().unwrap_or(f64::INFINITY)))).collect()
    };
    let pairs = json["pairs"].as_object()?.iter();
    let pairs = pairs.filter_map(|(key, runs)| Some((key.parse().ok()?, runs.as_array()?.iter().map(run).collect())));
    Some(Measured { machine, pairs: pairs.collect() })
}

fn to_json(measured: &Measured) -> Value {
    let pairs: Map<String, Value> = measured.pairs.iter().map(|(pair, runs)| (pair.key(), json!(runs))).collect();
    json!({ "machine": measured.machine, "pairs": pairs })
}

/// Writes the page, and the figures of all runs beside it, as `.json`.
pub fn write(path: &Path, results: &Results) -> anyhow::Result<()> {
    let mut text = String::from(HEAD);
    for scenario in ALL {
        let Some(Measured { machine, pairs }) = results.get(scenario.name) else { continue };
        let runs = pairs.values().map(Vec::len).max().unwrap_or_default();
        let runs = if runs == 1 { "One run".to_owned() } else { format!("{runs} runs") };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "## {}: {}\n\n{runs} of each pair in turn, medians and ranges. {machine}.\n",
            scenario.name, scenario.title
        );
        text.push_str(&table(scenario, pairs));
        text.push('\n');
    }
    std::fs::write(path, text.trim_end().to_owned() + "\n")?;
    let json: BTreeMap<&str, Value> = results.iter().map(|(name, measured)| (*name, to_json(measured))).collect();
    std::fs::write(path.with_extension("json"), serde_json::to_string_pretty(&json)? + "\n")?;
    Ok(())
}

fn table(scenario: &Scenario, pairs: &BTreeMap<Pair, Vec<Run>>) -> String {
    let mut text = String::from("| |");
    pairs.keys().for_each(|pair| text.push_str(&format!(" {pair} |")));
    text.push_str(" allowed of Fika → Fika |\n| --- |");
    text.push_str(&" ---: |".repeat(pairs.len()));
    text.push_str(" --- |\n");
    for row in ROWS {
        let cells: Vec<String> = pairs.values().map(|runs| cell(runs, row)).collect();
        if cells.iter().any(|cell| cell != "–") {
            let verdict = verdict(scenario, pairs, row).unwrap_or_default();
            let _ = writeln!(text, "| {} | {} | {verdict} |", row.title, cells.join(" | "));
        }
    }
    text
}

fn verdict(scenario: &Scenario, pairs: &BTreeMap<Pair, Vec<Run>>, row: &Row) -> Option<String> {
    let (_, allowed) = scenario.allowed.iter().find(|(key, _)| *key == row.key)?;
    let median = |program| quantile(&values(pairs.get(&Pair::both(program))?, row.key), 0.5);
    allowed.verdict(median(Program::Fika)?, median(Program::Chromium), row.digits)
}

fn values(runs: &[Run], key: &str) -> Vec<f64> {
    runs.iter().filter_map(|run| run.get(key).copied()).collect()
}

fn cell(runs: &[Run], Row { key, digits, .. }: &Row) -> String {
    let values = values(runs, key);
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
compare. What Fika to Fika may be is said beside its figure: the floor that was set before, by itself or as a part of
Chromium to Chromium in the same runs.

One sends a talking head of 720p30 with sound, one receives, both without a window; the path between two network namespaces
has 50 ms each way and a queue of 300 ms that drops what does not fit, unless said. All pairs use H.264, but for those named
VP8, and Opus. The path's time begins with the first packet of media. A picture stands still when the next one comes later than
three times the mean of the last thirty distances, and than that mean and 150 ms; the whole gap counts.

- *Share beside the other flow*: of the bytes of both that arrived from 20 to 80 s. The other flow is a call of Chromium's, which
  begins in turn before and after, or one download over TCP with the kernel's cubic. What is used is counted of both together.
- *Longest silence*: of a steady tone that is sent in place of speech, in what is played, from 20 s on. What the jitter buffer
  invents counts as sound while it has a third of the tone's strength.
- *Answer applied to first picture*: who has made the offer has taken the answer to it, and who receives hands the first
  picture to the screen. Seven calls for each run, camera and room open before, their median and longest. Losses begin with
  the first packet of ICE; signalling, which goes over TCP, is spared them.
- *VMAF* (libvmaf's default model) is of another clip, with more detail and fast motion, from 20 to 45 s: five laps of the clip.
  Each of its pictures is compared with the last one that was on the screen when it should have been, so a picture that stands
  still counts for all that were left out, and delay does not count. Smaller pictures are scaled bilinearly. A mark in the top
  of the pictures tells which is which; it is not compared. Pictures are taken from the receiver as they were decoded.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_that_are_not_measured_again_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.md");
        let measured = |rate| Measured {
            machine: "a day".to_owned(),
            pairs: [(Pair::both(Program::Fika), vec![Run::from([("rate", rate), ("back", f64::INFINITY)])])].into(),
        };
        let results = Results::from([("open", measured(2.5)), ("drop", measured(1.5))]);
        write(&path, &results).unwrap();
        let open = ALL.iter().find(|scenario| scenario.name == "open").unwrap();
        assert_eq!(kept(&path, &[open]), Results::from([("drop", measured(1.5))]));
        assert_eq!(kept(&path, &[]), results);
    }
}
