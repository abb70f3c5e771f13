//! What a caller is told when a call fails: one stable code, a text that says what to do, and never the internal cause.

use crate::store::{Cause, StoreError};

/// A failed call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Error {
    /// The stable code.
    pub code: Code,
    /// For people: what was wrong and what to do. Never a secret, never another owner's data.
    pub message: String,
    /// What was wrong, field by field.
    pub violations: Vec<Violation>,
    /// Set on [`Code::MissingCredentials`].
    pub missing: Option<Box<MissingCredentials>>,
    /// When trying again makes sense, in seconds.
    pub retry_after: Option<u32>,
    /// Set on a [`Code::Conflict`] with something that exists; others are races with another call.
    pub exists: bool,
    /// Whether the audit knows of the refusal already: the operation's own transaction wrote a record.
    pub recorded: bool,
    /// For the log alone.
    #[source]
    pub cause: Option<Cause>,
}

/// One field that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path, e.g. `services[2]`.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Which services could not be lent, and which could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingCredentials {
    /// As asked for.
    pub missing_services: Vec<String>,
    /// Everything the caller can borrow.
    pub available_services: Vec<String>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// The stable codes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant),* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The text, in `lower_snake`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

codes! {
    /// A unique key is taken, or the row changed meanwhile.
    Conflict = "conflict";
    /// The borrower may no longer use what the lease rests on.
    EntitlementLost = "entitlement_lost";
    /// The caller may know that it exists, but may not do this to it.
    Forbidden = "forbidden";
    /// The idempotency key came with another request before.
    IdempotencyKeyReused = "idempotency_key_reused";
    /// The token lacks a scope.
    InsufficientScope = "insufficient_scope";
    /// A fault of the broker.
    Internal = "internal";
    /// The request is well-formed but a value is wrong; see the violations.
    InvalidRequest = "invalid_request";
    /// The lease that the idempotency key made is over.
    LeaseEnded = "lease_ended";
    /// The lease ran out.
    LeaseExpired = "lease_expired";
    /// The lease was revoked.
    LeaseRevoked = "lease_revoked";
    /// The request cannot be read.
    MalformedRequest = "malformed_request";
    /// The lease was renewed as often as it may be.
    MaxRenewalsExceeded = "max_renewals_exceeded";
    /// The path does not know the method.
    MethodNotAllowed = "method_not_allowed";
    /// A service does not resolve.
    MissingCredentials = "missing_credentials";
    /// Not there, or not the caller's.
    NotFound = "not_found";
    /// The lease cannot be renewed at all.
    NotRenewable = "not_renewable";
    /// The row changed since the caller read it.
    PreconditionFailed = "precondition_failed";
    /// The principal has as many live leases as it may.
    QuotaExceeded = "quota_exceeded";
    /// Too many requests in too short a time.
    RateLimited = "rate_limited";
    /// The body is too large.
    RequestTooLarge = "request_too_large";
    /// The root key needed is not there: nothing can be opened.
    Sealed = "sealed";
    /// The caller did not prove who it is.
    Unauthenticated = "unauthenticated";
    /// The database is not available, or the queue of writes is full.
    Unavailable = "unavailable";
    /// A service gives no token at the moment.
    UpstreamUnavailable = "upstream_unavailable";
    /// The body is of the wrong content type.
    UnsupportedMediaType = "unsupported_media_type";
}

impl Error {
    /// An error of a code, with its public text.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            violations: Vec::new(),
            missing: None,
            retry_after: None,
            exists: false,
            recorded: false,
            cause: None,
        }
    }

    /// [`Code::InvalidRequest`] for the fields given.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let message = "the request has values that cannot be accepted; see errors".to_owned();
        Self { violations, ..Self::new(Code::InvalidRequest, message) }
    }

    /// [`Code::NotFound`], the same whether a thing does not exist or belongs to somebody else.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("no such {what}"))
    }

    /// [`Code::Unauthenticated`].
    #[must_use]
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// [`Code::Internal`]: the cause goes to the log, the caller learns nothing of it.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let message = "an unexpected fault; the request id names it in the log";
        Self { cause: Some(Cause::from(cause.into())), ..Self::new(Code::Internal, message) }
    }

    /// Says of a [`Code::Conflict`] that the database found what exists already.
    #[must_use]
    pub(crate) fn on_conflict(self, message: &str) -> Self {
        let exists = self.is_found_conflict();
        Self { exists, ..self.on_race(message) }
    }

    /// Says of a [`Code::Conflict`] that the database found what another call did meanwhile.
    #[must_use]
    pub(crate) fn on_race(mut self, message: &str) -> Self {
        if self.is_found_conflict() {
            message.clone_into(&mut self.message);
        }
        self
    }

    fn is_found_conflict(&self) -> bool {
        self.code == Code::Conflict && self.cause.is_some()
    }

    /// Says that the audit has a record of the refusal.
    #[must_use]
    pub(crate) const fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl Violation {
    /// What is wrong with which field.
    #[must_use]
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

impl Error {
    /// Stored data that is not what was written. The parser's own text may quote the data: it is not kept.
    pub(crate) fn internal_corrupt<E>(_cause: E) -> Self {
        Self::internal(StoreError::Data(std::sync::Arc::new(Corrupt)))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a stored value is not of its form")]
struct Corrupt;

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let cause: Cause = std::sync::Arc::new(error.clone());
        let unavailable = |message: &str, seconds| Self {
            cause: Some(std::sync::Arc::clone(&cause)),
            ..Self::new(Code::Unavailable, message).retry_after(seconds)
        };
        match error {
            StoreError::Busy => unavailable("the broker is busy; try again", 1),
            StoreError::Serialization(_) => unavailable("the database was contended; try again", 1),
            StoreError::OutcomeUnknown => unavailable(
                "the connection to the database broke while this was committed; look before trying again, or repeat it with the same Idempotency-Key",
                5,
            ),
            StoreError::Unavailable(_) | StoreError::Setup(_) | StoreError::NewerSchema { .. } => {
                unavailable("the database is not available; try again", 5)
            }
            StoreError::Conflict { .. } => Self {
                cause: Some(cause),
                ..Self::new(Code::Conflict, "it exists already, or changed meanwhile")
            },
            StoreError::Missing(what) => Self::new(Code::NotFound, format!("{what} does not exist")),
            StoreError::Corrupt { .. } | StoreError::Data(_) => Self::internal(error),
        }
    }
}
