//! Reading a dotenv file. Of a line that is wrong its number is told, never what stands there.
//!
//! There is no one grammar of these files. This one takes what the usual readers agree on: `NAME=value`, `export` before it,
//! comments, `'…'` and `"…"` over as many lines as it takes. In double quotes `\n`, `\r`, `\t`, `\"`, `\\`, `\$` and
//! `` \` `` stand for something else, in single quotes `\'` and `\\`; outside of quotes nothing does, and ` #` begins a
//! comment. Nothing is expanded.

use std::fmt;

use crate::model::secret::SecretText;

/// A line that sets a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// Its value, which may be a secret.
    pub(super) value: SecretText,
}

/// A line that is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Its number, from 1.
    line: usize,
    /// What is wrong with it.
    what: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Reads a file's text: what it sets, in its order.
///
/// # Errors
/// Every line that is wrong.
pub(super) fn read(text: &str) -> Result<Vec<Variable>, Vec<Wrong>> {
    let text = SecretText::new(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"));
    let (mut variables, mut wrong) = (Vec::new(), Vec::new());
    let (mut rest, mut line) = (text.expose(), 1);
    while !rest.is_empty() {
        let after = match entry(rest) {
            Ok((variable, after)) => {
                variables.extend(variable);
                after
            }
            Err(what) => {
                wrong.push(Wrong { line, what });
                after_line(rest)
            }
        };
        let (taken, _) = rest.split_at(rest.len() - after.len());
        line += taken.matches('\n').count();
        rest = after;
    }
    if wrong.is_empty() { Ok(variables) } else { Err(wrong) }
}

/// One line, or those that a value goes on over; and what follows.
fn entry(text: &str) -> Result<(Option<Variable>, &str), &'static str> {
    let start = text.trim_start_matches(BLANKS);
    if start.is_empty() || start.starts_with(['\n', '#']) {
        return Ok((None, after_line(start)));
    }
    let (name, after) = name(start).ok_or("expected NAME=value")?;
    let raw = after.trim_start_matches(BLANKS).strip_prefix('=').ok_or("expected NAME=value")?;
    let begun = raw.trim_start_matches(BLANKS);
    let (value, after) = match begun.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (value, after) = quoted(begun, quote).ok_or("the quote is not closed")?;
            let end = after.trim_start_matches(BLANKS);
            if !(end.is_empty() || end.starts_with(['\n', '#'])) {
                return Err("something follows the closing quote");
            }
            (value, after_line(end))
        }
        _ => (unquoted(raw), after_line(raw)),
    };
    Ok((Some(Variable { name: name.to_owned(), value: SecretText::new(value) }), after))
}

/// The name of a variable, `export` left out; and what follows.
fn name(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let exported = text.strip_prefix("export").filter(|rest| rest.starts_with(BLANKS));
    let exported = exported.map(|rest| rest.trim_start_matches(BLANKS)).filter(|rest| !rest.starts_with('='));
    let text = exported.unwrap_or(text);
    let (name, after) = text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()));
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some((name, after))
}

/// What stands between quotes, and what follows the second.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    characters.next()?;
    loop {
        match characters.next()? {
            '\\' => match (quote, characters.next()?) {
                ('"', 'n') => value.push('\n'),
                ('"', 'r') => value.push('\r'),
                ('"', 't') => value.push('\t'),
                ('"', escaped @ ('"' | '\\' | '$' | '`')) | ('\'', escaped @ ('\'' | '\\')) => {
                    value.push(escaped);
                }
                (_, other) => value.extend(['\\', other]),
            },
            character if character == quote => return Some((value, characters.as_str())),
            character => value.push(character),
        }
    }
}

/// The rest of a line, without the comment at its end.
fn unquoted(raw: &str) -> String {
    let line = raw.split('\n').next().unwrap_or_default();
    let comment = line.char_indices().zip(line.chars().skip(1)).find_map(|((at, before), c)| {
        let begins = c == '#' && BLANKS.contains(&before);
        begins.then_some(at)
    });
    let (value, _) = line.split_at(comment.unwrap_or(line.len()));
    value.trim().to_owned()
}

/// What follows the line's end.
fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, after)| after)
}

const BLANKS: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let variables = read(text).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        variables.into_iter().map(|found| (found.name, found.value.expose().to_owned())).collect()
    }

    fn value(text: &str) -> String {
        let mut pairs = pairs(text);
        assert_eq!(pairs.len(), 1, "{text}");
        pairs.remove(0).1
    }

    #[test]
    fn lines_that_set_something() {
        let text = "\u{feff}# a comment\n\n  \t\nA=1\r\nexport B = two words # and why\n\tC_3.x-y=\n#D=4\nexport=5\nE=#6";
        let expected = [("A", "1"), ("B", "two words"), ("C_3.x-y", ""), ("export", "5"), ("E", "#6")];
        assert_eq!(pairs(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn quotes_comments_and_escapes() {
        for (text, expected) in [
            ("A=a#b", "a#b"),
            ("A=a #b", "a"),
            ("A= # nothing", ""),
            ("A=a\\nb \"c\"", "a\\nb \"c\""),
            (r#"A="a \"b\" \\ \n \$ \x # c" # d"#, "a \"b\" \\ \n $ \\x # c"),
            (r"A='a \'b\' \\ \n # c'# d", r"a 'b' \ \n # c"),
            ("A=\"one\ntwo\r\nthree\"\n", "one\ntwo\nthree"),
            ("A=  'x'  ", "x"),
            ("A=''", ""),
            ("A=schlüssel ", "schlüssel"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn wrong_lines_are_told_by_number() {
        let text = "A=\"1\n2\"\ncanary\nB=2\n=canary\n1C=canary\nD='it''s canary'\nE=\"canary\nF=1\n";
        let wrong: Vec<String> = read(text).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            wrong,
            [
                "line 3: expected NAME=value",
                "line 5: expected NAME=value",
                "line 6: expected NAME=value",
                "line 7: something follows the closing quote",
                "line 8: the quote is not closed",
            ]
        );
    }

    proptest! {
        #[test]
        fn anything_is_read_or_told_by_lines_that_there_are(text in any::<String>()) {
            if let Err(wrong) = read(&text) {
                let lines = text.lines().count().max(1);
                prop_assert!(wrong.iter().all(|wrong| (1..=lines).contains(&wrong.line)));
            }
        }

        #[test]
        fn what_is_quoted_comes_back(value in "[^\r]*", more in "[A-Z]{1,9}=[a-z0-9]{0,9}") {
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"");
            let text = format!("A=\"{escaped}\" # c\n{more}\n");
            prop_assert_eq!(&pairs(&text)[0].1, &value);
            prop_assert_eq!(pairs(&text).len(), 2);
            let escaped = value.replace('\\', r"\\").replace('\'', r"\'");
            prop_assert_eq!(&pairs(&format!("A='{escaped}'"))[0].1, &value);
        }

        #[test]
        fn what_needs_no_quotes_comes_back(value in "[!$-&(-~]([!-~ ]{0,40}[!-~])?") {
            prop_assume!(!value.contains(" #"));
            prop_assert_eq!(&pairs(&format!("export A={value}\n"))[0].1, &value);
        }
    }
}
