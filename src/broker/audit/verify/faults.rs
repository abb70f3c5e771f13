//! What is wrong, kept short: so many lines of a chain, and how many more there are.

use std::collections::BTreeMap;

use crate::model::words::counted;

/// The faults of a verification.
#[derive(Debug, Default)]
pub(super) struct Faults {
    lines: Vec<String>,
    /// How many were found of each chain that has any.
    found: BTreeMap<String, u64>,
}

impl Faults {
    /// One of a chain.
    pub(super) fn add(&mut self, chain: &str, what: &str) {
        let found = self.found.entry(chain.to_owned()).or_default();
        *found += 1;
        if *found <= LINES_OF_A_CHAIN {
            self.lines.push(format!("{chain}: {what}"));
        }
    }

    /// One that is no chain's.
    pub(super) fn add_of_none(&mut self, what: String) {
        self.lines.push(what);
    }

    /// A line each; behind them, how many more a chain has.
    pub(super) fn into_lines(self) -> Vec<String> {
        let Self { mut lines, found } = self;
        for (chain, found) in found {
            let untold = found.saturating_sub(LINES_OF_A_CHAIN);
            if untold > 0 {
                lines.push(format!("{chain}: {} more", counted(untold, "fault")));
            }
        }
        lines
    }
}

/// A chain that was rewritten has a fault in each of its records.
const LINES_OF_A_CHAIN: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_so_many_and_counts_the_rest() {
        let mut faults = Faults::default();
        for number in 0..LINES_OF_A_CHAIN + 3 {
            faults.add("aud_1", &format!("record {number} was changed"));
        }
        faults.add("aud_2", "its head was removed");
        let lines = faults.into_lines();
        assert_eq!(lines.len(), 20 + 1 + 1, "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("aud_1: 3 faults more"));
        assert!(lines.contains(&"aud_2: its head was removed".to_owned()), "{lines:?}");
    }
}
