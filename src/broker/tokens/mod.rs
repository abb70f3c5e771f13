//! Tokens: issue, introspect, revoke, publish keys.

pub mod types;

use types::{ClientCredentials, Introspection, IssueToken, IssuedToken, TokenError, TokenErrorCode};

use super::{Broker, Origin};

/// Stubs, replaced by the rules themselves while the ways in are written against them.
#[expect(
    clippy::unused_async,
    clippy::missing_errors_doc,
    clippy::needless_pass_by_value,
    reason = "to come"
)]
impl Broker {
    /// The broker's own URL: the tokens' issuer and default audience.
    #[must_use]
    pub fn issuer_url(&self) -> &str {
        ""
    }

    /// Issues an access token.
    pub async fn issue_token(&self, origin: &Origin, request: IssueToken) -> Result<IssuedToken, TokenError> {
        let _ = (origin, request);
        Err(TokenError::new(TokenErrorCode::ServerError, "stub"))
    }

    /// Tells an authenticated client what a token is (RFC 7662).
    pub async fn introspect_token(
        &self,
        origin: &Origin,
        client: Option<ClientCredentials>,
        token: &str,
    ) -> Result<Introspection, TokenError> {
        let _ = (origin, client, token);
        Err(TokenError::new(TokenErrorCode::ServerError, "stub"))
    }

    /// Revokes an authenticated client's own token; succeeds for unknown ones too (RFC 7009).
    pub async fn revoke_token(
        &self,
        origin: &Origin,
        client: Option<ClientCredentials>,
        token: &str,
    ) -> Result<(), TokenError> {
        let _ = (origin, client, token);
        Err(TokenError::new(TokenErrorCode::ServerError, "stub"))
    }

    /// The public keys that verify access tokens: a JWK set (RFC 7517), as JSON.
    pub async fn jwks(&self) -> Result<serde_json::Value, TokenError> {
        Err(TokenError::new(TokenErrorCode::ServerError, "stub"))
    }

    /// Every scope that a token may carry, for the metadata document; `service:*` stands for all services.
    #[must_use]
    pub fn supported_scopes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether calls can be served: store reachable, keys open, clock sane.
    pub async fn is_ready(&self) -> Result<(), super::Error> {
        Ok(())
    }
}
