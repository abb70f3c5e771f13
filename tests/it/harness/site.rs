//! Installations and what runs on them: the composition of the product itself, with a clock moved by hand, ports that
//! the system picks, and settings that a test may change between two starts.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use leasehold::{
    broker::Broker,
    clock::ManualClock,
    config::{Config, LimitsConfig, RootKeySource},
    entropy::OsEntropy,
    keyring::root,
    lifecycle::Lifecycle,
    model::secret::SecretText,
    server::{self, Options, Server, StartError},
    store::backend::Backend,
};
use tokio::{sync::Mutex, task::JoinHandle};

use super::{
    api::{Api, grpc::Grpc, http::Http, in_process::InProcess},
    database::{Database, Engine},
    scene::Transport,
};

/// A database, keys, limits and a clock: what a server is started on, once or again.
pub(crate) struct Installation {
    pub(crate) database: Database,
    pub(crate) clock: Arc<ManualClock>,
    /// `id:base64,…`, the first seals.
    pub(crate) root_keys: String,
    pub(crate) limits: LimitsConfig,
    /// Where the newest signed heads are kept.
    pub(crate) witness: Option<PathBuf>,
    pub(crate) accept_restore: bool,
    /// Whether credentials may lead to addresses of this machine, as those of stand-ins do.
    pub(crate) allow_private: bool,
    /// Services of its own, a file each.
    pub(crate) services: Option<PathBuf>,
}

/// A running server.
pub(crate) struct Site {
    pub(crate) broker: Arc<Broker>,
    pub(crate) url: String,
    pub(crate) grpc: SocketAddr,
    lifecycle: Lifecycle,
    running: JoinHandle<()>,
}

/// An installation with its server, and the three ways to ask it.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) url: String,
    pub(crate) grpc: SocketAddr,
    broker: Arc<Broker>,
    apis: [Box<dyn Api>; 3],
    rest: Mutex<Option<(Installation, Site)>>,
}

impl Installation {
    /// A fresh one; nothing runs yet, and the database has no schema.
    pub(crate) async fn new(engine: Engine) -> Self {
        Self {
            database: Database::fresh(engine).await,
            clock: Arc::new(ManualClock::new(START.parse().expect("an instant"))),
            root_keys: new_root_key("it"),
            limits: LimitsConfig::default(),
            witness: None,
            accept_restore: false,
            allow_private: false,
            services: None,
        }
    }

    /// Starts a server on it.
    pub(crate) async fn start(&self) -> Result<Site, StartError> {
        let lifecycle = Lifecycle::new();
        let clock = Arc::clone(&self.clock);
        let accept_restore = self.accept_restore;
        let options = Options { config: self.config(), issuer_is_bound_address: true, accept_restore, clock };
        let server = Server::start(options, lifecycle.clone()).await?;
        Ok(Site {
            broker: Arc::clone(&server.broker),
            url: server.url.clone(),
            grpc: server.grpc,
            lifecycle,
            // Not a task of the server's own life: that one is what it waits for.
            running: Lifecycle::new().spawn(server.run()),
        })
    }

    /// Starts a server on it, which must succeed, and everything that is needed to play on it.
    pub(crate) async fn opens(self) -> Arc<World> {
        let site = self.start().await.unwrap_or_else(|error| panic!("the server starts: {error}"));
        Arc::new(World::new(self, site))
    }

    /// The same with other root keys.
    pub(crate) fn with_root_keys(self, keys: &str) -> Self {
        Self { root_keys: keys.to_owned(), ..self }
    }

    /// The database as the product sees it, while no server runs.
    pub(crate) async fn backend(&self) -> Arc<dyn Backend> {
        server::open_backend(&self.config(), false).await.expect("the database opens")
    }

    /// Removes the database.
    pub(crate) async fn remove(self) {
        self.database.remove().await;
    }

    fn config(&self) -> Config {
        let mut config = Config::development(Path::new("unused"));
        config.http.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.grpc.address = config.http.address;
        config.root_keys = RootKeySource::Text(SecretText::new(self.root_keys.clone()));
        config.database.url = self.database.url.clone();
        config.database.max_connections = 8;
        config.limits = self.limits;
        config.audit.witness_file = Some(self.witness.clone().unwrap_or_default());
        // As in production, unless told: what must be refused there is refused here.
        config.egress.allow_private = self.allow_private;
        config.services.directory = self.services.clone();
        config
    }
}

impl Site {
    /// Stops it as an operator does, and waits until it is gone.
    pub(crate) async fn stop(self) {
        self.lifecycle.begin_drain();
        drop(self.broker);
        self.running.await.expect("the server ends");
    }
}

impl World {
    fn new(installation: Installation, site: Site) -> Self {
        let apis: [Box<dyn Api>; 3] = [
            Box::new(InProcess::new(Arc::clone(&site.broker))),
            Box::new(Http::new(&site.url)),
            Box::new(Grpc::new(site.grpc)),
        ];
        Self {
            clock: Arc::clone(&installation.clock),
            url: site.url.clone(),
            grpc: site.grpc,
            broker: Arc::clone(&site.broker),
            apis,
            rest: Mutex::new(Some((installation, site))),
        }
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    pub(crate) fn api(&self, via: Transport) -> &dyn Api {
        let [in_process, http, grpc] = &self.apis;
        &**match via {
            Transport::InProcess => in_process,
            Transport::Http => http,
            Transport::Grpc => grpc,
        }
    }

    /// Asks something of the database, past the broker.
    pub(crate) async fn with_database<T>(&self, look: impl AsyncFnOnce(&Database) -> T) -> T {
        let rest = self.rest.lock().await;
        let (installation, _) = rest.as_ref().expect("the world has not ended");
        look(&installation.database).await
    }

    /// Stops the server, and gives back what it ran on.
    pub(crate) async fn closes(&self) -> Installation {
        let (installation, site) = self.rest.lock().await.take().expect("the world has not ended");
        site.stop().await;
        installation
    }

    /// Stops the server and removes the database.
    pub(crate) async fn end(&self) {
        self.closes().await.remove().await;
    }
}

/// A root key nobody used before, `id:base64`.
pub(crate) fn new_root_key(id: &str) -> String {
    root::generate(id, &OsEntropy).expect("a key id").expose().to_owned()
}

/// Where every test's clock begins.
const START: &str = "2026-03-01T12:00:00Z";
