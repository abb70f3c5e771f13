//! `public_url`: the address that clients know the broker by.

use std::{fmt, net::SocketAddr, str::FromStr};

use serde::Deserialize;
use url::{Host, Url};

use super::problem::Problem;

/// An `http` or `https` URL without user, query or fragment, and without a slash at its end: the issuer of tokens
/// (RFC 8414, section 2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl {
    text: String,
    is_private: bool,
}

/// The text is no usable public URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public URL: expected `https://host`, without user, query or fragment")]
pub struct ParsePublicUrlError;

impl PublicUrl {
    /// The plain URL of a listener on this machine, for development.
    #[must_use]
    pub fn loopback(address: SocketAddr) -> Self {
        Self { text: format!("http://{address}"), is_private: true }
    }

    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if !self.is_private {
            let message = "is plain HTTP; tokens travel to this address, so it must begin with `https://` unless \
                           it is on loopback";
            problems.push(Problem::setting("public_url", message));
        }
    }
}

impl FromStr for PublicUrl {
    type Err = ParsePublicUrlError;

    fn from_str(text: &str) -> Result<Self, ParsePublicUrlError> {
        let url = Url::parse(text).map_err(|_| ParsePublicUrlError)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(ParsePublicUrlError);
        }
        let is_private = match url.scheme() {
            "https" => true,
            "http" => url.host().is_some_and(|host| is_loopback(&host)),
            _ => return Err(ParsePublicUrlError),
        };
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), is_private })
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = ParsePublicUrlError;

    fn try_from(text: String) -> Result<Self, ParsePublicUrlError> {
        text.parse()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_is_dropped_and_a_path_kept() {
        assert_eq!(
            "https://broker.example/".parse::<PublicUrl>().unwrap().as_str(),
            "https://broker.example"
        );
        assert_eq!(
            "https://x.example/lend/".parse::<PublicUrl>().unwrap().as_str(),
            "https://x.example/lend"
        );
    }

    #[test]
    fn plain_http_is_for_loopback() {
        let problems = |text: &str| {
            let mut problems = Vec::new();
            text.parse::<PublicUrl>().unwrap().check(&mut problems);
            problems.len()
        };
        for fine in
            ["http://localhost:3978", "http://127.0.0.1:1", "http://[::1]:1", "https://broker.example"]
        {
            assert_eq!(problems(fine), 0, "{fine}");
        }
        for refused in ["http://broker.example", "http://10.0.0.1", "http://localhost.example"] {
            assert_eq!(problems(refused), 1, "{refused}");
        }
    }

    #[test]
    fn other_urls_do_not_parse() {
        for text in ["", "broker.example", "ftp://x", "https://u:p@x", "https://x/?a=b", "https://x/#f"] {
            assert_eq!(text.parse::<PublicUrl>(), Err(ParsePublicUrlError), "{text}");
        }
    }
}
