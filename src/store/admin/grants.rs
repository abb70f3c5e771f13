//! What happens to grants: claimed by a refresher, renewed with what it got, or left as they are; and to the applications they are
//! made with.

use crate::model::{
    application::Application, grant::Grant, id::CredentialId, instant::Instant, owner::Owner, sealed::Sealed,
    service::ServiceName,
};

/// What happens to grants, applications, and the count of calls.
#[derive(Debug, Clone)]
pub enum GrantChange {
    /// What makes a credential's tokens, anew: of exactly this version, which must be the present one plus one.
    Put(Box<Grant>),
    /// Nothing makes tokens of it any more.
    Delete(CredentialId),
    /// Takes a grant to refresh it; touches nothing when somebody else has it, or it changed.
    Claim(GrantClaim),
    /// What a refresh brought. [`crate::store::StoreError::Conflict`] when the claim went to somebody else.
    Renew(Box<RenewedGrant>),
    /// Gives a claim up. [`crate::store::StoreError::Conflict`] when it went to somebody else.
    Leave(LeftGrant),
    /// When a chore looks at it next, unless somebody is refreshing it.
    Postpone(CredentialId, Option<Instant>),
    /// Replaces a grant's envelope, if it is still `from`.
    Reseal {
        /// Of which credential.
        id: CredentialId,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// An application, or a new value of it: of exactly this version, which must be the present one plus one.
    PutApplication(Box<Application>),
    /// Forgets an application.
    DeleteApplication(Owner, ServiceName),
    /// Replaces an application's envelope, if it is still `from`.
    ResealApplication {
        /// Whose.
        owner: Owner,
        /// For which service.
        service: ServiceName,
        /// As it was read.
        from: Sealed,
        /// As it shall be.
        to: Sealed,
    },
    /// Counts a call of a service that limits them; touches nothing when there were as many as there may be.
    CountCall(UpstreamCall),
}

/// A refresher's claim, and what it is about to send.
#[derive(Debug, Clone)]
pub struct GrantClaim {
    /// Of which credential.
    pub id: CredentialId,
    /// The version that was read: another one refuses the claim.
    pub version: i64,
    /// Random: whose claim it is.
    pub token: String,
    /// Now.
    pub at: Instant,
    /// When it is anybody's again. Later than the call can last.
    pub until: Instant,
    /// The digest of the refresh token that is sent; none where sending twice repeats nothing.
    pub attempt: Option<String>,
}

/// What a refresh brought.
#[derive(Debug, Clone)]
pub struct RenewedGrant {
    /// Of which credential.
    pub id: CredentialId,
    /// Whose claim.
    pub claim: String,
    /// The version that it is sealed for: the present one plus one.
    pub version: i64,
    /// What nobody is lent.
    pub sealed: Sealed,
    /// When the refresh token runs out.
    pub refresh_expires_at: Option<Instant>,
    /// When a chore looks at it next.
    pub due_at: Option<Instant>,
    /// When a borrower's report made the refresh, if one did.
    pub reported_at: Option<Instant>,
    /// Now.
    pub at: Instant,
}

/// A refresh that brought nothing.
#[derive(Debug, Clone)]
pub struct LeftGrant {
    /// Of which credential.
    pub id: CredentialId,
    /// Whose claim.
    pub claim: String,
    /// Refreshes in a row that failed.
    pub failures: i64,
    /// Why this one did.
    pub failure: Option<String>,
    /// When a chore looks at it next.
    pub due_at: Option<Instant>,
    /// How often the present refresh token was sent with an outcome that nobody knows.
    pub uncertain: i64,
    /// As in [`RenewedGrant`].
    pub reported_at: Option<Instant>,
}

/// A call of a service that limits them.
#[derive(Debug, Clone)]
pub struct UpstreamCall {
    /// Whose limit it is.
    pub name: String,
    /// Which few seconds.
    pub slot: i64,
    /// The most in that time.
    pub most: i64,
}
