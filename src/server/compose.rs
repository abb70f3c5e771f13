//! Composition: the one place that names concrete stores, clocks and listeners.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    broker::{self, Broker, Limits, Parts},
    chores::Desk,
    clock::Clock,
    config::{Config, DatabaseUrl, LimitsConfig, PublicUrl},
    entropy::{Entropy, OsEntropy},
    grpc, http,
    keyring::{Keyring, root::RootKeys},
    lifecycle::Lifecycle,
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::ChainId,
        instant::Instant,
        ttl::Ttl,
    },
    store::{Store, UseReads, backend::Backend, chain::ChainHead, committer::Committer, postgres, sqlite},
    telemetry::{Metrics, RequestId, UPKEEP_PERIOD},
};

use super::{StartError, figures::Figures, listen::Listener, schedule, tls::ReloadingCertificate};

/// What a server is started with.
pub struct Options {
    /// The settings, validated.
    pub config: Config,
    /// Whether the tokens' issuer is the address that HTTP was bound to, rather than the configured one.
    pub issuer_is_bound_address: bool,
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
    chain: String,
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
        let Options { config, issuer_is_bound_address, clock } = options;
        let certificate = config.tls.as_ref().map(ReloadingCertificate::load).transpose()?;
        let server_config = certificate.as_ref().map(ReloadingCertificate::server_config).transpose()?;
        let http_listener = Listener::bind(config.http.address, server_config.clone())?;
        let grpc_listener = Listener::bind(config.grpc.address, server_config)?;
        let (http, grpc) = (http_listener.address(), grpc_listener.address());
        let url = if issuer_is_bound_address { PublicUrl::loopback(http) } else { config.public_url.clone() };
        let url = url.as_str().trim_end_matches('/').to_owned();

        let keyring = open_keyring(&config)?;
        let backend = open_backend(&config, true).await?;
        let metrics = Metrics::new();
        let store_life = Lifecycle::new();
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let (store, chain) = open_store(&backend, &clock, &entropy, &metrics, &config, &store_life);
        let (limits, chain_store) = (limits(&config.limits), store.clone());
        let parts = Parts {
            store,
            keyring,
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            limits,
            issuer_url: url.clone(),
        };
        let broker = Arc::new(Broker::new(parts));
        broker.open_keys().await?;
        begin_chain(&chain_store, &chain, clock.now()).await?;
        broker.prepare().await?;

        let tls = certificate.is_some();
        let request_id: Arc<dyn Fn() -> String + Send + Sync> = {
            let entropy = Arc::clone(&entropy);
            Arc::new(move || RequestId::random(&*entropy).as_str().to_owned())
        };
        let http_router = http::router(
            Arc::clone(&broker),
            http_parts(&metrics, &request_id, tls, config.limits.body_bytes),
        );
        let grpc_router = grpc::router(&broker, grpc::Edge { clock, new_request_id: request_id })?;
        if let Some(certificate) = certificate {
            lifecycle.spawn(certificate.watch(lifecycle.clone()));
        }
        lifecycle.spawn(http_listener.serve(http_router, lifecycle.clone()));
        lifecycle.spawn(grpc_listener.serve(grpc_router, lifecycle.clone()));
        lifecycle.spawn(watch_figures(Arc::clone(&broker), metrics, lifecycle.clone()));
        schedule::start(Arc::new(Desk { broker: Arc::clone(&broker), chain: chain.clone() }), &lifecycle)
            .await?;
        let drain = Duration::from_secs(config.drain_seconds.into());
        Ok(Self { http, grpc, url, broker, chain, backend, ways_in: lifecycle, store: store_life, drain })
    }

    /// Waits for the order to stop, lets what runs finish, and closes everything in order: ways in, what was counted,
    /// the audit chain's signed head, the committer, the database.
    pub async fn run(self) {
        self.ways_in.draining().await;
        let drained = self.ways_in.drain(self.drain).await;
        tracing::info!(?drained, "stopped answering");
        for (what, done) in [
            ("recording usage", self.broker.flush_usage(true).await),
            ("signing the audit chain", self.broker.sign_checkpoint(&self.chain).await.map(drop)),
        ] {
            if let Err(error) = done {
                tracing::warn!(%error, what, "failed while stopping");
            }
        }
        self.store.drain(LAST_COMMITS).await;
        self.backend.close().await;
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

fn open_store(
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
    let observer = Arc::new(Figures(metrics.clone()));
    let (committer, writer) = Committer::new(Arc::clone(backend), Arc::clone(clock), observer, head, queue);
    let (uses, reader) = UseReads::new(Arc::clone(backend), queue);
    lifecycle.spawn(writer.run(lifecycle.drain_token()));
    lifecycle.spawn(reader.run(lifecycle.drain_token()));
    let store = Store::new(Arc::clone(backend), committer, uses);
    (store, chain)
}

/// The first record of a chain names the newest chains it saw, so that one that vanishes is missed.
async fn begin_chain(store: &Store, chain: &str, now: Instant) -> Result<(), StartError> {
    let mut seen = store.rows().list_chains().await?;
    seen.sort_by_key(|head| std::cmp::Reverse(head.started_at));
    let named: Vec<String> =
        seen.iter().take(CHAINS_NAMED).map(|head| format!("{}:{}", head.chain_id, head.seq)).collect();
    let record = AuditRecord::success(EventName::ChainStarted, &Actor::system(), chain, now);
    Ok(store.record(record.with("seen", named).with("chains", seen.len())).await?)
}

fn limits(config: &LimitsConfig) -> Limits {
    Limits {
        max_leases_per_principal: config.max_leases_per_principal,
        requests_per_second: config.requests_per_second,
        burst: config.burst,
        max_renewals: config.max_renewals,
        max_lifetime_seconds: config.max_lifetime_seconds,
        // The settings were validated against the same bounds.
        default_ttl: Ttl::from_seconds(config.default_ttl_seconds.into()).unwrap_or(Ttl::DEFAULT),
    }
}

fn http_parts(
    metrics: &Metrics,
    request_id: &Arc<dyn Fn() -> String + Send + Sync>,
    tls: bool,
    body_bytes: u32,
) -> http::Parts {
    let (render, count) = (metrics.clone(), metrics.clone());
    http::Parts {
        render_metrics: Arc::new(move || render.render()),
        new_request_id: Arc::clone(request_id),
        on_response: Arc::new(move |answered: http::Answered| {
            let took = Duration::from_micros(answered.micros);
            count.request(answered.operation, super::figures::status_text(answered.status), took);
        }),
        body_bytes: usize::try_from(body_bytes).unwrap_or(usize::MAX),
        tls,
    }
}

async fn watch_figures(broker: Arc<Broker>, metrics: Metrics, lifecycle: Lifecycle) {
    loop {
        metrics.upkeep();
        metrics.queue_depth(broker.queue_depth());
        match broker.live_leases().await {
            Ok(live) => metrics.live_leases(u64::try_from(live).unwrap_or_default()),
            Err(error) => tracing::debug!(%error, "live leases could not be counted"),
        }
        tokio::select! {
            () = tokio::time::sleep(UPKEEP_PERIOD) => {}
            () = lifecycle.draining() => return,
        }
    }
}

impl From<broker::Error> for StartError {
    fn from(error: broker::Error) -> Self {
        Self::Broker(error)
    }
}

/// How many earlier chains a new one names; each of those names as many before it.
const CHAINS_NAMED: usize = 64;
const LAST_COMMITS: Duration = Duration::from_secs(10);
