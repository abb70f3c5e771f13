//! Introspection (RFC 7662) and revocation (RFC 7009) of tokens, by authenticated clients.

use crate::{
    broker::{Broker, Code, Origin, authn::Unverified},
    keyring::{digest::TokenDigest, machine_secret::SecretKind},
    model::{
        id::TokenId,
        token::{Token, TokenKind, TokenReading},
    },
    store::mutation,
};

use super::{
    issue::client_actor,
    types::{ClientCredentials, Introspection, TokenError},
};

impl Broker {
    /// Tells an authenticated client what a token is. Of a token of another owner it learns nothing, not even that it
    /// exists.
    ///
    /// # Errors
    /// [`super::types::TokenErrorCode::InvalidClient`], or what the database said.
    pub async fn introspect_token(
        &self,
        origin: &Origin,
        client: Option<ClientCredentials>,
        token: &str,
    ) -> Result<Introspection, TokenError> {
        let known = self.authenticate_client_anew(origin, client.as_ref()).await?;
        self.count_read(client_actor(&known.client, origin), "token.introspect");
        let Some((found, reading)) = self.find_shown_token(token).await? else {
            return Ok(Introspection::default());
        };
        if found.owner != known.client.owner {
            return Ok(Introspection::default());
        }
        let (facts, _) = self.store.facts(found.id, None).await?;
        let now = self.clock.now();
        let stands = facts.is_some_and(|facts| {
            facts.stands(reading, now).is_ok() && facts.uses_left.is_none_or(|left| left > 0)
        });
        if !stands {
            return Ok(Introspection::default());
        }
        Ok(Introspection {
            active: true,
            scope: Some(found.scopes.to_string()),
            client_id: found.client_id.map(|id| id.to_string()),
            sub: found.principal().map(|principal| principal.to_string()),
            aud: Some(found.audience),
            iss: Some(self.issuer_url.clone()),
            exp: found.expires_at,
            iat: Some(found.issued_at),
            jti: Some(found.id.to_string()),
            owner: Some(found.owner.to_string()),
        })
    }

    /// Revokes an authenticated client's own access token. Any other is left alone, and answered alike.
    ///
    /// # Errors
    /// [`super::types::TokenErrorCode::InvalidClient`], or what the database said.
    pub async fn revoke_token(
        &self,
        origin: &Origin,
        client: Option<ClientCredentials>,
        token: &str,
    ) -> Result<(), TokenError> {
        let known = self.authenticate_client_anew(origin, client.as_ref()).await?;
        let found = self.find_shown_token(token).await?;
        let own = found
            .map(|(found, _)| found)
            .filter(|found| found.kind == TokenKind::Access && found.client_id == Some(known.client.id));
        let actor = client_actor(&known.client, origin);
        let Some(own) = own else {
            // Answered as if it had been done (RFC 7009, section 2.2), recorded as what it was.
            self.refusal_by(actor, "token.revoke", None, Code::NotFound.as_str());
            return Ok(());
        };
        let revoke = mutation::RevokeToken { actor, token_id: own.id, client_id: known.client.id };
        // What is revoked already stays so.
        let _ = self.store.revoke_token(revoke).await?;
        self.callers.forget(own.id);
        Ok(())
    }

    /// The stored token that a text stands for, if the text is genuine, and what it was read at.
    async fn find_shown_token(&self, text: &str) -> Result<Option<(Token, TokenReading)>, TokenError> {
        if matches!(SecretKind::of(text), Some(SecretKind::McpToken | SecretKind::DevelopmentMcpToken)) {
            let found = self.store.rows().find_mcp_token(&TokenDigest::of(text).to_string()).await?;
            return Ok(found.map(|token| {
                let reading = TokenReading { epoch: token.epoch, withdrawals: None };
                (token, reading)
            }));
        }
        let (id, reading): (TokenId, TokenReading) = match self.verify_access_token(text).await {
            Ok((claims, reading)) => (claims.jti, reading),
            Err(Unverified::Jwt(_)) => return Ok(None),
            Err(Unverified::Failed(error)) => return Err(error.into()),
        };
        Ok(self.store.rows().find_token(id).await?.map(|token| (token, reading)))
    }
}
