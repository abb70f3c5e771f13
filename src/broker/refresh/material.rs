//! What a credential and its grant consist of, apart: what is lent, and what nobody is lent.

use serde_json::{Map, Value, json};

use crate::{
    issuer::{Client, Tokens},
    keyring::digest::TokenDigest,
    model::{
        catalog::{
            ACCESS_TOKEN, Service,
            issuing::{IssuerKind, Issuing},
        },
        credential::Fields,
        instant::Instant,
        secret::SecretText,
    },
};

/// What the broker alone holds of a credential.
#[derive(Clone)]
pub(crate) struct Material(Map<String, Value>);

/// A deposit, taken apart.
pub(crate) struct Made {
    /// How its tokens come about.
    pub(crate) issuer: IssuerKind,
    /// What is lent.
    pub(crate) lent: Map<String, Value>,
    /// What nobody is lent; none for what is lent as it was deposited.
    pub(crate) material: Option<Material>,
}

impl Made {
    /// Takes a deposit's fields apart, as its service says. Without what tokens are made of it is lent as it is; with it, an
    /// access token that nobody knows the end of is not kept: a new one is made before anything is lent.
    pub(crate) fn of(service: &Service, mut fields: Map<String, Value>, expires_at: Option<Instant>) -> Self {
        if expires_at.is_none() && fields.contains_key(REFRESH_TOKEN) {
            fields.remove(ACCESS_TOKEN);
        }
        let lends = |name: &str| service.fields.iter().all(|field| field.lent || field.name != name);
        let (lent, kept): (Map<_, _>, Map<_, _>) = fields.into_iter().partition(|(name, _)| lends(name));
        let issuer = match service.issuing.kind {
            IssuerKind::AuthorizationCode if kept.contains_key(REFRESH_TOKEN) => {
                IssuerKind::AuthorizationCode
            }
            IssuerKind::ClientCredentials if kept.contains_key(CLIENT_SECRET) => {
                IssuerKind::ClientCredentials
            }
            IssuerKind::ClientCredentialsPerLease if kept.contains_key(CLIENT_SECRET) => {
                IssuerKind::ClientCredentialsPerLease
            }
            IssuerKind::Signed => IssuerKind::Signed,
            _ => IssuerKind::Static,
        };
        let makes = !matches!(issuer, IssuerKind::Static | IssuerKind::Signed);
        Self { issuer, lent, material: makes.then_some(Material(kept)) }
    }
}

impl Material {
    pub(crate) fn of(opened: &Fields) -> Self {
        Self(opened.parsed())
    }

    /// All of it, to be sealed.
    pub(crate) const fn values(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(crate) fn refresh_token(&self) -> Option<SecretText> {
        self.0.get(REFRESH_TOKEN).and_then(Value::as_str).map(|text| SecretText::new(text.to_owned()))
    }

    /// What tells one refresh token from another, in hex.
    pub(super) fn refresh_digest(&self) -> Option<String> {
        self.refresh_token().map(|token| TokenDigest::of(token.expose()).to_string())
    }

    /// The client that the credential itself brings along.
    pub(crate) fn client(&self) -> Option<Client> {
        let text = |name: &str| self.0.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let (id, secret) = text(CLIENT_ID).zip(text(CLIENT_SECRET))?;
        Some(Client { id, secret: SecretText::new(secret) })
    }

    /// The same with the refresh token that came; the one before stays when none did.
    pub(crate) fn after(&self, tokens: &Tokens) -> Self {
        let mut values = self.0.clone();
        if let Some(token) = &tokens.refresh_token {
            values.insert(REFRESH_TOKEN.to_owned(), json!(token.expose()));
        }
        Self(values)
    }

    /// One that holds a refresh token alone, of a new connection.
    pub(crate) fn of_tokens(tokens: &Tokens) -> Self {
        Self(Map::new()).after(tokens)
    }
}

/// What is lent once tokens came: the fields before, with the token and what is known of it.
pub(crate) fn lent(issuing: &Issuing, mut fields: Map<String, Value>, tokens: &Tokens) -> Map<String, Value> {
    fields.insert(ACCESS_TOKEN.to_owned(), json!(tokens.access_token.expose()));
    let known = [
        ("token_expires_at", tokens.expires_at.map(|at| at.to_string())),
        ("token_type", tokens.token_type.clone()),
        ("scope", tokens.scope.clone().filter(|_| issuing.kind == IssuerKind::ClientCredentials)),
    ];
    for (name, value) in known {
        match value {
            Some(value) => drop(fields.insert(name.to_owned(), json!(value))),
            None if name == "scope" => {}
            None => drop(fields.remove(name)),
        }
    }
    fields
}

const CLIENT_ID: &str = "client_id";
const CLIENT_SECRET: &str = "client_secret";
const REFRESH_TOKEN: &str = "refresh_token";
