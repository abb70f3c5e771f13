//! OAuth 2.0 (RFC 6749): where a person consents, codes exchanged, tokens refreshed, made for a client, withdrawn.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use url::Url;

use crate::{
    clock::Clock,
    egress::Egress,
    model::{
        catalog::{
            Service,
            issuing::{Endpoint, IssuerKind, Issuing, StatePlace},
        },
        secret::SecretText,
    },
};

use super::{
    answer::{self, Tokens},
    error::IssueError,
    identity,
    requests::Values,
};

/// What the broker is known by at a service.
#[derive(Debug, Clone)]
pub struct Client {
    /// No secret.
    pub id: String,
    /// A secret.
    pub secret: SecretText,
}

/// A flow's own values: where the browser comes back to, its state, and the verifier of its challenge (RFC 7636).
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The broker's callback.
    pub redirect_uri: String,
    /// Binds what comes back to the flow.
    pub state: SecretText,
    /// Shown when the code is exchanged.
    pub verifier: SecretText,
    /// The verifier's S256.
    pub challenge: String,
}

/// The OAuth client of every service.
#[derive(Clone)]
pub struct Oauth {
    egress: Egress,
    clock: Arc<dyn Clock>,
}

impl Oauth {
    /// One that asks by `egress`, and counts a token's life by `clock`.
    #[must_use]
    pub const fn new(egress: Egress, clock: Arc<dyn Clock>) -> Self {
        Self { egress, clock }
    }

    /// The way to the services.
    #[must_use]
    pub const fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Where a person consents.
    ///
    /// # Errors
    /// The description lacks something.
    pub fn authorize_url(
        &self,
        service: &Service,
        fields: &Map<String, Value>,
        client: &Client,
        exchange: &Exchange,
    ) -> Result<Url, IssueError> {
        let issuing = &service.issuing;
        let endpoint = issuing.authorize.as_ref().ok_or_else(|| lacking("authorize"))?;
        let mut values = values(service, fields, Some(client));
        let (flow, text) = (&mut values.flow, |text: &str| SecretText::new(text.to_owned()));
        flow.insert("redirect_uri", SecretText::new(callback(issuing, exchange)));
        flow.insert("state", exchange.state.clone());
        flow.insert("code_challenge", text(&exchange.challenge));
        let mut standard = vec![
            ("response_type", text("code")),
            ("client_id", text(&client.id)),
            ("redirect_uri", SecretText::new(callback(issuing, exchange))),
            ("state", exchange.state.clone()),
        ];
        if issuing.pkce {
            standard.push(("code_challenge", text(&exchange.challenge)));
            standard.push(("code_challenge_method", text("S256")));
        }
        if let Some(scope) = scope(issuing, &values) {
            standard.push(("scope", scope.clone()));
            values.flow.insert("scope", scope);
        }
        let mut url = values.url(&endpoint.url)?;
        for (name, value) in values.parameters(endpoint, standard)? {
            url.query_pairs_mut().append_pair(&name, value.expose());
        }
        Ok(url)
    }

    /// Exchanges a code.
    ///
    /// # Errors
    /// No token.
    pub async fn exchange(
        &self,
        service: &Service,
        fields: &Map<String, Value>,
        client: &Client,
        exchange: &Exchange,
        code: SecretText,
    ) -> Result<Tokens, IssueError> {
        let issuing = &service.issuing;
        let mut values = values(service, fields, Some(client));
        let redirect_uri = SecretText::new(callback(issuing, exchange));
        let mut standard = vec![
            ("grant_type", SecretText::new("authorization_code".to_owned())),
            ("code", code.clone()),
            ("redirect_uri", redirect_uri.clone()),
        ];
        if issuing.pkce {
            standard.push(("code_verifier", exchange.verifier.clone()));
        }
        values.flow.extend([
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", exchange.verifier.clone()),
        ]);
        self.ask(issuing, issuing.token.as_ref(), &values, standard, Some(client)).await
    }

    /// Makes new tokens: with a refresh token, or for a client.
    ///
    /// # Errors
    /// No token.
    pub async fn refresh(
        &self,
        service: &Service,
        fields: &Map<String, Value>,
        client: Option<&Client>,
        refresh_token: Option<&SecretText>,
    ) -> Result<Tokens, IssueError> {
        let issuing = &service.issuing;
        let mut values = values(service, fields, client);
        let mut standard = Vec::new();
        let endpoint = match (issuing.kind, refresh_token) {
            (IssuerKind::AuthorizationCode, Some(token)) => {
                standard.push(("grant_type", SecretText::new("refresh_token".to_owned())));
                standard.push(("refresh_token", token.clone()));
                values.flow.insert("refresh_token", token.clone());
                issuing.refreshing()
            }
            (IssuerKind::ClientCredentials, _) => {
                standard = for_client(issuing, &mut values);
                issuing.token.as_ref()
            }
            _ => return Err(lacking("refresh_token")),
        };
        self.ask(issuing, endpoint, &values, standard, client).await
    }

    /// Makes a token for one lease; asked with the same id again, a service that knows repeated requests gives the same one.
    ///
    /// # Errors
    /// No token.
    pub async fn mint(
        &self,
        service: &Service,
        fields: &Map<String, Value>,
        client: Option<&Client>,
        id: &str,
    ) -> Result<Tokens, IssueError> {
        let issuing = &service.issuing;
        let mut values = values(service, fields, client);
        let standard = for_client(issuing, &mut values);
        let endpoint = issuing.token.as_ref().ok_or_else(|| lacking("token"))?;
        let mut ask = values.request(endpoint, standard, issuing.client, client)?;
        if let Some(name) = &issuing.repeat_header {
            let name = name.parse().map_err(|_| lacking("repeat_header"))?;
            ask.headers.push((name, SecretText::new(id.to_owned())));
        }
        let asked_at = self.clock.now();
        let answer = self.egress.ask(ask).await.map_err(IssueError::Unreached)?;
        answer::read(issuing, &answer, asked_at)
    }

    /// Withdraws a token (RFC 7009); one that the service does not know is withdrawn.
    ///
    /// # Errors
    /// It may still be good.
    pub async fn revoke(
        &self,
        service: &Service,
        fields: &Map<String, Value>,
        client: Option<&Client>,
        token: &SecretText,
    ) -> Result<(), IssueError> {
        let issuing = &service.issuing;
        let endpoint = issuing.revoke.as_ref().ok_or_else(|| lacking("revoke"))?;
        let mut values = values(service, fields, client);
        values.flow.insert("token", token.clone());
        let ask = values.request(endpoint, vec![("token", token.clone())], issuing.client, client)?;
        let answer = self.egress.ask(ask).await.map_err(IssueError::Unreached)?;
        match answer.status.as_u16() {
            200..=299 | 404 | 410 => Ok(()),
            401 => Err(IssueError::ClientRefused),
            429 => Err(IssueError::TooMany(None)),
            status => Err(IssueError::Unexpected(status)),
        }
    }

    /// Whose account a connection reached; none when the description does not say how to tell.
    ///
    /// # Errors
    /// The service did not say.
    pub async fn identity(
        &self,
        service: &Service,
        fields: &Map<String, Value>,
    ) -> Result<Option<String>, IssueError> {
        identity::find(&self.egress, service, fields).await
    }

    async fn ask(
        &self,
        issuing: &Issuing,
        endpoint: Option<&Endpoint>,
        values: &Values<'_>,
        standard: Vec<(&str, SecretText)>,
        client: Option<&Client>,
    ) -> Result<Tokens, IssueError> {
        let endpoint = endpoint.ok_or_else(|| lacking("token"))?;
        let ask = values.request(endpoint, standard, issuing.client, client)?;
        let asked_at = self.clock.now();
        let answer = self.egress.ask(ask).await.map_err(IssueError::Unreached)?;
        answer::read(issuing, &answer, asked_at)
    }
}

fn values<'a>(service: &'a Service, fields: &'a Map<String, Value>, client: Option<&Client>) -> Values<'a> {
    let mut flow = BTreeMap::new();
    if let Some(client) = client {
        flow.insert("client_id", SecretText::new(client.id.clone()));
        flow.insert("client_secret", client.secret.clone());
    }
    Values { service, fields, flow }
}

/// What is asked for a client (RFC 6749, section 4.4.2).
fn for_client(issuing: &Issuing, values: &mut Values<'_>) -> Vec<(&'static str, SecretText)> {
    let mut standard = vec![("grant_type", SecretText::new("client_credentials".to_owned()))];
    if let Some(scope) = scope(issuing, values) {
        standard.push(("scope", scope.clone()));
        values.flow.insert("scope", scope);
    }
    standard
}

/// What is asked for; nothing when the credential does not say.
fn scope(issuing: &Issuing, values: &Values<'_>) -> Option<SecretText> {
    let scope = values.fill(issuing.scope.as_ref()?).ok()?;
    (!scope.is_empty()).then(|| SecretText::new(scope))
}

/// Where the browser comes back to; with the state in it for services that know none.
fn callback(issuing: &Issuing, exchange: &Exchange) -> String {
    match issuing.state {
        StatePlace::Parameter => exchange.redirect_uri.clone(),
        StatePlace::Callback => {
            let state: String =
                url::form_urlencoded::byte_serialize(exchange.state.expose().as_bytes()).collect();
            format!("{}?state={state}", exchange.redirect_uri)
        }
    }
}

fn lacking(what: &str) -> IssueError {
    IssueError::Lacking(what.to_owned())
}
