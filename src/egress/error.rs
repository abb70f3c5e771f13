//! Why a call brought no answer. No text repeats a URL, a header or a body: each may hold a secret.

use std::time::Duration;

use crate::model::address::UrlError;

/// No answer that can be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The URL leads where calls may not lead.
    #[error("the address {0}")]
    Refused(UrlError),
    /// A name that no address was found for, or none that may be dialled.
    #[error("the host's name leads to no address that may be dialled")]
    Unresolved,
    /// No connection came about.
    #[error("no connection to the host came about")]
    Unreachable,
    /// The upstream failed several times in a row and is left alone for a while.
    #[error("the host failed several times in a row; it is asked again in {} seconds", .0.as_secs().max(1))]
    Resting(Duration),
    /// Others were asking all the while.
    #[error("too many calls to the host are under way")]
    Busy,
    /// The request may have arrived; the time for the answer ran out.
    #[error("the host did not answer in time")]
    TimedOut,
    /// The request may have arrived; the connection ended before the answer did.
    #[error("the connection ended before the answer was complete")]
    BrokenOff,
    /// More came back than anybody reads.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The request could not be put together: a header that HTTP does not allow.
    #[error("the request cannot be written as HTTP")]
    Malformed,
}

/// Whether the other side may have acted on a call that brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It never got the request: asking again repeats nothing.
    NeverSent,
    /// It may have got it, and done what it was asked.
    Unknown,
}

impl EgressError {
    /// Whether the other side may have acted.
    #[must_use]
    pub const fn fate(&self) -> Fate {
        match self {
            Self::Refused(_)
            | Self::Unresolved
            | Self::Unreachable
            | Self::Resting(_)
            | Self::Busy
            | Self::Malformed => Fate::NeverSent,
            Self::TimedOut | Self::BrokenOff | Self::TooLarge(_) => Fate::Unknown,
        }
    }
}
