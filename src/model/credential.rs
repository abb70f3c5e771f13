//! Credentials: what owners deposited, without their values.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{
    catalog::{ACCESS_TOKEN, issuing::IssuerKind},
    grant::Life,
    id::{CredentialId, UserId},
    instant::Instant,
    named::named,
    organization::{Role, SharingRule},
    owner::Owner,
    page::{Cursor, Listed, OrderKey},
    sealed::Sealed,
    secret::SecretText,
    service::{AccountName, ServiceName},
    ttl::Ttl,
};

named! {
    /// Whether a credential can be borrowed.
    CredentialStatus, "credential status":
    /// Yes.
    Active = "active";
    /// No: switched off by its owner.
    Inactive = "inactive";
    /// No: the service ended the connection; the account must be connected again.
    NeedsReauth = "needs_reauth";
    /// No: an account was connected, and whoever asked for it has not confirmed which.
    Pending = "pending";
    /// No: the account is blocked, inactive or gone at the service.
    UpstreamDisabled = "upstream_disabled";
}

/// A deposited credential. Its value stays sealed; only the keyring opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub owner: Owner,
    /// The kind of backend.
    pub service: ServiceName,
    /// The account there.
    pub account: AccountName,
    /// Whether the bare service name means this account.
    pub primary: bool,
    /// Whether it can be borrowed.
    pub status: CredentialStatus,
    /// Why not, where the service said so.
    pub status_reason: Option<String>,
    /// How what is lent of it comes about.
    pub issuer: IssuerKind,
    /// The account there, as the service names it; of connected ones.
    pub identity: Option<String>,
    /// Who in the organization may borrow it; empty for a person's own.
    pub sharing: SharingRule,
    /// Rises with each change that can end an entitlement.
    pub epoch: i64,
    /// Rises with each new value.
    pub version: i64,
    /// The value: a JSON object of fields, sealed under the owner's data key.
    pub sealed: Sealed,
    /// When the value itself runs out, where that is known.
    pub expires_at: Option<Instant>,
    /// When it was deposited.
    pub created_at: Instant,
    /// When its present value was.
    pub rotated_at: Instant,
    /// Which fields the value has.
    pub fields: FieldNames,
    /// Rises with each change of the row.
    pub revision: i64,
}

impl Credential {
    /// The life of the token that it holds; none for what does not run out, or was not made by an issuer.
    #[must_use]
    pub fn life(&self) -> Option<Life> {
        let until = self.expires_at.filter(|_| self.issuer != IssuerKind::Static)?;
        Some(Life { from: self.rotated_at, until })
    }

    /// Whether the token it holds, if any, is too old to be lent for a ttl.
    #[must_use]
    pub fn needs_refresh(&self, ttl: Ttl, now: Instant) -> bool {
        match self.issuer {
            IssuerKind::Static | IssuerKind::Signed | IssuerKind::ClientCredentialsPerLease => false,
            IssuerKind::AuthorizationCode | IssuerKind::ClientCredentials => {
                let has_token = self.fields.iter().any(|field| field == ACCESS_TOKEN);
                !has_token || self.life().is_some_and(|life| life.is_stale(ttl, now))
            }
        }
    }
}

impl Listed for Credential {
    fn cursor(&self, key: OrderKey) -> Cursor {
        let id = self.id.to_string();
        let key = match key {
            OrderKey::Service => self.service.to_string(),
            _ => id.clone(),
        };
        Cursor { key, id }
    }
}

/// The names of a value's fields. They come from the catalog, so that they tell nothing that is secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldNames(Box<str>);

impl FieldNames {
    /// From its text: the names, separated by single spaces.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|name| !name.is_empty())
    }
}

impl<'a> FromIterator<&'a str> for FieldNames {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        Self(names.join(" ").into())
    }
}

/// Somebody who holds leases on an organization's credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The person the leases are for; none for the organization's clients.
    pub user: Option<UserId>,
    /// The role in the organization; none for who is no member (any more).
    pub role: Option<Role>,
    /// How many.
    pub leases: i64,
}

/// What to leave out of a list of credentials.
#[derive(Debug, Clone, Default)]
pub struct CredentialFilter {
    /// Only of this owner.
    pub owner: Option<Owner>,
    /// Only for this service.
    pub service: Option<ServiceName>,
    /// Only of this status.
    pub status: Option<CredentialStatus>,
}

/// A credential's opened fields: a JSON object, as text. `Debug` shows nothing of it; wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields(SecretText);

impl Fields {
    /// Takes over a JSON object's text.
    #[must_use]
    pub const fn new(json: SecretText) -> Self {
        Self(json)
    }

    /// The text of an object.
    #[must_use]
    pub fn of(values: &Map<String, Value>) -> Self {
        // A JSON object always serialises.
        Self(SecretText::new(serde_json::to_string(values).unwrap_or_default()))
    }

    /// The object's text, for writing into an answer.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.expose()
    }

    /// The object, parsed; empty if it is none, which the vault excludes.
    #[must_use]
    pub fn parsed(&self) -> Map<String, Value> {
        serde_json::from_str(self.0.expose()).unwrap_or_default()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields(..)")
    }
}
