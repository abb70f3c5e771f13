//! Leases: create, show, list, renew, read, revoke.

mod answer;
mod create;
mod request;
pub mod types;
mod uses;

use crate::{model::id::LeaseId, store::mutation::Refusal};

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
        use crate::model::renewal::UseRefusal;
        let error = |code, message: &str| Error::new(code, message);
        match refusal {
            Refusal::ClientChanged | Refusal::Moved => {
                error(Code::Unavailable, "what this rests on keeps changing; try again").retry_after(1)
            }
            Refusal::IdempotencyKeyReused => {
                error(Code::IdempotencyKeyReused, "the Idempotency-Key came with another request before")
            }
            Refusal::LeaseEnded => {
                error(Code::LeaseEnded, "the lease that this Idempotency-Key made is over; use a new key")
            }
            Refusal::NotFound => Error::not_found("lease"),
            Refusal::NothingToLend => {
                error(Code::MissingCredentials, "no credentials available for requested services")
            }
            Refusal::QuotaExceeded => {
                let max = self.limits.max_leases_per_principal;
                let message =
                    format!("{max} live leases are the most; revoke some, share one with `reuse`, or wait");
                Error::new(Code::QuotaExceeded, message).retry_after(60)
            }
            Refusal::Token(refusal) => self.token_refused(call, refusal),
            Refusal::TtlTooLong => Error::invalid(vec![Violation::new(
                "ttl",
                "a renewal's ttl must not be longer than the lease's own",
            )]),
            Refusal::Use(UseRefusal::EntitlementLost) => error(
                Code::EntitlementLost,
                "the borrower may no longer use what the lease rests on: drop the credentials",
            ),
            Refusal::Use(UseRefusal::Expired) => {
                error(Code::LeaseExpired, "the lease has expired: take a new one")
            }
            Refusal::Use(UseRefusal::MaxRenewals) => {
                error(Code::MaxRenewalsExceeded, "maximum renewal count reached: take a new lease")
            }
            Refusal::Use(UseRefusal::NotRenewable) => error(Code::NotRenewable, "the lease is not renewable"),
            Refusal::Use(UseRefusal::Revoked) => {
                error(Code::LeaseRevoked, "the lease was revoked: drop the credentials")
            }
        }
    }
}

/// A text that is no lease id names no lease.
fn lease_id(text: &str) -> Result<LeaseId, Error> {
    text.parse().map_err(|_| Error::not_found("lease"))
}
