//! Authentication: from what a caller shows to a [`Caller`].
//!
//! What is cached is the reading of a token: parsing, signature, digest look-up. Whether it still stands is asked of the
//! database by each operation, in the same transaction or read as what it is about.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::{
    keyring::{
        digest::TokenDigest,
        jwt::{self, ACCESS_TOKEN_TYPE, JwtError},
        machine_secret::SecretKind,
    },
    model::{
        holdings::Subject,
        id::{ClientId, TokenId},
        instant::Instant,
        organization::Role,
        owner::Owner,
        principal::Principal,
        scope::ScopeSet,
        token::{Disbelief, Token, TokenReading, TokenRefusal},
    },
    telemetry,
};

use super::{Broker, Call, Caller, Code, Error, Origin};

/// Tokens as read, by digest.
pub(crate) struct CallerCache {
    entries: Cache<[u8; 32], Arc<Read>>,
}

/// A token, read and verified.
pub(crate) struct Read {
    pub(crate) caller: Caller,
    pub(crate) expires_at: Option<Instant>,
}

/// The claims of an access token: RFC 9068, section 2.2, and the broker's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) client_id: ClientId,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: TokenId,
    pub(crate) scope: ScopeSet,
    /// Whom the client acts for.
    pub(crate) owner: Owner,
    /// The client's epoch: a token of an older one is refused.
    pub(crate) epoch: i64,
    /// The role that an organization's client acts with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
}

impl CallerCache {
    pub(crate) fn new() -> Self {
        Self { entries: Cache::new(ENTRIES) }
    }

    /// Forgets a token that was refused, so that the next use reads it anew.
    pub(crate) fn forget(&self, token: TokenId) {
        self.entries.retain(|_, read| read.caller.token_id != token);
    }
}

impl Broker {
    /// Reads the value of an `Authorization` header (HTTP) or metadata entry (gRPC), verifies the token in it, and
    /// admits the call under the principal's rate limit.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`], [`Code::RateLimited`], [`Code::Unavailable`].
    pub async fn authenticate(&self, authorization: Option<&str>, origin: Origin) -> Result<Call, Error> {
        let now = self.clock.now();
        let read = match self.read_authorization(authorization, &origin).await {
            Ok(read) => read,
            Err(Unread::Refused(refused)) => return Err(self.refuse(&origin, refused)),
            Err(Unread::Failed(error)) => return Err(error),
        };
        if read.expires_at.is_some_and(|at| at <= now) {
            return Err(self.refuse(&origin, Refused::from(TokenRefusal::Expired)));
        }
        let call = Call { origin, caller: read.caller.clone() };
        if let Err(seconds) = self.rate.admit(&call.caller.principal, now) {
            self.record_refusal(&call, "authenticate", None, Code::RateLimited);
            return Err(Error::new(Code::RateLimited, "too many requests; slow down").retry_after(seconds));
        }
        if call.caller.limited {
            self.count_use(&call.caller, &call.origin).await?;
        }
        telemetry::note_principal(call.caller.principal);
        Ok(call)
    }

    /// The database found that the call's token stands.
    pub(crate) fn proven(&self, call: &Call) {
        self.usage.succeeded(call, self.clock.now());
    }

    /// The error for a token that the database refused in the midst of an operation.
    pub(crate) fn token_refused(&self, call: &Call, refusal: TokenRefusal) -> Error {
        self.callers.forget(call.caller.token_id);
        if refusal == TokenRefusal::StaleSignature {
            self.signing.forget();
        }
        self.refuse(&call.origin, Refused::from(refusal))
    }

    async fn read_authorization(
        &self,
        authorization: Option<&str>,
        origin: &Origin,
    ) -> Result<Arc<Read>, Unread> {
        let header = authorization.ok_or(Refused {
            reason: Disbelief::MissingToken.as_str(),
            message: "missing authorization token",
        })?;
        let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.len() > MAX_TOKEN_BYTES {
            let message = "the Authorization header must be `Bearer ` and a token";
            return Err(Refused { reason: Disbelief::MalformedHeader.as_str(), message }.into());
        }
        let digest = *TokenDigest::of(token).as_bytes();
        let cached = self.callers.entries.get(&digest);
        if let Some(read) = cached.filter(|read| self.signing.may_have_read(read.caller.reading)) {
            return Ok(read);
        }
        // Reading costs a signature check or a look-up: who fails all the time waits.
        let address = origin.address.clone().unwrap_or_default();
        if self.failures.is_exhausted(&address, self.clock.now()) {
            let message = "too many failed attempts from this address; slow down";
            self.usage.failed(origin.anonymous(), Code::RateLimited.as_str(), self.clock.now());
            return Err(Unread::Failed(Error::new(Code::RateLimited, message).retry_after(1)));
        }
        let read = Arc::new(self.read_token(token).await?);
        self.callers.entries.insert(digest, Arc::clone(&read));
        Ok(read)
    }

    async fn read_token(&self, token: &str) -> Result<Read, Unread> {
        if matches!(SecretKind::of(token), Some(SecretKind::McpToken | SecretKind::DevelopmentMcpToken)) {
            return self.read_mcp_token(token).await;
        }
        let (claims, reading) = self.verify_access_token(token).await.map_err(|unread| match unread {
            Unverified::Failed(error) => Unread::Failed(error),
            Unverified::Jwt(error) => {
                tracing::debug!(%error, "an access token was refused");
                Unread::from(INVALID)
            }
        })?;
        if claims.aud != self.issuer_url || claims.iss != self.issuer_url {
            let message = "the token is for another audience";
            return Err(Refused { reason: Disbelief::WrongAudience.as_str(), message }.into());
        }
        let expires_at = Some(Instant::from_micros(0).plus_seconds(claims.exp));
        let subject = subject_of(claims.owner, claims.role.as_deref()).ok_or(INVALID)?;
        let caller = Caller {
            token_id: claims.jti,
            reading,
            principal: Principal::Client(claims.client_id),
            client_id: Some(claims.client_id),
            user_id: subject.user_id(),
            owner: claims.owner,
            subject,
            scopes: Arc::new(claims.scope),
            limited: false,
        };
        Ok(Read { caller, expires_at })
    }

    /// The claims of an access token that one of the published keys signed, and what they were read at; nothing else is
    /// checked.
    pub(crate) async fn verify_access_token(
        &self,
        token: &str,
    ) -> Result<(Claims, TokenReading), Unverified> {
        let mut keys = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        let mut verified = jwt::verify(keys.verifying(), ACCESS_TOKEN_TYPE, token);
        if matches!(verified, Err(JwtError::KeyUnknown)) {
            keys = self.signing.refreshed(&self.store, &self.vault, &*self.clock).await?;
            verified = jwt::verify(keys.verifying(), ACCESS_TOKEN_TYPE, token);
        }
        let claims: Claims = verified?;
        let reading = TokenReading { epoch: claims.epoch, withdrawals: Some(keys.withdrawals()) };
        Ok((claims, reading))
    }

    async fn read_mcp_token(&self, token: &str) -> Result<Read, Unread> {
        let found = self.store.rows().find_mcp_token(&TokenDigest::of(token).to_string()).await;
        let token: Token = found.map_err(|error| Unread::Failed(error.into()))?.ok_or(INVALID)?;
        let principal = token.principal().ok_or(INVALID)?;
        let caller = Caller {
            token_id: token.id,
            reading: TokenReading { epoch: token.epoch, withdrawals: None },
            principal,
            client_id: None,
            user_id: token.user_id,
            owner: token.owner,
            subject: token.user_id.map_or(Subject::Operator, Subject::User),
            scopes: Arc::new(token.scopes),
            limited: token.max_usages.is_some(),
        };
        Ok(Read { caller, expires_at: token.expires_at })
    }

    async fn count_use(&self, caller: &Caller, origin: &Origin) -> Result<(), Error> {
        match self.store.use_token(caller.token_id).await? {
            Ok(()) => Ok(()),
            Err(crate::store::mutation::Refusal::Token(refusal)) => {
                self.callers.forget(caller.token_id);
                Err(self.refuse(origin, Refused::from(refusal)))
            }
            Err(_) => Err(self.refuse(origin, INVALID)),
        }
    }

    fn refuse(&self, origin: &Origin, refused: Refused) -> Error {
        let now = self.clock.now();
        let address = origin.address.clone().unwrap_or_default();
        // Only counted here; the next reading of a token from this address looks at it.
        let _ = self.failures.admit(&address, now);
        telemetry::note_unproven(refused.reason);
        self.usage.failed(origin.anonymous(), refused.reason, now);
        Error::unauthenticated(refused.message)
    }
}

/// Whose holdings a client resolves: its owner's, with the role it was registered with when that is an organization.
pub(crate) fn subject_of(owner: Owner, role: Option<&str>) -> Option<Subject> {
    match owner {
        Owner::Organization(organization_id) => {
            let role: Role = role?.parse().ok()?;
            Some(Subject::OrganizationClient { organization_id, role })
        }
        Owner::System => Some(Subject::Operator),
        Owner::User(id) => Some(Subject::User(id)),
    }
}

/// Why an access token could not be verified.
pub(crate) enum Unverified {
    Failed(Error),
    Jwt(JwtError),
}

impl From<Error> for Unverified {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<JwtError> for Unverified {
    fn from(error: JwtError) -> Self {
        Self::Jwt(error)
    }
}

/// Why a token could not be read.
enum Unread {
    Failed(Error),
    Refused(Refused),
}

/// Why a caller is not believed: a stable reason for the record, a text for the caller.
#[derive(Clone, Copy)]
struct Refused {
    reason: &'static str,
    message: &'static str,
}

impl From<Refused> for Unread {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<TokenRefusal> for Refused {
    fn from(refusal: TokenRefusal) -> Self {
        let message = match refusal {
            TokenRefusal::Expired => "token has expired",
            TokenRefusal::UsedUp => "token usage limit exceeded",
            TokenRefusal::HolderInactive
            | TokenRefusal::Revoked
            | TokenRefusal::StaleEpoch
            | TokenRefusal::StaleSignature
            | TokenRefusal::Unknown => INVALID.message,
        };
        Self { reason: refusal.as_str(), message }
    }
}

/// The same words for a token that is malformed, forged, unknown, revoked or stale.
const INVALID: Refused = Refused { reason: Disbelief::InvalidToken.as_str(), message: "invalid token" };
const MAX_TOKEN_BYTES: usize = 4_096;
const ENTRIES: usize = 10_000;
