//! Audit: what is recorded of every operation, success and refusal. Values of secrets never enter a record.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{id::TokenId, instant::Instant, named::named, owner::Owner};

named! {
    /// What happened.
    EventName, "audit event":
    /// An application was forgotten.
    ApplicationDeleted = "application_deleted";
    /// An application was registered, or got another id and secret.
    ApplicationPut = "application_put";
    /// A process began a chain; names the chains it saw.
    ChainStarted = "chain_started";
    /// A client was registered.
    ClientCreated = "client_created";
    /// A client was deleted.
    ClientDeleted = "client_deleted";
    /// A client got a new secret.
    ClientSecretRotated = "client_secret_rotated";
    /// A client was changed or switched.
    ClientUpdated = "client_updated";
    /// A link to connect an account was made.
    ConnectLinkCreated = "connect_link_created";
    /// Nothing came of a link to connect an account, or it was taken back.
    ConnectLinkEnded = "connect_link_ended";
    /// Whoever asked for a connection confirmed the account.
    CredentialConfirmed = "credential_confirmed";
    /// An account was connected.
    CredentialConnected = "credential_connected";
    /// A credential was deposited.
    CredentialCreated = "credential_created";
    /// A credential was deleted.
    CredentialDeleted = "credential_deleted";
    /// The values of a lease's credentials were read again.
    CredentialRead = "credential_read";
    /// A reading of credentials was refused.
    CredentialReadDenied = "credential_read_denied";
    /// A credential got a new value.
    CredentialRotated = "credential_rotated";
    /// A service ended a connection: the account must be connected again.
    CredentialNeedsReauth = "credential_needs_reauth";
    /// An account is blocked, inactive or gone at its service.
    CredentialUpstreamDisabled = "credential_upstream_disabled";
    /// A borrower said that a service refuses what it was lent.
    CredentialReported = "credential_reported";
    /// A credential's status or sharing changed.
    CredentialUpdated = "credential_updated";
    /// A credential was tried at its service.
    CredentialValidated = "credential_validated";
    /// A data, root or signing key was made, rotated, rewrapped or retired.
    KeyRotated = "key_rotated";
    /// A lease was taken.
    LeaseCreated = "lease_created";
    /// A lease was refused.
    LeaseDenied = "lease_denied";
    /// A lease ran out.
    LeaseExpired = "lease_expired";
    /// A renewal was refused.
    LeaseRenewDenied = "lease_renew_denied";
    /// A lease was renewed.
    LeaseRenewed = "lease_renewed";
    /// A lease was revoked.
    LeaseRevoked = "lease_revoked";
    /// A caller could not prove who it is; coalesced per address and reason.
    McpAuthFailed = "mcp_auth_failed";
    /// A caller proved who it is; coalesced per token.
    McpAuthSuccess = "mcp_auth_success";
    /// The database is an older one, and whoever runs the broker accepted it: whatever was lent before is void.
    DatabaseRestored = "database_restored";
    /// A membership was made.
    MemberAdded = "member_added_to_org";
    /// A membership ended.
    MemberRemoved = "member_removed_from_org";
    /// A member's role changed.
    MemberRoleUpdated = "member_role_updated";
    /// Reads, which change nothing and hand no secret out; coalesced per caller and operation.
    OperationCounted = "operation_counted";
    /// A call was refused before it touched anything; coalesced per caller, operation and code.
    OperationRefused = "operation_refused";
    /// An invitation was accepted.
    InvitationAccepted = "organization_invitation_accepted";
    /// An invitation got a new link and a new time.
    InvitationResent = "organization_invitation_resent";
    /// An invitation was taken back.
    InvitationRevoked = "organization_invitation_revoked";
    /// An invitation was made.
    InvitationSent = "organization_invitation_sent";
    /// An organization was made.
    OrganizationCreated = "organization_created";
    /// An organization was deleted.
    OrganizationDeleted = "organization_deleted";
    /// An organization changed.
    OrganizationUpdated = "organization_updated";
    /// A resource server was registered.
    ResourceCreated = "resource_created";
    /// A resource server is registered no longer.
    ResourceDeleted = "resource_deleted";
    /// A revocation by filter took effect.
    RevocationCreated = "revocation_created";
    /// A token was issued.
    TokenCreated = "token_created";
    /// A token was refused.
    TokenDenied = "token_denied";
    /// A token's lease of life went on with a new text.
    TokenRotated = "token_rotated";
    /// A token was renamed, or switched on or off.
    TokenUpdated = "token_updated";
    /// A token was revoked.
    TokenRevoked = "token_revoked";
    /// A service is asked for a token for one lease.
    UpstreamTokenRequested = "upstream_token_requested";
    /// A service made a token for one lease.
    UpstreamTokenMinted = "upstream_token_minted";
    /// A token of one lease was withdrawn at its service.
    UpstreamTokenWithdrawn = "upstream_token_withdrawn";
    /// A token of one lease cannot be withdrawn: it is good until it runs out.
    UpstreamTokenUnrevocable = "upstream_token_unrevocable";
    /// A token was not refreshed; the first of a row of failures.
    UpstreamRefreshFailed = "upstream_refresh_failed";
    /// A service gave a new token.
    UpstreamTokenRefreshed = "upstream_token_refreshed";
    /// A user was made.
    UserCreated = "user_created";
    /// A user changed.
    UserUpdated = "user_updated";
}

/// How the records looked for ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// They succeeded.
    Success,
    /// They were refused, whatever the code.
    Refused,
    /// They were refused with this code.
    Code(String),
}

/// The text names no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `success`, `refused`, or the code of a refusal such as `not_found`")]
pub struct ParseOutcomeError;

impl fmt::Display for OutcomeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Code(code) => code,
        })
    }
}

impl FromStr for OutcomeFilter {
    type Err = ParseOutcomeError;

    fn from_str(text: &str) -> Result<Self, ParseOutcomeError> {
        match text {
            "success" => Ok(Self::Success),
            "refused" => Ok(Self::Refused),
            code if (1..=64).contains(&code.len())
                && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') =>
            {
                Ok(Self::Code(code.to_owned()))
            }
            _ => Err(ParseOutcomeError),
        }
    }
}

/// Who does something, and from where. Made once per call and carried to the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// A principal's id, `anonymous`, or `system` for chores.
    pub id: String,
    /// The token that was shown.
    pub token_id: Option<TokenId>,
    /// On whose behalf: the owner whose rows are touched.
    pub owner: Option<Owner>,
    /// The address that the call came from.
    pub address: Option<String>,
    /// The call's id.
    pub request_id: Option<String>,
}

impl Actor {
    /// The broker itself, in a chore or at start.
    #[must_use]
    pub fn system() -> Self {
        Self { id: "system".to_owned(), token_id: None, owner: None, address: None, request_id: None }
    }
}

/// One record, before it is chained.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// When.
    pub at: Instant,
    /// What.
    pub event: EventName,
    /// Who.
    pub actor: Actor,
    /// The id of what it happened to.
    pub target: Option<String>,
    /// None for a success; else the stable code of the refusal.
    pub refusal: Option<String>,
    /// More, never a secret.
    pub details: Map<String, Value>,
}

impl AuditRecord {
    /// A record of a success, without details.
    #[must_use]
    pub fn success(event: EventName, actor: &Actor, target: impl fmt::Display, at: Instant) -> Self {
        let target = Some(target.to_string());
        Self { at, event, actor: actor.clone(), target, refusal: None, details: Map::new() }
    }

    /// A record of a refusal.
    #[must_use]
    pub fn refusal(event: EventName, actor: &Actor, target: Option<String>, code: &str, at: Instant) -> Self {
        Self { at, event, actor: actor.clone(), target, refusal: Some(code.to_owned()), details: Map::new() }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }
}
