//! Why there is no new token.

use std::time::Duration;

use crate::{
    broker::{Code, Error},
    issuer::IssueError,
};

/// No new token.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RefreshError {
    /// The credential is gone, or cannot be borrowed any more: whoever wants it resolves again.
    #[error("the credential cannot be borrowed any more")]
    Gone,
    /// The service gave none.
    #[error("{0}")]
    Issue(IssueError),
    /// The service failed lately and is asked again later, or has been asked as often as it may be.
    #[error("{why}")]
    Resting {
        /// For people.
        why: String,
        /// When it is asked again.
        again_in: Duration,
    },
    /// Somebody is asking and it takes long.
    #[error("the service is being asked for a new token, and has not answered yet")]
    Slow,
    /// A fault of the broker, or its database.
    #[error("{0}")]
    Broker(Error),
}

impl From<Error> for RefreshError {
    fn from(error: Error) -> Self {
        Self::Broker(error)
    }
}

impl RefreshError {
    /// What a caller is told who cannot be served without the token.
    pub(crate) fn into_error(self, service: &str) -> Error {
        let unavailable = |why: String, seconds: u64| {
            let message = format!("no token for {service} at the moment: {why}");
            let seconds = u32::try_from(seconds.clamp(1, 3_600)).unwrap_or(3_600);
            Error::new(Code::UpstreamUnavailable, message).retry_after(seconds)
        };
        match self {
            Self::Broker(error) => error,
            Self::Gone => unavailable("the credential changed meanwhile".to_owned(), 1),
            Self::Issue(IssueError::TooMany(Some(wait))) => {
                unavailable("the service asks for fewer calls".to_owned(), wait.as_secs())
            }
            Self::Issue(error) => unavailable(error.to_string(), 15),
            Self::Resting { why, again_in } => unavailable(why, again_in.as_secs()),
            Self::Slow => unavailable("the service has not answered yet".to_owned(), 5),
        }
    }
}
