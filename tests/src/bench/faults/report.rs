//! The table of docs/faults-measured.md, and its figures as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::scenes::ALL;
use super::{Fault, ROWS};
use crate::bench::figures::{Run, quantile};

/// Runs of each fault, by name.
pub type Results = BTreeMap<&'static str, Vec<Run>>;

/// What was measured, and on which day each fault was.
#[derive(Debug, Default, PartialEq)]
pub struct Measured {
    pub fika: Results,
    pub chromium: Results,
    pub days: BTreeMap<&'static str, String>,
}

impl Measured {
    /// What the table that is there says, but of these faults, which are measured anew. Empty without a table.
    pub fn kept(path: &Path, faults: &[&Fault]) -> Self {
        let text = std::fs::read_to_string(path.with_extension("json")).unwrap_or_default();
        Self::read(&serde_json::from_str(&text).unwrap_or_default(), faults)
    }

    fn read(json: &serde_json::Value, faults: &[&Fault]) -> Self {
        let others = || ALL.iter().filter(|fault| faults.iter().all(|chosen| chosen.name != fault.name));
        let of = |program: &str| {
            let runs = |fault: &Fault| -> Option<Vec<Run>> {
                let runs = json[program][fault.name].as_array()?.iter();
                let run = |run: &serde_json::Value| {
                    ROWS.iter().filter_map(|row| Some((row.key, run[row.key].as_f64()?))).collect::<Run>()
                };
                Some(runs.map(run).collect())
            };
            others().filter_map(|fault| Some((fault.name, runs(fault)?))).collect()
        };
        let days = others().filter_map(|fault| Some((fault.name, json["days"][fault.name].as_str()?.to_owned())));
        Self { fika: of("fika"), chromium: of("chromium"), days: days.collect() }
    }

    /// `machine`: where the last ones were measured.
    pub fn write(&self, path: &Path, machine: &str) -> anyhow::Result<()> {
        std::fs::write(path, self.text(machine))?;
        let json = serde_json::json!({ "fika": self.fika, "chromium": self.chromium, "days": self.days });
        std::fs::write(path.with_extension("json"), serde_json::to_string_pretty(&json)? + "\n")?;
        Ok(())
    }

    fn text(&self, machine: &str) -> String {
        let mut text = String::from(HEAD);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Each run has the fault at another moment. The last ones: {machine}.\n");
        text.push_str(
            "| fault | what counts | median | most | allowed | runs |\n| --- | --- | ---: | ---: | ---: | --- |\n",
        );
        for fault in ALL {
            let day = self.days.get(fault.name).map_or("–", String::as_str);
            for row in ROWS {
                let limit = fault.limits.iter().find(|(key, _)| *key == row.key);
                let limit = limit.map_or("–".to_owned(), |(_, limit)| format!("{limit:.*}", row.digits));
                for (results, whose, limit) in [(&self.fika, "", limit.as_str()), (&self.chromium, ", Chromium", "–")]
                {
                    let runs = results.get(fault.name).into_iter().flatten();
                    let values: Vec<f64> = runs.filter_map(|run| run.get(row.key).copied()).collect();
                    let (Some(median), Some(most)) = (quantile(&values, 0.5), quantile(&values, 1.0)) else { continue };
                    let (fault, title, digits, count) = (fault.title, row.title, row.digits, values.len());
                    let figures = format!("{median:.digits$} | {most:.digits$} | {limit} | {count}, {day}");
                    let _ = writeln!(text, "| {fault}{whose} | {title} | {figures} |");
                }
            }
        }
        text
    }
}

const HEAD: &str = "# Faults, measured

Written by `./dev bench faults`; do not edit. Two programs in a call with sound and a small picture, between two network
namespaces, with a server; [faults.md](faults.md) tells what happens to a call. Seconds, or times. Of both sides the longer silence and
still picture count, from the fault to five seconds after all is well again; a silence is one of the other's steady tone, so
what the jitter buffer invents in its place counts as sound while it is loud. What is shown is looked at once a second.
Chromium: two pages without a window that call `restartIce()` the moment the network changes, told by the test; their signalling
goes past the changed network.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_measured_anew_stays_with_its_day() {
        let [first, second] = [&ALL[0], &ALL[1]];
        let day = |day: &str| day.to_owned();
        let run = |back: f64| vec![Run::from([("back", back)])];
        let before = Measured {
            fika: Results::from([(first.name, run(0.5)), (second.name, run(1.5))]),
            chromium: Results::new(),
            days: BTreeMap::from([(first.name, day("2026-01-02")), (second.name, day("2026-01-02"))]),
        };
        let json = serde_json::json!({ "fika": before.fika, "chromium": before.chromium, "days": before.days });
        assert_eq!(Measured::read(&json, &[]), before);
        let kept = Measured::read(&json, &[first]);
        assert_eq!(kept.fika.keys().chain(kept.days.keys()).collect::<Vec<_>>(), [&second.name, &second.name]);
        assert!(kept.text("here").contains("| 1.50 | 1.50 | 3.00 | 1, 2026-01-02 |"), "{}", kept.text("here"));
        assert_eq!(Measured::read(&serde_json::Value::Null, &[]), Measured::default());
    }
}
