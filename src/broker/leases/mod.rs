//! Leases: create, show, list, renew, read, revoke.

mod answer;
mod create;
mod fresh;
mod minted;
mod report;
mod request;
mod signed;
pub mod types;
mod uses;

use crate::{
    model::{id::LeaseId, renewal::UseRefusal},
    store::mutation::Refusal,
};

use super::{Broker, Call, Code, Error, Violation};

impl Broker {
    /// What the store decided, for the caller: whatever it was but for the token itself, the token was good.
    fn judged<T>(&self, call: &Call, decided: Result<T, Refusal>) -> Result<T, Error> {
        if !matches!(decided, Err(Refusal::Token(_))) {
            self.proven(call);
        }
        decided.map_err(|refusal| self.refused(call, refusal))
    }

    /// The error for a mutation that a rule refused.
    pub(crate) fn refused(&self, call: &Call, refusal: Refusal) -> Error {
        let error = |code, message: &str| Error::new(code, message);
        match refusal {
            Refusal::AuthorityChanged => {
                error(Code::Conflict, "your own membership changed meanwhile; try again")
            }
            Refusal::Changed => {
                error(Code::PreconditionFailed, "it changed since you read it: read it again, then decide")
            }
            Refusal::ClientChanged | Refusal::Moved => {
                error(Code::Unavailable, "what this rests on keeps changing; try again").retry_after(1)
            }
            Refusal::IdempotencyKeyReused => {
                let message = "the Idempotency-Key came with another request before";
                error(Code::IdempotencyKeyReused, message).recorded()
            }
            Refusal::LastSigningKey => {
                let message =
                    "no other key signs on: rotate first, with `at_once` if this one may be known to others";
                error(Code::Conflict, message)
            }
            Refusal::LeaseEnded => {
                let message = "the lease that this Idempotency-Key made is over; use a new key";
                error(Code::LeaseEnded, message).recorded()
            }
            Refusal::NotFound => Error::not_found("lease").recorded(),
            Refusal::NothingToLend => {
                error(Code::MissingCredentials, "no credentials available for requested services")
            }
            Refusal::QuotaExceeded => {
                let max = self.limits.max_leases_per_principal;
                let message =
                    format!("{max} live leases are the most; revoke some, share one with `reuse`, or wait");
                Error::new(Code::QuotaExceeded, message).retry_after(60).recorded()
            }
            Refusal::Token(refusal) => self.token_refused(call, refusal),
            Refusal::TooManyTokens(most) => {
                Error::new(Code::QuotaExceeded, format!("{most} tokens are the most; revoke some"))
            }
            Refusal::TtlTooLong => Error::invalid(vec![Violation::new(
                "ttl",
                "a renewal's ttl must not be longer than the lease's own",
            )]),
            Refusal::Use(refusal) => use_refused(refusal).recorded(),
        }
    }
}

fn use_refused(refusal: UseRefusal) -> Error {
    let (code, message) = match refusal {
        UseRefusal::EntitlementLost => (
            Code::EntitlementLost,
            "the borrower may no longer use what the lease rests on: drop the credentials",
        ),
        UseRefusal::Expired => (Code::LeaseExpired, "the lease has expired: take a new one"),
        UseRefusal::MaxRenewals => {
            (Code::MaxRenewalsExceeded, "maximum renewal count reached: take a new lease")
        }
        UseRefusal::NotRenewable => (Code::NotRenewable, "the lease is not renewable"),
        UseRefusal::Revoked => (Code::LeaseRevoked, "the lease was revoked: drop the credentials"),
    };
    Error::new(code, message)
}

/// A text that is no lease id names no lease.
fn lease_id(text: &str) -> Result<LeaseId, Error> {
    text.parse().map_err(|_| Error::not_found("lease"))
}
