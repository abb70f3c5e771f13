//! Why an issuer brought nothing. No text repeats what a service said.

use std::time::Duration;

use crate::egress::{EgressError, Fate};

/// No token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The service refuses the grant: a refresh token, a code (`invalid_grant` of RFC 6749, section 5.2).
    #[error("the service refuses the grant: the account must be connected again")]
    GrantRefused,
    /// The account is switched off at the service.
    #[error("{0}")]
    AccountDisabled(String),
    /// The service refuses the client (`invalid_client`): not the grant's fault.
    #[error("the service refuses the client: its id or secret is wrong, or it was withdrawn")]
    ClientRefused,
    /// The service wants fewer calls.
    #[error("the service asks for fewer calls")]
    TooMany(Option<Duration>),
    /// The service has an error of its own, or answers what is no answer.
    #[error("the service answered {0}, which is no token")]
    Unexpected(u16),
    /// The service was not reached, or did not answer.
    #[error("{0}")]
    Unreached(EgressError),
    /// The description asks for a value that is not there.
    #[error("the service's description needs `{0}`, which the credential does not have")]
    Lacking(String),
    /// An address that is made of the credential's values is none.
    #[error("the service's address for this is no URL")]
    NoAddress,
}

impl IssueError {
    /// Whether the service may have acted on what it was asked, so that a refresh token that works once may be used up.
    #[must_use]
    pub const fn may_have_acted(&self) -> bool {
        match self {
            Self::Unreached(error) => matches!(error.fate(), Fate::Unknown),
            // What came back was no token; it may stand for one that was made.
            Self::Unexpected(_) => true,
            Self::GrantRefused
            | Self::AccountDisabled(_)
            | Self::ClientRefused
            | Self::TooMany(_)
            | Self::Lacking(_)
            | Self::NoAddress => false,
        }
    }

    /// A word for figures and records.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::GrantRefused => "grant_refused",
            Self::AccountDisabled(_) => "account_disabled",
            Self::ClientRefused => "client_refused",
            Self::TooMany(_) => "too_many_calls",
            Self::Unexpected(_) => "unexpected_answer",
            Self::Unreached(_) => "unreached",
            Self::Lacking(_) | Self::NoAddress => "misdescribed",
        }
    }
}
