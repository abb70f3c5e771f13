//! One trait over the ways in: what is asked, what is answered, how it fails, as plain values that compare.

pub(crate) mod grpc;
pub(crate) mod http;
pub(crate) mod in_process;

use std::collections::BTreeMap;

use async_trait::async_trait;
use leasehold::{api::Operation, model::instant::Instant};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::scene::secret_field;

/// The operations that every way in has. `authorization` is the whole header, or none.
#[async_trait]
pub(crate) trait Api: Send + Sync {
    async fn token(&self, ask: &TokenAsk) -> Answer<Issued>;
    /// What `token` is, as the client in `ask` is told.
    async fn introspect(&self, ask: &TokenAsk, token: &str) -> Answer<Introspected>;
    /// Revokes `token`, if it is that of the client in `ask`.
    async fn withdraw(&self, ask: &TokenAsk, token: &str) -> Answer<()>;
    async fn me(&self, authorization: Option<&str>) -> Answer<Me>;
    async fn create(&self, authorization: Option<&str>, ask: &Ask) -> Answer<Grant>;
    async fn show(&self, authorization: Option<&str>, id: &str) -> Answer<Shown>;
    async fn list(&self, authorization: Option<&str>, ask: &ListAsk) -> Answer<Page>;
    async fn renew(&self, authorization: Option<&str>, id: &str, ask: &RenewAsk) -> Answer<Renewed>;
    async fn read(&self, authorization: Option<&str>, id: &str) -> Answer<Read>;
    /// Reports that a service refuses a version of what was lent.
    async fn report(
        &self,
        authorization: Option<&str>,
        id: &str,
        service: &str,
        version: i64,
    ) -> Answer<ReportSeen>;
    async fn revoke(&self, authorization: Option<&str>, id: &str, reason: Option<&str>) -> Answer<Revoked>;
    /// Runs an operation of the table by its name: a JSON object in, a JSON object out.
    async fn run(&self, authorization: Option<&str>, operation: &str, request: Value) -> Answer<Value>;
}

/// The operation of a name.
pub(crate) fn known(name: &str) -> &'static Operation {
    leasehold::api::operation(name).unwrap_or_else(|| panic!("no operation {name}"))
}

pub(crate) type Answer<T> = Result<T, Failure>;

/// A refusal. Equal refusals look the same on every way in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The stable code, in `lower_snake`.
    pub(crate) code: String,
    /// The fields that were wrong.
    pub(crate) fields: Vec<String>,
    /// With `missing_credentials`: what could not be lent.
    pub(crate) missing: Vec<String>,
    /// With `missing_credentials`: what can be.
    pub(crate) available: Vec<String>,
    /// Seconds.
    pub(crate) retry_after: Option<u32>,
}

/// Turns an answer into the code of its refusal.
pub(crate) trait Refused {
    /// The code; fails when it was no refusal.
    fn refusal(self) -> String;
    /// The whole refusal; fails when it was none.
    fn failure(self) -> Failure;
}

impl<T> Refused for Answer<T> {
    fn refusal(self) -> String {
        self.failure().code
    }

    fn failure(self) -> Failure {
        self.err().expect("it should have been refused")
    }
}

/// Asks for an access token.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenAsk {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) scope: Option<String>,
    pub(crate) resource: Option<String>,
}

/// Asks for a lease.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) services: Vec<String>,
    pub(crate) ttl: Option<i64>,
    pub(crate) server_id: String,
    pub(crate) organization_id: Option<String>,
    pub(crate) allow_partial: bool,
    pub(crate) reuse: bool,
    pub(crate) client_info: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

/// A request for a lease of these services, in which nothing else is unusual.
pub(crate) fn ask<S: ToString>(services: impl IntoIterator<Item = S>) -> Ask {
    let services = services.into_iter().map(|service| service.to_string()).collect();
    Ask { services, server_id: "worker-1".to_owned(), ..Ask::default() }
}

/// Asks for own leases.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListAsk {
    pub(crate) status: Option<&'static str>,
    pub(crate) service: Option<&'static str>,
    pub(crate) server_id: Option<&'static str>,
    pub(crate) page_size: Option<i32>,
    pub(crate) page_token: Option<String>,
}

/// Asks for a renewal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RenewAsk {
    pub(crate) ttl: Option<i64>,
    pub(crate) with_credentials: bool,
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_in: i64,
    pub(crate) scope: String,
}

/// What a token is (RFC 7662); times in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Introspected {
    pub(crate) active: bool,
    pub(crate) scope: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) sub: Option<String>,
    pub(crate) aud: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) exp: Option<i64>,
    pub(crate) iat: Option<i64>,
    pub(crate) jti: Option<String>,
    pub(crate) owner: Option<String>,
}

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Me {
    pub(crate) user_id: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) name: String,
    pub(crate) organizations: Vec<OwnTeam>,
    pub(crate) available_services: Vec<String>,
    pub(crate) token_scopes: Vec<String>,
}

/// An organization of the caller's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct OwnTeam {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: String,
}

/// Opened values, by service as asked.
pub(crate) type Values = BTreeMap<String, Map<String, Value>>;

/// A lease granted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Grant {
    pub(crate) lease_id: String,
    pub(crate) credentials: Values,
    pub(crate) credential_sources: BTreeMap<String, SourceSeen>,
    pub(crate) credential_expires_at: BTreeMap<String, Instant>,
    pub(crate) expires_at: Instant,
    pub(crate) renew_after: Instant,
    pub(crate) renewable: bool,
    pub(crate) max_renewals: u32,
    pub(crate) credential_scope: String,
    pub(crate) included_org_credentials: Vec<Included>,
    #[serde(default)]
    pub(crate) missing_services: Vec<String>,
    #[serde(default)]
    pub(crate) reused: bool,
    /// Whether this call made the lease: over HTTP, 201 instead of 200.
    #[serde(default)]
    pub(crate) fresh: bool,
}

/// Where one service's values came from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct SourceSeen {
    pub(crate) scope: String,
    pub(crate) organization_id: Option<String>,
    pub(crate) organization_name: Option<String>,
    pub(crate) credential_id: String,
    pub(crate) credential_version: i64,
}

/// What came from one organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Included {
    pub(crate) organization_id: String,
    pub(crate) services: Vec<String>,
}

/// A lease shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Shown {
    pub(crate) lease_id: String,
    pub(crate) status: String,
    pub(crate) services: Vec<String>,
    pub(crate) expires_at: Instant,
    pub(crate) renewable: bool,
    pub(crate) renewal_count: u32,
    pub(crate) max_renewals: u32,
    pub(crate) renewals_remaining: u32,
    pub(crate) credential_scope: String,
    pub(crate) server_id: String,
    pub(crate) organization_id: Option<String>,
    pub(crate) created_at: Instant,
    pub(crate) last_renewed_at: Option<Instant>,
    pub(crate) revoked_at: Option<Instant>,
    pub(crate) revocation_reason: Option<String>,
    pub(crate) revoked_by: Option<String>,
    pub(crate) ttl: i64,
    pub(crate) client_info: Option<String>,
}

/// A page of leases.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Page {
    pub(crate) leases: Vec<Shown>,
    pub(crate) next_page_token: Option<String>,
}

/// A lease renewed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Renewed {
    pub(crate) lease_id: String,
    pub(crate) expires_at: Instant,
    pub(crate) renewal_count: u32,
    pub(crate) max_renewals: u32,
    pub(crate) renewals_remaining: u32,
    pub(crate) last_renewed_at: Option<Instant>,
    pub(crate) renew_after: Instant,
    pub(crate) capped_by: Option<String>,
    pub(crate) credentials: Option<Values>,
}

/// Values read again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Read {
    pub(crate) lease_id: String,
    pub(crate) credentials: Values,
    pub(crate) expires_at: Instant,
    pub(crate) renew_after: Instant,
}

/// What to use instead of what a service refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct ReportSeen {
    pub(crate) changed: bool,
    pub(crate) credentials: Values,
    pub(crate) credential_versions: BTreeMap<String, i64>,
}

/// A lease that is over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Revoked {
    pub(crate) lease_id: String,
    pub(crate) revoked_at: Instant,
}

impl Grant {
    /// What was deposited for a service; see [`super::Person::deposits`].
    pub(crate) fn value(&self, service: &str) -> &str {
        value(&self.credentials, service)
    }

    /// The services that values came for.
    pub(crate) fn services(&self) -> Vec<&str> {
        self.credentials.keys().map(String::as_str).collect()
    }
}

impl Read {
    /// What was deposited for a service.
    pub(crate) fn value(&self, service: &str) -> &str {
        value(&self.credentials, service)
    }
}

impl Renewed {
    /// What was deposited for a service, if values came at all.
    pub(crate) fn value(&self, service: &str) -> Option<&str> {
        self.credentials.as_ref().map(|values| value(values, service))
    }
}

fn value<'a>(values: &'a Values, service: &str) -> &'a str {
    let fields = values.get(service).unwrap_or_else(|| panic!("no values for {service}"));
    fields[secret_field(service)].as_str().expect("a text")
}

/// A part of a JWT: 0 its header, 1 its claims.
pub(crate) fn part(token: &str, number: usize) -> Value {
    let encoded = token.split('.').nth(number).expect("a part");
    let json = data_encoding::BASE64URL_NOPAD.decode(encoded.as_bytes()).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}
