//! The scene of one scenario over one way in: who can be made, what can be changed, what was recorded.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use leasehold::{
    broker::{
        admin::{NewClient, NewMcpToken},
        credentials::NewCredential,
    },
    keyring::machine_secret::SecretKind,
    model::{
        audit::{Actor, EventName},
        catalog::{self, Catalog},
        id::{CredentialId, TokenId, UserId},
        instant::Instant,
        organization::{Role, SharingEntry, SharingRule},
        owner::Owner,
        scope::ScopeSet,
        service::{DEFAULT_ACCOUNT, ServiceName, ServiceRef},
    },
    store::admin::Change,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    api::{Api, in_process::stage},
    people::{Borrower, OAuthClient, Person, Team},
    site::World,
};

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    InProcess,
    Http,
    Grpc,
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::InProcess, Self::Http, Self::Grpc];
}

/// A world, asked over one way in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Scene {
    world: Arc<World>,
    pub(crate) via: Transport,
}

/// An audit record, as it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Record {
    pub(crate) event: String,
    pub(crate) actor: String,
    pub(crate) token: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) refusal: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) request_id: Option<String>,
    #[serde(default)]
    pub(crate) details: Map<String, Value>,
}

impl Scene {
    pub(crate) const fn new(world: Arc<World>, via: Transport) -> Self {
        Self { world, via }
    }

    pub(crate) fn way_in(&self) -> &dyn Api {
        self.api(self.via)
    }

    pub(crate) fn now(&self) -> Instant {
        leasehold::clock::Clock::now(&*self.clock)
    }

    /// Lets time pass.
    pub(crate) fn passes(&self, seconds: i64) {
        self.clock.advance_seconds(seconds);
    }

    /// Somebody new, with an MCP token for all that concerns own leases.
    pub(crate) async fn person(&self) -> Person {
        let email = format!("person-{}@example.test", number());
        let user = self.broker().create_user(&stage(), &email, "A Person").await.expect("a user");
        let (token_id, authorization) = self.mcp_token(user.id, ScopeSet::worker(), None, None).await;
        Person { id: user.id, email, token_id, borrower: Borrower::new(self.clone(), Some(authorization)) }
    }

    /// An organization, founded by somebody who plays no other part.
    pub(crate) async fn team(&self) -> Team {
        let owner = self.person().await;
        let name = format!("Team {}", number());
        let founded = self.broker().create_organization(&stage(), &name, owner.id).await;
        Team { id: founded.expect("an organization").id, name, scene: self.clone() }
    }

    /// Somebody who shows this header, or none.
    pub(crate) fn stranger(&self, authorization: Option<&str>) -> Borrower {
        Borrower::new(self.clone(), authorization.map(str::to_owned))
    }

    /// Somebody who shows this token.
    pub(crate) fn bearer(&self, token: &str) -> Borrower {
        self.stranger(Some(&format!("Bearer {token}")))
    }

    /// An operator with these scopes.
    pub(crate) async fn operator(&self, scopes: &str) -> Borrower {
        let (_, authorization) = self.token_of(None, scopes.parse().expect("scopes"), None, None).await;
        self.stranger(Some(&authorization))
    }

    pub(crate) async fn mcp_token(
        &self,
        user_id: UserId,
        scopes: ScopeSet,
        expires_at: Option<Instant>,
        max_usages: Option<i64>,
    ) -> (TokenId, String) {
        self.token_of(Some(user_id), scopes, expires_at, max_usages).await
    }

    async fn token_of(
        &self,
        user_id: Option<UserId>,
        scopes: ScopeSet,
        expires_at: Option<Instant>,
        max_usages: Option<i64>,
    ) -> (TokenId, String) {
        let (name, kind) = ("a token".to_owned(), SecretKind::McpToken);
        let new = NewMcpToken { user_id, name, scopes, expires_at, max_usages, kind };
        let (token, text) = self.broker().create_mcp_token(&stage(), new).await.expect("a token");
        (token.id, format!("Bearer {}", text.expose()))
    }

    pub(crate) async fn client(&self, owner: Owner, role: Option<Role>, scopes: ScopeSet) -> OAuthClient {
        let new = NewClient { owner, name: "A Client".to_owned(), role, scopes };
        let (client, secret) = self.broker().create_client(&stage(), new).await.expect("a client");
        OAuthClient { id: client.id, secret: secret.expose().to_owned(), scene: self.clone() }
    }

    /// Deposits `value` as the secret of `service` or `service/account`.
    pub(crate) async fn deposit(
        &self,
        owner: Owner,
        service: &str,
        value: &str,
        sharing: &[SharingEntry],
        expires_at: Option<Instant>,
    ) -> CredentialId {
        let ServiceRef { service, account } = service.parse().expect("a service");
        let account = account.unwrap_or_else(|| DEFAULT_ACCOUNT.parse().expect("an account"));
        let (sharing, fields) = (SharingRule(sharing.to_vec()), fields(&service, value));
        let new = NewCredential { owner, service, account, sharing, fields, expires_at };
        self.broker().deposit_credential(&stage(), new).await.expect("a credential")
    }

    /// Gives a credential a new value.
    pub(crate) async fn rotates(&self, credential: CredentialId, value: &str) {
        let id = credential.to_string();
        let found = self.with_database(async |database| database.texts(SERVICE_OF, &id).await).await;
        let service = found.first().expect("a credential").parse().expect("a service");
        let fields = fields(&service, value);
        self.broker().rotate_credential(&stage(), credential, &fields, None).await.expect("a version");
    }

    /// Applies an administrative change.
    pub(crate) async fn change(&self, event: EventName, target: impl fmt::Display, change: Change) {
        let actor: Actor = stage();
        self.broker().administer(&actor, event, &target.to_string(), change).await.expect("a change");
    }

    /// Everything recorded about a target, oldest first.
    pub(crate) async fn records_of(&self, target: &str) -> Vec<Record> {
        let bodies = self.with_database(async |database| database.texts(RECORDS_OF, target).await).await;
        bodies.iter().map(|body| serde_json::from_str(body).expect("a record")).collect()
    }

    /// Everything that an actor did, oldest first.
    pub(crate) async fn records_by(&self, actor: &str) -> Vec<Record> {
        let bodies = self.with_database(async |database| database.texts(RECORDS_BY, actor).await).await;
        bodies.iter().map(|body| serde_json::from_str(body).expect("a record")).collect()
    }

    /// Every record there is, as it was hashed.
    pub(crate) async fn everything_recorded(&self) -> String {
        self.with_database(async |database| database.texts(RECORDS_BUT, "").await).await.join("\n")
    }

    /// The state that a lease is recorded with, whatever the clock and other rows say.
    pub(crate) async fn recorded_state(&self, lease: &str) -> String {
        let found = self.with_database(async |database| database.texts(STATE_OF, lease).await).await;
        found.into_iter().next().expect("a lease")
    }
}

impl Deref for Scene {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// Polls until it is so; fails after ten seconds.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if is_so().await {
            return;
        }
        // The chores tick on real time, whatever the moved clock says.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within ten seconds");
}

/// What a credential of the service needs: the value as its secret, examples for the rest.
pub(crate) fn fields(service: &ServiceName, value: &str) -> Map<String, Value> {
    let secret = secret_field(service.as_str());
    let needed = known(service.as_str()).fields.iter();
    let needed = needed.filter(|field| is_needed(field) || field.required_if.is_some());
    let value = |name: &str, example: &Value| if name == secret { json!(value) } else { example.clone() };
    needed.map(|field| (field.name.clone(), value(&field.name, &field.example))).collect()
}

/// The name of the service's secret.
pub(crate) fn secret_field(service: &str) -> &'static str {
    let fields = &known(service).fields;
    &fields.iter().find(|field| field.secret && is_needed(field)).expect("a secret").name
}

fn is_needed(field: &catalog::Field) -> bool {
    field.required || field.required_unless.is_some()
}

fn known(service: &str) -> &'static catalog::Service {
    let name = service.split('/').next().expect("a name").parse().expect("a service");
    Catalog::built_in().find(&name).expect("a service of the catalog")
}

/// A number that no other caller in this process got.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

const RECORDS_OF: &str = "SELECT body FROM audit_records WHERE target = $1 ORDER BY chain_id, seq";
const RECORDS_BY: &str = "SELECT body FROM audit_records WHERE actor = $1 ORDER BY chain_id, seq";
const RECORDS_BUT: &str = "SELECT body FROM audit_records WHERE actor <> $1";
const SERVICE_OF: &str = "SELECT service FROM credentials WHERE id = $1";
const STATE_OF: &str = "SELECT state FROM leases WHERE id = $1";
