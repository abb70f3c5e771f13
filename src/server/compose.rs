//! Composition: the one place that names concrete stores, clocks and listeners.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    broker::{self, Broker, Limits, Parts},
    chores::Desk,
    clock::Clock,
    config::{Config, DatabaseUrl, PublicUrl},
    egress::Egress,
    entropy::{Entropy, OsEntropy},
    grpc, http,
    keyring::{Keyring, root::RootKeys},
    lifecycle::Lifecycle,
    model::{
        address::Reach,
        audit::{Actor, AuditRecord, EventName},
        catalog::Catalog,
        id::ChainId,
        instant::Instant,
        ttl::Ttl,
    },
    store::{Store, UseReads, backend::Backend, chain::ChainHead, committer::Committer, postgres, sqlite},
    telemetry::{Metrics, RequestId},
};

use super::{
    StartError, figures::Figures, gauges, listen::Listener, schedule, tls::ReloadingCertificate,
    witness::Witness,
};

/// What a server is started with.
pub struct Options {
    /// The settings, validated.
    pub config: Config,
    /// Whether the tokens' issuer is the address that HTTP was bound to, rather than the configured one.
    pub issuer_is_bound_address: bool,
    /// Whether a database that is older than the witness is taken, and all that was lent before is void.
    pub accept_restore: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A server that answers.
pub struct Server {
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// The broker's own URL.
    pub url: String,
    /// The broker, for what the process itself does with it.
    pub broker: Arc<Broker>,
    witness: Option<Witness>,
    backend: Arc<dyn Backend>,
    ways_in: Lifecycle,
    /// The committer and the reader: they outlive the ways in.
    store: Lifecycle,
    drain: Duration,
}

impl Server {
    /// Opens the database, binds the listeners, and answers.
    ///
    /// # Errors
    /// What stands in the way, and what to do about it.
    pub async fn start(options: Options, lifecycle: Lifecycle) -> Result<Self, StartError> {
        let catalog = options.config.services.catalog()?;
        let doors = Doors::open(&options.config)?;
        let keyring = open_keyring(&options.config)?;
        let backend = open_backend(&options.config, true).await?;
        let store = Lifecycle::new();
        let started =
            Self::start_on((&backend, &store), (keyring, catalog), doors, options, lifecycle.clone()).await;
        if started.is_err() {
            // Whoever tries again finds the database free.
            lifecycle.drain(LAST_COMMITS).await;
            store.drain(LAST_COMMITS).await;
            backend.close().await;
        }
        started
    }

    async fn start_on(
        (backend, store_life): (&Arc<dyn Backend>, &Lifecycle),
        (keyring, catalog): (Arc<Keyring>, Catalog),
        doors: Doors,
        options: Options,
        lifecycle: Lifecycle,
    ) -> Result<Self, StartError> {
        let Options { config, issuer_is_bound_address, accept_restore, clock } = options;
        let Doors { http: http_listener, grpc: grpc_listener, certificate } = doors;
        let (http, grpc) = (http_listener.address(), grpc_listener.address());
        let url = if issuer_is_bound_address { PublicUrl::loopback(http) } else { config.public_url.clone() };
        let url = url.as_str().trim_end_matches('/').to_owned();

        let (metrics, slow) = (Metrics::new(), config.telemetry.slow());
        metrics.process(env!("CARGO_PKG_VERSION"), database_kind(&config), clock.now());
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let (store, chain) = open_store(backend, &clock, &entropy, &metrics, &config, store_life);
        let (limits, chain_store) = (limits(&config), store.clone());
        let egress = Egress::new(limits.url_reach, Arc::clone(&clock)).map_err(StartError::Egress)?;
        let parts = Parts {
            store,
            keyring,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            limits,
            issuer_url: url.clone(),
            catalog,
            egress,
            spawn: spawner(&lifecycle),
        };
        let broker = Arc::new(Broker::new(parts));
        broker.open_keys().await?;
        let witness = config.audit.witness(&config.database.url).map(Witness::at);
        let restored = Witness::admit(witness.as_ref(), &**backend, accept_restore).await?;
        begin_chain(&chain_store, &chain, clock.now()).await?;
        broker.prepare().await?;
        if let Some(evidence) = restored {
            broker.void_the_past(evidence).await?;
        }
        broker.sign_checkpoint().await?;
        if let Some(witness) = &witness {
            witness.write(&**backend).await;
            lifecycle.spawn(witness.clone().keep(
                Arc::clone(&broker),
                Arc::clone(backend),
                lifecycle.clone(),
            ));
        }

        let tls = certificate.is_some();
        let request_id: Arc<dyn Fn() -> String + Send + Sync> = {
            let entropy = Arc::clone(&entropy);
            Arc::new(move || RequestId::random(&*entropy).as_str().to_owned())
        };
        let http_router = http::router(
            Arc::clone(&broker),
            http_parts(&metrics, slow, &request_id, tls, config.limits.body_bytes),
        );
        let edge = grpc::Edge { metrics: metrics.clone(), slow, new_request_id: Arc::clone(&request_id) };
        let grpc_router = grpc::router(&broker, edge)?;
        if let Some(certificate) = certificate {
            lifecycle.spawn(certificate.watch(lifecycle.clone()));
        }
        lifecycle.spawn(http_listener.serve(http_router, Arc::clone(&request_id), lifecycle.clone()));
        lifecycle.spawn(grpc_listener.serve(grpc_router, request_id, lifecycle.clone()));
        lifecycle.spawn(sign_heads(Arc::clone(&broker), lifecycle.clone()));
        lifecycle.spawn(gauges::watch(Arc::clone(&broker), metrics.clone(), lifecycle.clone()));
        let desk = Arc::new(Desk { broker: Arc::clone(&broker) });
        schedule::start(desk, &metrics, &clock, &lifecycle).await?;
        let drain = Duration::from_secs(config.drain_seconds.into());
        let (backend, store) = (Arc::clone(backend), store_life.clone());
        Ok(Self { http, grpc, url, broker, witness, backend, ways_in: lifecycle, store, drain })
    }

    /// Waits for the order to stop, lets what runs finish, and closes everything in order: ways in, what was counted,
    /// the audit chain's signed head, the committer, the database.
    pub async fn run(self) {
        self.ways_in.draining().await;
        let drained = self.ways_in.drain(self.drain).await;
        tracing::info!(?drained, "stopped answering");
        for (what, done) in [
            ("recording usage", self.broker.flush_usage(true).await),
            ("signing the audit chain", self.broker.sign_checkpoint().await.map(drop)),
        ] {
            if let Err(error) = done {
                tracing::warn!(%error, what, "failed while stopping");
            }
        }
        if let Some(witness) = &self.witness {
            witness.write(&*self.backend).await;
        }
        self.store.drain(LAST_COMMITS).await;
        self.backend.close().await;
    }
}

/// What callers come in by, bound and not yet answered.
struct Doors {
    http: Listener,
    grpc: Listener,
    certificate: Option<Arc<ReloadingCertificate>>,
}

impl Doors {
    fn open(config: &Config) -> Result<Self, StartError> {
        let certificate = config.tls.as_ref().map(ReloadingCertificate::load).transpose()?;
        let server_config = certificate.as_ref().map(ReloadingCertificate::server_config).transpose()?;
        let http = Listener::bind(config.http.address, server_config.clone())?;
        let grpc = Listener::bind(config.grpc.address, server_config)?;
        Ok(Self { http, grpc, certificate })
    }
}

/// Opens the database that the settings name; with `migrate` its schema is brought up to date first.
///
/// # Errors
/// It cannot be opened, is used by another process, or has a newer schema.
pub async fn open_backend(config: &Config, migrate: bool) -> Result<Arc<dyn Backend>, StartError> {
    Ok(match &config.database.url {
        DatabaseUrl::Sqlite(path) => sqlite::open(path, migrate).await?,
        DatabaseUrl::Postgres(url) => {
            postgres::open(url.expose(), config.database.max_connections, migrate).await?
        }
    })
}

/// Opens the keyring on the root keys that the settings name.
///
/// # Errors
/// They cannot be read.
pub fn open_keyring(config: &Config) -> Result<Arc<Keyring>, StartError> {
    let text = config.root_keys.load()?;
    let keys = RootKeys::parse(&text)?;
    Ok(Arc::new(Keyring::new(keys, Arc::new(OsEntropy))))
}

pub(super) fn open_store(
    backend: &Arc<dyn Backend>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    metrics: &Metrics,
    config: &Config,
    lifecycle: &Lifecycle,
) -> (Store, String) {
    let now = clock.now();
    let chain = entropy.id::<ChainId>(now).to_string();
    let queue = usize::try_from(config.limits.queue).unwrap_or(usize::MAX);
    let head = ChainHead::new(chain.clone(), now);
    let observer = Arc::new(Figures { metrics: metrics.clone(), slow: config.telemetry.slow() });
    let (committer, writer) = Committer::new(Arc::clone(backend), Arc::clone(clock), observer, head, queue);
    let (uses, reader) = UseReads::new(Arc::clone(backend), queue);
    lifecycle.spawn(writer.run(lifecycle.drain_token()));
    lifecycle.spawn(reader.run(lifecycle.drain_token()));
    let store = Store::new(Arc::clone(backend), committer, uses);
    (store, chain)
}

/// The first record of a chain names the newest chains it saw, so that one that vanishes is missed.
pub(super) async fn begin_chain(store: &Store, chain: &str, now: Instant) -> Result<(), StartError> {
    let mut seen = store.rows().list_chains().await?;
    seen.sort_by_key(|head| std::cmp::Reverse(head.started_at));
    let named: Vec<String> =
        seen.iter().take(CHAINS_NAMED).map(|head| format!("{}:{}", head.chain_id, head.seq)).collect();
    let record = AuditRecord::success(EventName::ChainStarted, &Actor::system(), chain, now);
    Ok(store.record(record.with("seen", named).with("chains", seen.len())).await?)
}

/// Tasks of the broker are tasks of the process's life.
fn spawner(lifecycle: &Lifecycle) -> broker::Spawn {
    let lifecycle = lifecycle.clone();
    Arc::new(move |task| drop(lifecycle.spawn(task)))
}

fn limits(config: &Config) -> Limits {
    let url_reach = if config.egress.allow_private { Reach::Anywhere } else { Reach::Public };
    let config = &config.limits;
    Limits {
        url_reach,
        max_leases_per_principal: config.max_leases_per_principal,
        requests_per_second: config.requests_per_second,
        burst: config.burst,
        max_renewals: config.max_renewals,
        max_lifetime_seconds: config.max_lifetime_seconds,
        // The settings were validated against the same bounds.
        default_ttl: Ttl::from_seconds(config.default_ttl_seconds.into()).unwrap_or(Ttl::DEFAULT),
    }
}

const fn database_kind(config: &Config) -> &'static str {
    match &config.database.url {
        DatabaseUrl::Sqlite(_) => "sqlite",
        DatabaseUrl::Postgres(_) => "postgres",
    }
}

fn http_parts(
    metrics: &Metrics,
    slow: Option<Duration>,
    request_id: &Arc<dyn Fn() -> String + Send + Sync>,
    tls: bool,
    body_bytes: u32,
) -> http::Parts {
    http::Parts {
        metrics: metrics.clone(),
        slow,
        new_request_id: Arc::clone(request_id),
        body_bytes: usize::try_from(body_bytes).unwrap_or(usize::MAX),
        tls,
    }
}

/// Signs the audit chain's head whenever so many records were added; the chore does so each minute for fewer.
async fn sign_heads(broker: Arc<Broker>, lifecycle: Lifecycle) {
    loop {
        tokio::select! {
            () = broker.records_to_sign(RECORDS_SIGNED_AT_ONCE) => {}
            () = lifecycle.draining() => return,
        }
        match broker.sign_checkpoint().await {
            Ok(true) => continue,
            // No key signs at the moment.
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the audit chain's head was not signed; it is tried again"),
        }
        tokio::time::sleep(SIGNING_PAUSE).await;
    }
}

impl From<broker::Error> for StartError {
    fn from(error: broker::Error) -> Self {
        Self::Broker(error)
    }
}

/// How many earlier chains a new one names; each of those names as many before it.
const CHAINS_NAMED: usize = 64;
const RECORDS_SIGNED_AT_ONCE: i64 = 1_000;
const SIGNING_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LAST_COMMITS: Duration = Duration::from_secs(10);
