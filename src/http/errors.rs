//! The words that explain each error code: a title for the problem, a meaning for the page that its `type` leads to.

use crate::broker::Code;

/// What people read about an error code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Explanation {
    /// RFC 9457's `title`: the same for every problem of the code.
    pub(super) title: &'static str,
    /// What it means and what to do.
    pub(super) meaning: &'static str,
}

/// Explains a code.
pub(super) const fn explain(code: Code) -> Explanation {
    match code {
        Code::Forbidden
        | Code::InsufficientScope
        | Code::InvalidRequest
        | Code::MalformedRequest
        | Code::MethodNotAllowed
        | Code::NotFound
        | Code::RequestTooLarge
        | Code::Unauthenticated
        | Code::UnsupportedMediaType => explain_request(code),
        _ => explain_state(code),
    }
}

/// What is wrong with the request itself.
const fn explain_request(code: Code) -> Explanation {
    let (title, meaning) = match code {
        Code::Forbidden => (
            "Forbidden",
            "The token is valid and has the scope, but who holds it may not do this: it takes an operator, or an owner \
             or admin of the organization with a role at least as high as what is asked for.",
        ),
        Code::InsufficientScope => (
            "Insufficient scope",
            "The token is valid but lacks the scope named in WWW-Authenticate. Get a token with that scope.",
        ),
        Code::InvalidRequest => (
            "Invalid request",
            "The request can be read, but one or more values cannot be accepted. The member errors names each \
             field and what is wrong with it.",
        ),
        Code::MalformedRequest => (
            "Malformed request",
            "The request cannot be read: the body is not UTF-8, is not well-formed JSON, or nests too deeply.",
        ),
        Code::MethodNotAllowed => (
            "Method not allowed",
            "The path exists but does not know the method. Allow lists those it knows.",
        ),
        Code::RequestTooLarge => ("Request too large", "A body may have at most 1 MiB."),
        Code::Unauthenticated => (
            "Unauthenticated",
            "The request carries no token, or one that is unknown, expired, revoked, used up or made for another \
             server. Send Authorization: Bearer with a valid token.",
        ),
        Code::UnsupportedMediaType => {
            ("Unsupported media type", "Bodies are JSON: send Content-Type: application/json.")
        }
        _ => (
            "Not found",
            "There is nothing here, or it is not yours: the answer is the same, so that ids of others cannot be \
             found out.",
        ),
    };
    Explanation { title, meaning }
}

/// What stands in the way of a request that is right in itself.
const fn explain_state(code: Code) -> Explanation {
    let (title, meaning) = match code {
        Code::Conflict => {
            ("Conflict", "A unique name is taken, or the row changed meanwhile. Read it again, then decide.")
        }
        Code::EntitlementLost => (
            "Entitlement lost",
            "You may no longer use a credential that the lease rests on. Drop the credentials and take a new lease.",
        ),
        Code::IdempotencyKeyReused => (
            "Idempotency key reused",
            "The Idempotency-Key came with another request before. Use a new key for a new request.",
        ),
        Code::LeaseEnded => (
            "Lease ended",
            "The lease that this Idempotency-Key made is over. Use a new key to take a new lease.",
        ),
        Code::LeaseExpired => {
            ("Lease expired", "The lease ran out. Drop the credentials and take a new lease.")
        }
        Code::LeaseRevoked => {
            ("Lease revoked", "The lease was revoked. Drop the credentials and take a new lease.")
        }
        Code::MaxRenewalsExceeded => (
            "Maximum renewals exceeded",
            "The lease was renewed as often as it may be. Take a new lease before it runs out.",
        ),
        Code::MissingCredentials => (
            "Missing credentials",
            "A service asked for has no credential that you may use. missing_services names them, \
             available_services lists what can be leased; with allow_partial the lease covers the rest.",
        ),
        Code::NotRenewable => ("Not renewable", "The lease cannot be renewed. Take a new lease."),
        Code::PreconditionFailed => (
            "Precondition failed",
            "The row changed since the version that If-Match names. Read it again, then decide.",
        ),
        Code::QuotaExceeded => {
            ("Quota exceeded", "You hold as many live leases as you may. Revoke some, or let them run out.")
        }
        Code::RateLimited => {
            ("Rate limited", "Too many requests in too short a time. Wait as long as Retry-After says.")
        }
        Code::Sealed => (
            "Sealed",
            "The key that opens the stored credentials is not there. An operator must provide it; try again later.",
        ),
        Code::Unavailable => (
            "Unavailable",
            "The database is not available, the queue of writes is full, or the answer took too long. Try again \
             after the time in Retry-After.",
        ),
        Code::UpstreamUnavailable => (
            "Upstream unavailable",
            "A service gives no token at the moment, and the one before has run out. Try again after the time in \
             Retry-After.",
        ),
        _ => (
            "Internal error",
            "A fault of the broker. The request_id names it in the broker's log; tell the operator.",
        ),
    };
    Explanation { title, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_of_its_own() {
        let mut titles: Vec<_> = Code::ALL.iter().map(|code| explain(*code).title).collect();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), Code::ALL.len());
    }
}
