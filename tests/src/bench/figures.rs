//! Figures of several runs, and the table that is made of them. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// What was measured in one run: row of the table to value.
pub type Run = BTreeMap<&'static str, f64>;

/// The `part` quantile (0 to 1) of `values`; `None` when there are none.
pub fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * part).round() as usize).copied()
}

/// Median of each row over all runs that have it.
pub fn medians(runs: &[Run]) -> Run {
    let rows: std::collections::BTreeSet<&str> = runs.iter().flat_map(|run| run.keys().copied()).collect();
    rows.into_iter()
        .filter_map(|row| {
            let values: Vec<f64> = runs.iter().filter_map(|run| run.get(row).copied()).collect();
            quantile(&values, 0.5).map(|median| (row, median))
        })
        .collect()
}

/// A row of the table: its key in a [`Run`], what a reader sees, and the digits behind the point.
pub struct Row {
    pub key: &'static str,
    pub title: &'static str,
    pub digits: usize,
}

/// A Markdown table of two programs and their ratio.
pub fn table(rows: &[Row], ours: &Run, theirs: &Run) -> String {
    let mut text = String::from("| | Fika | Chromium | Fika / Chromium |\n| --- | ---: | ---: | ---: |\n");
    for Row { key, title, digits } in rows {
        let cell = |run: &Run| run.get(key).map_or("–".to_owned(), |value| format!("{value:.digits$}"));
        let ratio = match (ours.get(key), theirs.get(key)) {
            (Some(ours), Some(theirs)) if *theirs > 0.0 => format!("{:.2}", ours / theirs),
            _ => "–".to_owned(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {title} | {} | {} | {ratio} |", cell(ours), cell(theirs));
    }
    text
}

/// The names that took most of `cpu`, as parts of a core over `wall`: `name 0.12`.
pub fn eaters(cpu: &BTreeMap<String, Duration>, wall: Duration, count: usize) -> Vec<(String, f64)> {
    let mut parts: Vec<(String, f64)> =
        cpu.iter().map(|(name, time)| (name.clone(), time.as_secs_f64() / wall.as_secs_f64())).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts.truncate(count);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0, 5.0], 0.95), Some(5.0));
    }

    #[test]
    fn a_run_that_lacks_a_row_does_not_count_for_it() {
        let runs = [Run::from([("a", 1.0)]), Run::from([("a", 3.0), ("b", 9.0)]), Run::from([("a", 2.0)])];
        assert_eq!(medians(&runs), Run::from([("a", 2.0), ("b", 9.0)]));
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let rows = [Row { key: "a", title: "A", digits: 1 }, Row { key: "b", title: "B", digits: 0 }];
        let table = table(&rows, &Run::from([("a", 1.0)]), &Run::from([("a", 2.0), ("b", 3.0)]));
        assert!(table.ends_with("| A | 1.0 | 2.0 | 0.50 |\n| B | – | 3 | – |\n"), "{table}");
    }
}
