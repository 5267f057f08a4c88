//! Numbers for names that occur more than once. Runs on the caller's thread.

use std::collections::HashMap;

/// The names given out so far.
#[derive(Default)]
pub(crate) struct Numbering(HashMap<String, u32>);

impl Numbering {
    /// `base` the first time, then `base` with a number between `open` and `close`.
    pub(crate) fn next(&mut self, base: &str, open: &str, close: &str) -> String {
        let count = self.0.entry(base.to_owned()).or_default();
        *count += 1;
        if *count == 1 { base.to_owned() } else { format!("{base}{open}{count}{close}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_a_name_gets_a_number() {
        let mut names = Numbering::default();
        let given: Vec<String> = ["Mic", "Mic", "Desk", "Mic"].iter().map(|name| names.next(name, " (", ")")).collect();
        assert_eq!(given, ["Mic", "Mic (2)", "Desk", "Mic (3)"]);
    }
}
