//! The broker's errors as gRPC statuses, with the details of `google.rpc`.
//!
//! Every status carries an `ErrorInfo` of the domain `leasehold`, whose reason is the HTTP code in `UPPER_SNAKE`; a
//! wrong field adds `BadRequest`, missing credentials `PreconditionFailure`, and what passes with time `RetryInfo`.
//! The code and the internal cause travel as the status's source, for the record of the call. Details are bounded:
//! clients refuse metadata of more than 8 KiB.

use std::{collections::HashMap, error::Error as StdError, sync::Arc, time::Duration};

use axum::response::Response;
use tonic::{Code as Rpc, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::{
    broker::{
        Error, MissingCredentials, Violation,
        tokens::types::{TokenError, TokenErrorCode},
    },
    wire::{statuses, token_statuses},
};

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let Error { code, message, violations, missing, retry_after, exists, recorded: _, cause } = error;
        // Whoever lost a race may try again, whoever made something twice need not.
        let rpc = if exists { Rpc::AlreadyExists } else { statuses(code).1 };
        let mut details = ErrorDetails::new();
        let lists = missing.as_deref().map_or_else(HashMap::new, lists);
        details.set_error_info(reason(code.as_str()), DOMAIN, lists);
        if !violations.is_empty() {
            details.set_bad_request(field_violations(violations));
        }
        if let Some(missing) = &missing {
            details.set_precondition_failure(preconditions(missing));
        }
        set_retry(&mut details, rpc, retry_after);
        let mut status = Self::with_error_details(rpc, shortened(message, MESSAGE_BYTES), details);
        status.set_source(Arc::new(Reason { code: code.as_str(), cause }));
        status
    }
}

impl From<TokenError> for Status {
    fn from(error: TokenError) -> Self {
        // Whether HTTP Basic was used decides a challenge, which gRPC has none of.
        let TokenError { code, description, basic: _, retry_after } = error;
        let (_, rpc) = token_statuses(code);
        let field = token_field(code);
        let mut details = ErrorDetails::with_error_info(reason(code.as_str()), DOMAIN, HashMap::new());
        let description = shortened(description, MESSAGE_BYTES);
        if let Some(field) = field {
            details.add_bad_request_violation(field, description.as_str());
        }
        set_retry(&mut details, rpc, retry_after);
        let mut status = Self::with_error_details(rpc, description, details);
        status.set_source(Arc::new(Reason { code: code.as_str(), cause: None }));
        status
    }
}

/// Why a call failed, for its record. It travels as the status's source, which the wire never sees.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub(super) struct Reason {
    /// The stable code.
    pub(super) code: &'static str,
    #[source]
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Reason {
    /// What caused it.
    pub(super) fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

/// The code that an answer carries. An answer with a message in it has none yet in its headers: it is OK.
pub(super) fn code_of(response: &Response) -> Rpc {
    if let Some(status) = response.extensions().get::<Status>() {
        return status.code();
    }
    response.headers().get("grpc-status").map_or(Rpc::Ok, |value| Rpc::from_bytes(value.as_bytes()))
}

/// The field that a refusal of the token endpoint is about.
const fn token_field(code: TokenErrorCode) -> Option<&'static str> {
    match code {
        TokenErrorCode::InvalidScope => Some("scope"),
        TokenErrorCode::InvalidTarget => Some("resource"),
        TokenErrorCode::UnsupportedGrantType => Some("grant_type"),
        TokenErrorCode::InvalidClient
        | TokenErrorCode::InvalidRequest
        | TokenErrorCode::ServerError
        | TokenErrorCode::SlowDown
        | TokenErrorCode::TemporarilyUnavailable => None,
    }
}

fn reason(code: &str) -> String {
    code.to_ascii_uppercase()
}

fn set_retry(details: &mut ErrorDetails, rpc: Rpc, retry_after: Option<u32>) {
    let passes = matches!(rpc, Rpc::ResourceExhausted | Rpc::Unavailable);
    let seconds = retry_after.or_else(|| passes.then_some(DEFAULT_RETRY_SECONDS));
    if let Some(seconds) = seconds {
        details.set_retry_info(Some(Duration::from_secs(seconds.into())));
    }
}

fn field_violations(violations: Vec<Violation>) -> Vec<FieldViolation> {
    within(violations, |violation| violation.field.len() + violation.reason.len())
        .map(|Violation { field, reason }| FieldViolation::new(field, reason))
        .collect()
}

fn preconditions(missing: &MissingCredentials) -> Vec<PreconditionViolation> {
    let MissingCredentials { missing_services, available_services: _ } = missing;
    let description = "no credential of it can be lent to the caller";
    within(missing_services, |service| service.len() + 2 * description.len())
        .map(|service| PreconditionViolation::new("MISSING_CREDENTIALS", service, description))
        .collect()
}

fn lists(missing: &MissingCredentials) -> HashMap<String, String> {
    let MissingCredentials { missing_services, available_services } = missing;
    let mut lists = HashMap::new();
    for (name, services) in
        [("missing_services", missing_services), ("available_services", available_services)]
    {
        let shown: Vec<&str> = within(services, |service| service.len() + 1).map(String::as_str).collect();
        if shown.len() < services.len() {
            lists.insert(format!("{name}_omitted"), (services.len() - shown.len()).to_string());
        }
        lists.insert(name.to_owned(), shown.join(","));
    }
    lists
}

/// As many of the first items as fit into the bound.
fn within<T>(items: impl IntoIterator<Item = T>, len: impl Fn(&T) -> usize) -> impl Iterator<Item = T> {
    items.into_iter().scan(LIST_BYTES, move |left, item| {
        *left = left.checked_sub(len(&item))?;
        Some(item)
    })
}

fn shortened(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

const DOMAIN: &str = "leasehold";
/// What a client should wait when an error that passes with time doesn't say.
const DEFAULT_RETRY_SECONDS: u32 = 1;
const LIST_BYTES: usize = 1_000;
const MESSAGE_BYTES: usize = 500;

#[cfg(test)]
mod tests {
    use std::{error::Error as _, fmt::Write as _, sync::Arc};

    use crate::broker::Code;

    use super::*;

    #[test]
    fn every_code_has_its_status_and_reason() {
        let mut table = String::new();
        for code in Code::ALL {
            let status = Status::from(Error::new(*code, "text"));
            let details = status.get_error_details();
            let info = details.error_info().expect("an ErrorInfo");
            assert_eq!((info.domain.as_str(), status.message()), ("leasehold", "text"));
            let retry = if details.retry_info().is_some() { " retry" } else { "" };
            writeln!(table, "{} {:?}{retry}", info.reason, status.code()).expect("memory");
        }
        assert_eq!(
            table,
            "CONFLICT Aborted\n\
             ENTITLEMENT_LOST FailedPrecondition\n\
             FORBIDDEN PermissionDenied\n\
             IDEMPOTENCY_KEY_REUSED FailedPrecondition\n\
             INSUFFICIENT_SCOPE PermissionDenied\n\
             INTERNAL Internal\n\
             INVALID_REQUEST InvalidArgument\n\
             LEASE_ENDED FailedPrecondition\n\
             LEASE_EXPIRED FailedPrecondition\n\
             LEASE_REVOKED FailedPrecondition\n\
             MALFORMED_REQUEST InvalidArgument\n\
             MAX_RENEWALS_EXCEEDED FailedPrecondition\n\
             METHOD_NOT_ALLOWED Unimplemented\n\
             MISSING_CREDENTIALS FailedPrecondition\n\
             NOT_FOUND NotFound\n\
             NOT_RENEWABLE FailedPrecondition\n\
             PRECONDITION_FAILED Aborted\n\
             QUOTA_EXCEEDED ResourceExhausted retry\n\
             RATE_LIMITED ResourceExhausted retry\n\
             REQUEST_TOO_LARGE InvalidArgument\n\
             SEALED Unavailable retry\n\
             UNAUTHENTICATED Unauthenticated\n\
             UNAVAILABLE Unavailable retry\n\
             UPSTREAM_UNAVAILABLE Unavailable retry\n\
             UNSUPPORTED_MEDIA_TYPE InvalidArgument\n"
        );
    }

    #[test]
    fn what_exists_already_is_told_from_a_race() {
        let found =
            || Error::from(crate::store::StoreError::Conflict { constraint: "users.email".to_owned() });
        for (error, rpc) in [
            (found().on_conflict("a user with this e-mail address exists"), Rpc::AlreadyExists),
            (found().on_race("it changed meanwhile"), Rpc::Aborted),
            (found(), Rpc::Aborted),
            (Error::new(Code::NotFound, "no such user").on_conflict("a user exists"), Rpc::NotFound),
        ] {
            let status = Status::from(error);
            assert_eq!(status.code(), rpc, "{status:?}");
        }
    }

    #[test]
    fn every_token_refusal_has_its_status_reason_and_field() {
        use TokenErrorCode as T;
        for (code, rpc, reason, field) in [
            (T::InvalidClient, Rpc::Unauthenticated, "INVALID_CLIENT", None),
            (T::InvalidRequest, Rpc::InvalidArgument, "INVALID_REQUEST", None),
            (T::InvalidScope, Rpc::InvalidArgument, "INVALID_SCOPE", Some("scope")),
            (T::InvalidTarget, Rpc::InvalidArgument, "INVALID_TARGET", Some("resource")),
            (T::ServerError, Rpc::Internal, "SERVER_ERROR", None),
            (T::SlowDown, Rpc::ResourceExhausted, "SLOW_DOWN", None),
            (T::TemporarilyUnavailable, Rpc::Unavailable, "TEMPORARILY_UNAVAILABLE", None),
            (T::UnsupportedGrantType, Rpc::InvalidArgument, "UNSUPPORTED_GRANT_TYPE", Some("grant_type")),
        ] {
            let status = Status::from(TokenError::new(code, "text"));
            let details = status.get_error_details();
            assert_eq!((status.code(), status.message()), (rpc, "text"));
            assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some(reason));
            let found = details.bad_request().and_then(|bad| bad.field_violations.first());
            assert_eq!(found.map(|violation| violation.field.as_str()), field);
            let passes = matches!(rpc, Rpc::ResourceExhausted | Rpc::Unavailable);
            assert_eq!(details.retry_info().is_some(), passes);
        }
    }

    #[test]
    fn what_is_wrong_and_what_is_missing_is_listed() {
        let mut error = Error::invalid(vec![Violation::new("ttl", "too short")]).retry_after(7);
        error.missing = Some(Box::new(MissingCredentials {
            missing_services: vec!["jira".to_owned(), "tray/12".to_owned()],
            available_services: vec!["todo".to_owned()],
        }));
        let details = Status::from(error).get_error_details();
        let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        let fields: Vec<_> = fields.iter().map(|f| (f.field.as_str(), f.description.as_str())).collect();
        assert_eq!(fields, [("ttl", "too short")]);
        let preconditions = details.precondition_failure().map(|p| p.violations.clone()).unwrap_or_default();
        let subjects: Vec<&str> = preconditions.iter().map(|violation| violation.subject.as_str()).collect();
        assert_eq!(subjects, ["jira", "tray/12"]);
        let metadata = &details.error_info().expect("an ErrorInfo").metadata;
        assert_eq!(metadata.get("missing_services").map(String::as_str), Some("jira,tray/12"));
        assert_eq!(metadata.get("available_services").map(String::as_str), Some("todo"));
        assert_eq!(details.retry_info().and_then(|r| r.retry_delay), Some(Duration::from_secs(7)));
    }

    #[test]
    fn details_fit_into_the_metadata_that_clients_accept() {
        let names: Vec<String> = (0..10_000).map(|n| format!("service-{n}/{}", "x".repeat(200))).collect();
        let mut error = Error::invalid(names.iter().map(|name| Violation::new(name, "unknown")).collect());
        error.message = "ü".repeat(5_000);
        error.missing =
            Some(Box::new(MissingCredentials { missing_services: names.clone(), available_services: names }));
        let status = Status::from(error);
        let response = status.clone().into_http::<()>();
        let bytes: usize =
            response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(bytes < 8_000, "{bytes}");
        let info = status.get_details_error_info().expect("an ErrorInfo");
        assert_eq!(info.metadata.get("missing_services_omitted").map(String::as_str), Some("9996"));
    }

    #[test]
    fn the_cause_is_kept_for_the_log_and_never_sent() {
        let cause =
            Arc::new(std::io::Error::other("canary-disk")) as Arc<dyn std::error::Error + Send + Sync>;
        let status = Status::from(Error::internal(cause));
        let reason = status.source().and_then(|source| source.downcast_ref::<Reason>()).expect("a reason");
        assert_eq!(reason.code, "internal");
        assert_eq!(reason.cause().map(ToString::to_string).as_deref(), Some("canary-disk"));
        let sent = status.into_http::<()>();
        assert!(!format!("{:?}", sent.headers()).contains("canary"));
        let details = sent.headers().get("grpc-status-details-bin").expect("details");
        let details = data_encoding::BASE64_NOPAD.decode(details.as_bytes()).expect("base64");
        assert!(!String::from_utf8_lossy(&details).contains("canary"));
    }
}
