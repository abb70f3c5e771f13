//! Numbers in sentences.

use std::fmt;

/// A number with its noun: `1 chain`, `2 chains`. For nouns that take an `s`.
#[must_use]
pub fn counted(number: impl TryInto<u64> + fmt::Display + Copy, noun: &str) -> String {
    let is_one = matches!(number.try_into(), Ok(1));
    format!("{number} {noun}{}", if is_one { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!([0_u64, 1, 2].map(|number| counted(number, "chain")), ["0 chains", "1 chain", "2 chains"]);
    }
}
