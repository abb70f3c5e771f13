//! Services and accounts: the grammar of what can be borrowed.
//!
//! `service` or `service/account`: `[a-z0-9_-]{1,64}(/[A-Za-z0-9._:-]{1,253})?`. The bare name stands for the owner's
//! primary account there.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most services that one lease may cover.
pub const MAX_SERVICES: usize = 64;
/// The account of a credential that was deposited without a name for it.
pub const DEFAULT_ACCOUNT: &str = "default";

/// The name of a kind of backend, e.g. `jira`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

/// The name of one account at a service, e.g. a store id or a store's host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

/// What is asked for: a service, and which account there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRef {
    /// The kind of backend.
    pub service: ServiceName,
    /// The account; none stands for the owner's primary one.
    pub account: Option<AccountName>,
}

/// The text does not follow the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseServiceError {
    /// An account that stands alone is wrong.
    #[error("an account is 1 to 253 of A-Z, a-z, 0-9, `.`, `_`, `:` and `-`, without the service")]
    AccountName,
    /// A service that stands alone is wrong.
    #[error("a service's name is 1 to 64 of a-z, 0-9, `_` and `-`, without an account")]
    ServiceName,
    /// The account part is wrong.
    #[error("the account after `/` must be 1 to 253 of A-Z, a-z, 0-9, `.`, `_`, `:` and `-`")]
    Account,
    /// The service part is wrong.
    #[error("a service is 1 to 64 of a-z, 0-9, `_` and `-`, optionally followed by `/` and an account")]
    Service,
}

impl ServiceName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AccountName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = ParseServiceError;

    fn from_str(text: &str) -> Result<Self, ParseServiceError> {
        let valid =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(valid);
        if fits { Ok(Self(text.into())) } else { Err(ParseServiceError::ServiceName) }
    }
}

impl FromStr for AccountName {
    type Err = ParseServiceError;

    fn from_str(text: &str) -> Result<Self, ParseServiceError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
        let fits = (1..=253).contains(&text.len()) && text.bytes().all(valid);
        if fits { Ok(Self(text.into())) } else { Err(ParseServiceError::AccountName) }
    }
}

impl FromStr for ServiceRef {
    type Err = ParseServiceError;

    fn from_str(text: &str) -> Result<Self, ParseServiceError> {
        let (service, account) =
            text.split_once('/').map_or((text, None), |(service, account)| (service, Some(account)));
        let service = service.parse().map_err(|_| ParseServiceError::Service)?;
        let account = account.map(str::parse).transpose().map_err(|_| ParseServiceError::Account)?;
        Ok(Self { service, account })
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            None => self.service.fmt(f),
            Some(account) => write!(f, "{}/{account}", self.service),
        }
    }
}

macro_rules! serde_as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(ServiceName, AccountName, ServiceRef);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_follows_the_grammar_survives(text in "[a-z0-9_-]{1,64}(/[A-Za-z0-9._:-]{1,253})?") {
            prop_assert_eq!(text.parse::<ServiceRef>().map(|s| s.to_string()), Ok(text));
        }

        #[test]
        fn no_text_panics_and_none_changes(text in ".{0,80}") {
            if let Ok(service) = text.parse::<ServiceRef>() {
                prop_assert_eq!(service.to_string(), text);
            }
        }
    }

    #[test]
    fn a_refusal_says_what_was_expected_there() {
        let reason = |error: ParseServiceError| error.to_string();
        assert!(reason("bearer/weather".parse::<ServiceName>().unwrap_err()).contains("without an account"));
        assert!(reason("bearer/weather".parse::<AccountName>().unwrap_err()).contains("without the service"));
        assert!(
            reason("Bearer/weather".parse::<ServiceRef>().unwrap_err()).contains("optionally followed by")
        );
        assert!(reason("bearer/a b".parse::<ServiceRef>().unwrap_err()).contains("the account after `/`"));
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        let long = "a".repeat(65);
        for text in
            ["", "Jira", "jira ", "ji.ra", "tray/", "/x", "tray/a/b", "tray/a b", "trày", long.as_str()]
        {
            assert!(text.parse::<ServiceRef>().is_err(), "{text:?}");
        }
    }
}
