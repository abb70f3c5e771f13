//! Preparing a database before its broker starts: people with credentials and clients of theirs, and leases.
//!
//! People go through the broker's own functions, in this process. Leases are written as the committer writes them, in
//! sets, but without audit records: a million of them take about a minute.

use std::{collections::BTreeMap, sync::Arc};

use leasehold::{
    broker::{self, Broker, admin::NewClient, credentials::NewCredential},
    clock::{Clock, SystemClock},
    config::Config,
    entropy::{Entropy, OsEntropy},
    lifecycle::Lifecycle,
    model::{
        audit::Actor,
        holdings::Subject,
        id::{ClientId, LeaseId, UserId},
        instant::Instant,
        lease::{CredentialScope, Lease, LeaseState},
        organization::SharingRule,
        owner::Owner,
        principal::Principal,
        resolution::Source,
        scope::ScopeSet,
        service::DEFAULT_ACCOUNT,
        ttl::Ttl,
    },
    server::{self, Options, Server},
    store::backend::{Backend, NewLease},
};
use serde_json::{Map, Value, json};

use crate::{Failure, generator::OwnLease, principals::Client};

/// How much to prepare.
pub(crate) struct Wanted {
    pub(crate) principals: usize,
    /// For renewals, readings and the like.
    pub(crate) leases: usize,
    /// Leases that may be revoked.
    pub(crate) spare: usize,
    /// Leases that nobody names, so that there are so many in all.
    pub(crate) in_all: usize,
}

/// What was prepared.
pub(crate) struct Prepared {
    pub(crate) clients: Vec<Client>,
    /// Leases of each client.
    pub(crate) leases: Vec<Vec<String>>,
    pub(crate) spare: Vec<OwnLease>,
    /// Live leases in all.
    pub(crate) live: usize,
}

/// A person with two credentials and a client.
struct Borrower {
    user: UserId,
    client: ClientId,
    sources: Vec<Source>,
}

/// Prepares the database that the settings name.
pub(crate) async fn prepare(
    variables: &BTreeMap<String, String>,
    wanted: &Wanted,
) -> Result<Prepared, Failure> {
    let mut config = Config::load(None, variables)?;
    // The broker's own addresses are for the broker.
    config.http.address.set_port(0);
    config.grpc.address.set_port(0);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let lifecycle = Lifecycle::new();
    let options = Options {
        config: config.clone(),
        issuer_is_bound_address: false,
        clock: Arc::clone(&clock),
        accept_restore: false,
    };
    let server = Server::start(options, lifecycle.clone()).await?;
    let broker = Arc::clone(&server.broker);
    let running = Lifecycle::new().spawn(server.run());
    let people = people(&broker, wanted.principals, clock.now()).await;
    drop(broker);
    lifecycle.begin_drain();
    running.await?;

    let people = people?;
    let backend = server::open_backend(&config, false).await?;
    let mut borrowers = Vec::with_capacity(people.len());
    for (user, client, _) in &people {
        borrowers.push(Borrower { user: *user, client: *client, sources: sources(&*backend, *user).await? });
    }
    let used = leases(&*backend, &*clock, &borrowers, wanted.leases).await?;
    let spare = leases(&*backend, &*clock, &borrowers, wanted.spare).await?;
    let rest = wanted.in_all.saturating_sub(wanted.leases + wanted.spare);
    let live = used.len() + spare.len() + rest;
    leases(&*backend, &*clock, &borrowers, rest).await?;
    backend.close().await;

    let mut of_each = vec![Vec::new(); borrowers.len()];
    for (place, id) in used {
        if let Some(own) = of_each.get_mut(place) {
            own.push(id);
        }
    }
    let clients = people.into_iter().map(|(_, _, client)| client).collect();
    Ok(Prepared { clients, leases: of_each, spare, live })
}

async fn people(
    broker: &Broker,
    count: usize,
    now: Instant,
) -> Result<Vec<(UserId, ClientId, Client)>, broker::Error> {
    let mut people = Vec::with_capacity(count);
    let actor = Actor::system();
    for number in 0..count {
        // A database may be prepared twice.
        let email = format!("load-{}-{number}@example.com", now.micros());
        let user = broker.create_user(&actor, &email, "Load").await?.id;
        let owner = Owner::User(user);
        for service in SERVICES {
            let service = service.parse().map_err(broker::Error::internal)?;
            let account = DEFAULT_ACCOUNT.parse().map_err(broker::Error::internal)?;
            let (sharing, fields) = (SharingRule(Vec::new()), fields());
            let new = NewCredential { owner, service, account, sharing, fields, expires_at: None };
            broker.deposit_credential(&actor, new).await?;
        }
        let new = NewClient { owner, name: "load".to_owned(), role: None, scopes: ScopeSet::worker() };
        let (client, secret) = broker.create_client(&actor, new).await?;
        let login = Client { id: client.id.to_string(), secret: secret.expose().to_owned() };
        people.push((user, client.id, login));
    }
    Ok(people)
}

/// What a lease of both services rests on.
async fn sources(backend: &dyn Backend, user: UserId) -> Result<Vec<Source>, Failure> {
    let holdings = backend.load_holdings(Subject::User(user)).await?;
    let mut sources = Vec::new();
    for service in SERVICES {
        let resolved = holdings.resolve(&service.parse()?, None).ok_or("a credential is missing")?;
        sources.push(resolved.source);
    }
    sources.sort_by_key(|source| source.service.to_string());
    Ok(sources)
}

/// Writes so many leases, shared out between the borrowers; answers whose each is.
async fn leases(
    backend: &dyn Backend,
    clock: &dyn Clock,
    borrowers: &[Borrower],
    count: usize,
) -> Result<Vec<OwnLease>, Failure> {
    let mut written = Vec::with_capacity(count);
    let mut places = borrowers.iter().enumerate().cycle();
    while written.len() < count {
        let now = clock.now();
        let mut batch: Vec<NewLease> = Vec::with_capacity(BATCH);
        for (place, borrower) in places.by_ref().take(BATCH.min(count - written.len())) {
            let lease = lease(borrower, now);
            written.push((place, lease.id.to_string()));
            batch.push(NewLease { lease, sources: borrower.sources.clone(), reuse_key: None });
        }
        if batch.is_empty() {
            return Err("there is nobody to lend to".into());
        }
        write(backend, &batch).await?;
    }
    Ok(written)
}

async fn write(backend: &dyn Backend, batch: &[NewLease]) -> Result<(), Failure> {
    let mut more: BTreeMap<Principal, i64> = BTreeMap::new();
    for new in batch {
        *more.entry(new.lease.principal).or_default() += 1;
    }
    let principals: Vec<Principal> = more.keys().copied().collect();
    let moves: Vec<(Principal, i64)> = more.into_iter().collect();
    let mut tx = backend.begin().await?;
    tx.lock_quotas(&principals).await?;
    tx.insert_leases(batch).await?;
    tx.move_quotas(&moves).await?;
    Ok(tx.commit().await?)
}

fn lease(borrower: &Borrower, now: Instant) -> Lease {
    let entropy: &dyn Entropy = &OsEntropy;
    let services = borrower.sources.iter().map(|source| source.service.clone()).collect();
    Lease {
        id: entropy.id::<LeaseId>(now),
        owner: Owner::User(borrower.user),
        principal: Principal::Client(borrower.client),
        // No token of a client's is looked for by its leases.
        token_id: entropy.id(now),
        client_id: Some(borrower.client),
        user_id: Some(borrower.user),
        server_id: "load".to_owned(),
        organization_id: None,
        services,
        credential_scope: CredentialScope::Personal,
        ttl: Ttl::MAX,
        created_at: now,
        expires_at: Ttl::MAX.after(now),
        lifetime_ends_at: now.plus_seconds(30 * 86_400),
        renewable: true,
        renewal_count: 0,
        // No measurement comes to the end of them.
        max_renewals: 1_000_000_000,
        last_renewed_at: None,
        state: LeaseState::Active,
        client_info: None,
        address: None,
    }
}

fn fields() -> Map<String, Value> {
    let value = json!({ "access_token": "a-token-of-forty-characters-0123456789ab" });
    value.as_object().cloned().unwrap_or_default()
}

/// What each person has, and each lease is of.
pub(crate) const SERVICES: [&str; 2] = ["todoist", "github"];
/// Leases written in one transaction.
const BATCH: usize = 4_000;
