//! Leases: create, show, list, renew, read, revoke.

pub mod types;

use types::{
    CreateLease, LeaseCredentials, LeaseGrant, LeasePage, LeaseView, ListLeases, RenewLease, RenewedLease,
    RevokedLease, WhoAmI,
};

use super::{Broker, Call, Error, Origin};

/// Stubs, replaced by the rules themselves while the ways in are written against them.
#[expect(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::needless_pass_by_value,
    reason = "to come"
)]
impl Broker {
    /// Reads the value of an `Authorization` header (HTTP) or metadata entry (gRPC), verifies the token in it, and
    /// admits the call (rate limit).
    pub async fn authenticate(&self, authorization: Option<&str>, origin: Origin) -> Result<Call, Error> {
        let _ = (authorization, origin);
        Err(Error::not_found("stub"))
    }

    /// Who the caller is.
    pub async fn who_am_i(&self, call: &Call) -> Result<WhoAmI, Error> {
        let _ = call;
        Err(Error::not_found("stub"))
    }

    /// Takes a lease.
    pub async fn create_lease(&self, call: &Call, request: CreateLease) -> Result<LeaseGrant, Error> {
        let _ = (call, request);
        Err(Error::not_found("stub"))
    }

    /// Shows a lease, never a secret. `id` as sent.
    pub async fn show_lease(&self, call: &Call, id: &str) -> Result<LeaseView, Error> {
        let _ = (call, id);
        Err(Error::not_found("stub"))
    }

    /// Lists own leases.
    pub async fn list_leases(&self, call: &Call, request: ListLeases) -> Result<LeasePage, Error> {
        let _ = (call, request);
        Err(Error::not_found("stub"))
    }

    /// Renews a lease.
    pub async fn renew_lease(
        &self,
        call: &Call,
        id: &str,
        request: RenewLease,
    ) -> Result<RenewedLease, Error> {
        let _ = (call, id, request);
        Err(Error::not_found("stub"))
    }

    /// Reads a lease's values again.
    pub async fn read_credentials(&self, call: &Call, id: &str) -> Result<LeaseCredentials, Error> {
        let _ = (call, id);
        Err(Error::not_found("stub"))
    }

    /// Takes a lease back.
    pub async fn revoke_lease(
        &self,
        call: &Call,
        id: &str,
        reason: Option<String>,
    ) -> Result<RevokedLease, Error> {
        let _ = (call, id, reason);
        Err(Error::not_found("stub"))
    }
}
