//! Templates: texts of a service's description with `{names}` that a credential's values take the place of.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A text with names to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

/// The text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{{` and `}}` enclose a name of small letters, digits and `_`, and stand for nothing else")]
pub struct ParseTemplateError;

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A brace without its counterpart, or around what is no name.
    pub fn parse(text: &str) -> Result<Self, ParseTemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or(ParseTemplateError)?;
            if before.contains('}') || !is_name(name) {
                return Err(ParseTemplateError);
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Name(name.to_owned()));
            rest = behind;
        }
        if rest.contains('}') {
            return Err(ParseTemplateError);
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The names in it, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every name's value in its place.
    ///
    /// # Errors
    /// The first name that has no value.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Name(name) => filled.push_str(&value(name).ok_or(name.as_str())?),
            }
        }
        Ok(filled)
    }
}

fn is_name(text: &str) -> bool {
    let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(small)
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Name(name) => write!(f, "{{{name}}}"),
        })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let value = |name: &str| (name != "absent").then(|| name.to_uppercase());
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        template.fill(value).map_err(ToOwned::to_owned)
    }

    #[test]
    fn names_give_way_to_values() {
        for (text, expected) in [
            ("Bearer {access_token}", Ok("Bearer ACCESS_TOKEN")),
            ("{a}{b}-{a}", Ok("AB-A")),
            ("plain", Ok("plain")),
            ("", Ok("")),
            ("{absent}", Err("absent")),
        ] {
            assert_eq!(filled(text), expected.map(ToOwned::to_owned).map_err(ToOwned::to_owned), "{text}");
        }
    }

    #[test]
    fn braces_enclose_names_alone() {
        for text in ["{", "}", "{}", "{A}", "a}b{c}", "{a", "{a}}", "{{a}}", "{a b}"] {
            assert_eq!(Template::parse(text), Err(ParseTemplateError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_was_read_is_shown_again(text in "([a-z :/]|\\{[a-z_0-9]{1,5}\\}){0,8}") {
            prop_assert_eq!(Template::parse(&text).map(|template| template.to_string()), Ok(text));
        }

        #[test]
        fn a_value_is_never_read_as_a_template(value in ".{0,16}") {
            let template = Template::parse("<{a}>").expect("a template");
            prop_assert_eq!(template.fill(|_| Some(value.clone())), Ok(format!("<{value}>")));
        }
    }
}
