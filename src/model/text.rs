//! Texts that people are shown, in a terminal, a log or a page: what they may not hold.

/// Whether a text shows as what it is: no control characters, which a terminal obeys and a database may refuse, nothing
/// that breaks a line, and nothing that turns the direction of what follows, so that it reads as another text.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || breaks_lines(c) || turns_direction(c))
}

const fn breaks_lines(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}')
}

/// Embeddings, overrides and isolates (Unicode Standard Annex 9). The marks U+200E and U+200F turn nothing but themselves.
const fn turns_direction(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_script_are_plain_and_tricks_are_not() {
        for name in ["Ada", "José Ñ", "山田 太郎", "שלום", "a\u{200F}b", "👩‍🚀", ""] {
            assert!(is_plain(name), "{name}");
        }
        for trick in
            ["a\0", "\u{1b}[2J", "a\nb", "\u{85}", "\u{202E}niatpac", "\u{2066}x", "\u{2069}", "a\u{2028}b"]
        {
            assert!(!is_plain(trick), "{trick:?}");
        }
    }
}
