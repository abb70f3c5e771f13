//! Resource servers (RFC 8707): whom an access token may be meant for besides the broker.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::{
    instant::Instant,
    page::{Cursor, Listed, OrderKey},
};

/// A registered resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What a token request names, and what the token's audience is.
    pub uri: ResourceUri,
    /// When it was registered.
    pub created_at: Instant,
}

impl Listed for Resource {
    fn cursor(&self, _key: OrderKey) -> Cursor {
        Cursor { key: self.uri.to_string(), id: self.uri.to_string() }
    }
}

/// A resource indicator: an absolute URI without a fragment (RFC 8707, section 2). It is compared as text, so the text
/// is kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceUri(String);

/// The text is no resource indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a resource is an absolute URI of at most {MAX_BYTES} bytes, without a fragment, user or white space"
)]
pub struct ParseResourceUriError;

impl ResourceUri {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceUri {
    type Err = ParseResourceUriError;

    fn from_str(text: &str) -> Result<Self, ParseResourceUriError> {
        let printable =
            text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>'));
        if text.len() > MAX_BYTES || !printable {
            return Err(ParseResourceUriError);
        }
        let uri = Url::parse(text).map_err(|_| ParseResourceUriError)?;
        let has_user = !uri.username().is_empty() || uri.password().is_some();
        // A URI with an authority is `scheme://…` to the parser only when a host stands there for the web's schemes.
        if uri.fragment().is_some() || has_user || SCRIPTS.contains(&uri.scheme()) {
            return Err(ParseResourceUriError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ResourceUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

const MAX_BYTES: usize = 2_048;
/// Schemes that a browser runs or reads from the disk; nothing serves resources under them.
const SCRIPTS: &[&str] = &["about", "blob", "data", "file", "javascript"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn absolute_uris_without_fragment_are_good() {
        for text in [
            "https://api.example.com",
            "https://api.example.com/app/?x=1",
            "urn:example:resource",
            "https://cal.example.com:8443/",
        ] {
            assert_eq!(text.parse::<ResourceUri>().map(|uri| uri.to_string()), Ok(text.to_owned()));
        }
        let long = format!("https://{}", "a".repeat(2_048));
        for text in [
            "",
            "/relative",
            "api.example.com",
            "//api.example.com",
            "https://api.example.com/#part",
            "https://api.example.com/#",
            "https://ann:pw@api.example.com",
            "https://api.example.com/ x",
            "https://api.example.com\r\n",
            "javascript:alert(1)",
            "https://",
            long.as_str(),
        ] {
            assert!(text.parse::<ResourceUri>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_none_changes(text in ".{0,60}") {
            if let Ok(uri) = text.parse::<ResourceUri>() {
                prop_assert_eq!(uri.as_str(), text);
            }
        }
    }
}
