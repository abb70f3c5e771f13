//! The one table that says how each error code travels: HTTP status and gRPC code side by side.
//!
//! Imported by the ways in alone; the broker knows neither protocol.

use http::StatusCode;
use tonic::Code as Rpc;

use crate::broker::{Code, tokens::types::TokenErrorCode};

/// How an error code travels.
#[must_use]
pub const fn statuses(code: Code) -> (StatusCode, Rpc) {
    match code {
        Code::Conflict => (StatusCode::CONFLICT, Rpc::Aborted),
        Code::EntitlementLost
        | Code::LeaseExpired
        | Code::LeaseRevoked
        | Code::MaxRenewalsExceeded
        | Code::NotRenewable => (StatusCode::FORBIDDEN, Rpc::FailedPrecondition),
        Code::IdempotencyKeyReused | Code::MissingCredentials => {
            (StatusCode::UNPROCESSABLE_ENTITY, Rpc::FailedPrecondition)
        }
        Code::Forbidden | Code::InsufficientScope => (StatusCode::FORBIDDEN, Rpc::PermissionDenied),
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, Rpc::Internal),
        Code::InvalidRequest => (StatusCode::UNPROCESSABLE_ENTITY, Rpc::InvalidArgument),
        Code::LeaseEnded => (StatusCode::CONFLICT, Rpc::FailedPrecondition),
        Code::MalformedRequest => (StatusCode::BAD_REQUEST, Rpc::InvalidArgument),
        Code::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, Rpc::Unimplemented),
        Code::NotFound => (StatusCode::NOT_FOUND, Rpc::NotFound),
        Code::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, Rpc::Aborted),
        Code::QuotaExceeded | Code::RateLimited => (StatusCode::TOO_MANY_REQUESTS, Rpc::ResourceExhausted),
        Code::RequestTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Rpc::InvalidArgument),
        Code::Sealed | Code::Unavailable | Code::UpstreamUnavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, Rpc::Unavailable)
        }
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, Rpc::Unauthenticated),
        Code::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Rpc::InvalidArgument),
    }
}

/// How a refusal of the token endpoint travels (RFC 6749, section 5.2).
#[must_use]
pub const fn token_statuses(code: TokenErrorCode) -> (StatusCode, Rpc) {
    match code {
        TokenErrorCode::InvalidClient => (StatusCode::UNAUTHORIZED, Rpc::Unauthenticated),
        TokenErrorCode::InvalidRequest
        | TokenErrorCode::InvalidScope
        | TokenErrorCode::InvalidTarget
        | TokenErrorCode::UnsupportedGrantType => (StatusCode::BAD_REQUEST, Rpc::InvalidArgument),
        TokenErrorCode::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, Rpc::Internal),
        TokenErrorCode::SlowDown => (StatusCode::TOO_MANY_REQUESTS, Rpc::ResourceExhausted),
        TokenErrorCode::TemporarilyUnavailable => (StatusCode::SERVICE_UNAVAILABLE, Rpc::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../docs/workers.md");

    /// A name such as `NotFound` as gRPC writes it.
    fn upper_snake(name: &str) -> String {
        let words = name.char_indices().map(|(at, c)| match c {
            c if c.is_uppercase() && at > 0 => format!("_{c}"),
            c => c.to_ascii_uppercase().to_string(),
        });
        words.collect()
    }

    #[test]
    fn the_page_for_workers_lists_every_code_with_its_statuses() {
        let lines = PAGE.lines().skip_while(|line| !line.starts_with("| code |")).skip(2);
        let rows: Vec<Vec<&str>> = lines
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        let listed: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        assert_eq!(listed, Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
        for (row, code) in rows.iter().zip(Code::ALL) {
            let (http, grpc) = statuses(*code);
            assert_eq!(row[1], http.as_str(), "{row:?}");
            let grpc = upper_snake(&format!("{grpc:?}"));
            assert!(row[2].split(", ").any(|listed| listed == grpc), "{row:?}: {grpc}");
        }
    }
}
