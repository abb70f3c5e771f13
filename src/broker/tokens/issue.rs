//! Issuing access tokens (RFC 6749 section 4.4, RFC 9068, RFC 8707).

use crate::{
    broker::{ACCESS_TOKEN_SECONDS, Broker, Origin, authn::Claims},
    keyring::jwt::ACCESS_TOKEN_TYPE,
    model::{
        audit::{Actor, AuditRecord, EventName},
        client::Client,
        id::TokenId,
        owner::Owner,
        scope::ScopeSet,
        token::{Token, TokenKind},
    },
    store::mutation,
};

use super::types::{ClientCredentials, IssueToken, IssuedToken, TokenError, TokenErrorCode};

impl Broker {
    /// Issues an access token. Its row and record are durable before it leaves.
    ///
    /// # Errors
    /// As RFC 6749, section 5.2, and RFC 8707, section 2, have them.
    pub async fn issue_token(&self, origin: &Origin, request: IssueToken) -> Result<IssuedToken, TokenError> {
        let basic = request.client.as_ref().is_some_and(|client| client.basic);
        let issued = self.issue(origin, &request).await;
        issued.map_err(|error| TokenError { basic: error.basic || basic, ..error })
    }

    async fn issue(&self, origin: &Origin, request: &IssueToken) -> Result<IssuedToken, TokenError> {
        check_grant(request.grant_type.as_deref()).inspect_err(|refused| {
            self.refusal_by(origin.anonymous(), "token.issue", None, refused.code.as_str());
        })?;
        for _ in 0..ATTEMPTS {
            let known = self.authenticate_client(origin, request.client.as_ref()).await?;
            let actor = client_actor(&known.client, origin);
            self.admit_client(&known.client).inspect_err(|refused| {
                self.refusal_by(actor.clone(), "token.issue", None, refused.code.as_str());
            })?;
            let asked = self.check_request(&known.client, request).await;
            let (scopes, audience) = match asked {
                Ok(asked) => asked,
                Err(refused) => {
                    self.record_denial(&actor, &known.client, &refused).await?;
                    return Err(refused);
                }
            };
            let token = self.new_token(&known.client, scopes, audience);
            let secret = request.client.as_ref().map(ClientCredentials::digest).unwrap_or_default();
            let access_token = self.sign(&token, &known.client).await?;
            let scope = token.scopes.to_string();
            match self.store.issue_token(mutation::IssueToken { actor, token, secret }).await? {
                Ok(()) => return Ok(IssuedToken { access_token, expires_in: ACCESS_TOKEN_SECONDS, scope }),
                // The client changed since it was read: read it again.
                Err(_) => self.clients.forget(known.client.id),
            }
        }
        Err(TokenError::new(TokenErrorCode::TemporarilyUnavailable, "the client keeps changing; try again"))
    }

    fn admit_client(&self, client: &Client) -> Result<(), TokenError> {
        let principal = crate::model::principal::Principal::Client(client.id);
        self.rate.admit(&principal, self.clock.now()).map_err(|seconds| {
            let refused = TokenError::new(TokenErrorCode::SlowDown, "too many requests; slow down");
            TokenError { retry_after: Some(seconds), ..refused }
        })
    }

    async fn check_request(
        &self,
        client: &Client,
        request: &IssueToken,
    ) -> Result<(ScopeSet, String), TokenError> {
        let scopes = match request.scope.as_deref().filter(|scope| !scope.trim().is_empty()) {
            None => client.scopes.clone(),
            Some(text) => wanted_scopes(client, text)?,
        };
        let audience = match request.resource.as_deref() {
            None => self.issuer_url.clone(),
            Some(uri) if uri.trim_end_matches('/') == self.issuer_url => self.issuer_url.clone(),
            Some(uri) if self.store.rows().is_resource(uri).await? => uri.to_owned(),
            Some(_) => {
                let text = "the resource is not registered with this broker";
                return Err(TokenError::new(TokenErrorCode::InvalidTarget, text));
            }
        };
        Ok((scopes, audience))
    }

    fn new_token(&self, client: &Client, scopes: ScopeSet, audience: String) -> Token {
        // JWT counts whole seconds: the row runs out together with the token.
        let issued_at = self.clock.now();
        let expires_at = crate::model::instant::Instant::from_micros(0)
            .plus_seconds(issued_at.unix_seconds() + ACCESS_TOKEN_SECONDS);
        let user_id = match client.owner {
            Owner::User(id) => Some(id),
            Owner::Organization(_) | Owner::System => None,
        };
        Token {
            id: self.entropy.id::<TokenId>(issued_at),
            kind: TokenKind::Access,
            client_id: Some(client.id),
            user_id,
            owner: client.owner,
            name: String::new(),
            scopes,
            audience,
            epoch: client.epoch,
            issued_at,
            expires_at: Some(expires_at),
            max_usages: None,
        }
    }

    async fn sign(
        &self,
        token: &Token,
        client: &Client,
    ) -> Result<crate::model::secret::SecretText, TokenError> {
        let key = self.signing_key().await?;
        let iat = token.issued_at.unix_seconds();
        let claims = Claims {
            iss: self.issuer_url.clone(),
            sub: client.id.to_string(),
            aud: token.audience.clone(),
            client_id: client.id,
            iat,
            exp: iat + ACCESS_TOKEN_SECONDS,
            jti: token.id,
            scope: token.scopes.clone(),
            owner: token.owner,
            epoch: token.epoch,
            role: client.role.map(|role| role.to_string()),
        };
        key.sign_jwt(ACCESS_TOKEN_TYPE, &claims).map_err(|error| super::Error::internal(error).into())
    }

    async fn record_denial(
        &self,
        actor: &Actor,
        client: &Client,
        refused: &TokenError,
    ) -> Result<(), TokenError> {
        let target = Some(client.id.to_string());
        let code = refused.code.as_str();
        let record = AuditRecord::refusal(EventName::TokenDenied, actor, target, code, self.clock.now());
        Ok(self.store.record(record).await?)
    }
}

/// A client that proved itself, as the audit names it.
pub(super) fn client_actor(client: &Client, origin: &Origin) -> Actor {
    Actor { id: client.id.to_string(), owner: Some(client.owner), ..origin.anonymous() }
}

fn check_grant(grant: Option<&str>) -> Result<(), TokenError> {
    match grant {
        Some("client_credentials") => Ok(()),
        Some(_) => {
            let text = "only the grant client_credentials is supported";
            Err(TokenError::new(TokenErrorCode::UnsupportedGrantType, text))
        }
        None => Err(TokenError::new(TokenErrorCode::InvalidRequest, "grant_type is missing")),
    }
}

fn wanted_scopes(client: &Client, text: &str) -> Result<ScopeSet, TokenError> {
    let refused = |text: String| TokenError::new(TokenErrorCode::InvalidScope, text);
    let wanted: ScopeSet = text.parse().map_err(|error| refused(format!("{error}")))?;
    if wanted.is_subset(&client.scopes) {
        return Ok(wanted);
    }
    let beyond: Vec<String> = wanted
        .iter()
        .filter(|scope| !ScopeSet::from_iter([scope.clone()]).is_subset(&client.scopes))
        .map(|scope| scope.to_string())
        .collect();
    Err(refused(format!("not among the client's scopes: {}", beyond.join(" "))))
}

const ATTEMPTS: usize = 3;
