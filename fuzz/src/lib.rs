//! What the fuzz targets share: a whole broker on a fresh database, asked in this process, without sockets.
//!
//! The clock is moved by hand, so that no limit on the rate ever hides the code behind it. A panic anywhere in the
//! process ends it: libFuzzer's hook sees to that, even where the product would catch it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
};

use axum::{Router, body::Body, extract::Request, http::StatusCode, response::Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use leasehold::{
    broker::{Broker, Development, Origin},
    clock::{Clock as _, ManualClock},
    config::{Config, LimitsConfig, RootKeySource},
    entropy::SeededEntropy,
    grpc, http,
    keyring::root,
    lifecycle::Lifecycle,
    model::instant::Instant,
    server::{Options, Server},
    telemetry::Metrics,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

/// The one of this process.
pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// A broker with the development data, and its ways in.
pub struct World {
    /// The tokens of the development data.
    pub tokens: Development,
    broker: Arc<Broker>,
    clock: Arc<ManualClock>,
    http: Router,
    grpc: Router,
    runtime: Runtime,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::new(START));
        let (broker, tokens) = runtime.block_on(start(folder.path(), &clock));
        let http = http::router(Arc::clone(&broker), http_parts());
        let new_request_id = Arc::new(|| "fuzz".to_owned());
        let edge = grpc::Edge { metrics: Metrics::new(), slow: None, new_request_id };
        let grpc = grpc::router(&broker, edge).expect("the descriptors fit");
        Self { tokens, broker, clock, http, grpc, runtime, _folder: folder }
    }

    /// Sends a request to the HTTP interface, and reads the answer to its end. The broker must not be at fault.
    pub fn ask_http(&self, request: Request) -> (StatusCode, Bytes) {
        let (status, body) = self.ask(&self.http, request);
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&body));
        (status, body)
    }

    /// Sends a request to the gRPC interface, and reads the answer to its end.
    pub fn ask_grpc(&self, request: Request) -> (StatusCode, Bytes) {
        self.ask(&self.grpc, request)
    }

    /// Reads the value of an `Authorization` header.
    pub fn authenticate(&self, authorization: &str) -> bool {
        self.tick();
        let origin = Origin { address: None, request_id: "fuzz".to_owned() };
        self.runtime.block_on(self.broker.authenticate(Some(authorization), origin)).is_ok()
    }

    fn ask(&self, router: &Router, request: Request) -> (StatusCode, Bytes) {
        self.tick();
        self.runtime.block_on(async {
            let answer = router.clone().oneshot(request).await;
            let (parts, body) = answer.map(Response::into_parts).expect("a router answers");
            let body = body.collect().await.map(|collected| collected.to_bytes()).unwrap_or_default();
            (parts.status, body)
        })
    }

    /// Long enough for the limit on failed attempts, 20 a second, to forget the last one.
    fn tick(&self) {
        self.clock.set(self.clock.now().plus_micros(60_000));
    }
}

async fn start(folder: &std::path::Path, clock: &Arc<ManualClock>) -> (Arc<Broker>, Development) {
    let mut config = Config::development(folder);
    config.http.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.grpc.address = config.http.address;
    let key = root::generate("fuzz", &SeededEntropy::new(1)).expect("a root key");
    config.root_keys = RootKeySource::Text(key);
    config.limits = LimitsConfig { requests_per_second: 1_000_000, burst: 1_000_000, ..config.limits };
    let options = Options { config, issuer_is_bound_address: false, accept_restore: false, clock: clock.clone() };
    let server = Server::start(options, Lifecycle::new()).await.expect("the server starts");
    let broker = Arc::clone(&server.broker);
    broker.seed_development().await.expect("the development data");
    let tokens = broker.mint_development().await.expect("tokens");
    // Its tasks live as long as the runtime does.
    std::mem::forget(server);
    (broker, tokens)
}

fn http_parts() -> http::Parts {
    http::Parts {
        metrics: Metrics::new(),
        slow: None,
        new_request_id: Arc::new(|| "fuzz".to_owned()),
        body_bytes: 1 << 20,
        tls: false,
    }
}

/// Takes the first byte as a choice among `many`.
pub fn choose(data: &[u8], many: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((usize::from(*first) % many, rest))
}

/// A request's body.
pub fn body(bytes: &[u8]) -> Body {
    Body::from(Bytes::copy_from_slice(bytes))
}

/// 2026-03-01.
const START: Instant = Instant::from_micros(1_772_323_200_000_000);
