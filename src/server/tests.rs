//! Listeners with real sockets: both protocols, plain and over TLS, renewed certificates, and the end.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, routing::get};
use http::Version;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
};

use super::{
    listen::Listener,
    tls::{Reload, ReloadingCertificate, TlsError},
};
use crate::{
    config::TlsConfig,
    lifecycle::{Drained, Lifecycle},
};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn one_plain_port_speaks_both_protocols() {
    let (address, lifecycle) = served(hello(), None);
    for (client, version) in [
        (reqwest::Client::builder().http1_only(), Version::HTTP_11),
        (reqwest::Client::builder().http2_prior_knowledge(), Version::HTTP_2),
    ] {
        let client = provided(client).build().unwrap();
        let answer = client.get(format!("http://{address}/")).send().await.unwrap();
        assert_eq!(answer.version(), version);
        assert_eq!(answer.text().await.unwrap(), "hello 127.0.0.1");
    }
    assert_eq!(lifecycle.drain(LONG).await, Drained::Clean);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_request_id() {
    let (address, _lifecycle) = served(hello(), None);
    let long = "x".repeat(100_000);
    let many = "a: b\r\n".repeat(200);
    for (request, status) in [
        ("nothing that is HTTP\r\n\r\n".to_owned(), "400"),
        (format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), "414"),
        (format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n"), "431"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.ends_with("\r\nx-request-id: made-here\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn tls_offers_both_protocols_and_a_silent_peer_holds_up_nobody() {
    let pair = Pair::new("first");
    let certificate = ReloadingCertificate::load(&pair.files()).unwrap();
    let (address, _lifecycle) = served(hello(), Some(&certificate));
    let _silent = TcpStream::connect(address).await.unwrap();
    let url = format!("https://localhost:{}/", address.port());
    for (client, version) in [
        (reqwest::Client::builder().http1_only(), Version::HTTP_11),
        (reqwest::Client::builder(), Version::HTTP_2),
    ] {
        let client = trusting(client, &pair.certificate);
        assert_eq!(client.get(&url).send().await.unwrap().version(), version);
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let mut pair = Pair::new("first");
    let certificate = ReloadingCertificate::load(&pair.files()).unwrap();
    let (address, _lifecycle) = served(hello(), Some(&certificate));
    let url = format!("https://localhost:{}/", address.port());
    let trusts = async |pem: &str| trusting(reqwest::Client::builder(), pem).get(&url).send().await.is_ok();
    let first = pair.certificate.clone();
    assert!(trusts(&first).await);
    assert_eq!(certificate.reload_if_changed().unwrap(), Reload::Unchanged);

    pair.replace();
    assert_eq!(certificate.reload_if_changed().unwrap(), Reload::Replaced);
    assert!(trusts(&pair.certificate).await);
    assert!(!trusts(&first).await);
}

#[tokio::test]
async fn a_broken_renewal_leaves_the_certificate_in_use() {
    let pair = Pair::new("first");
    let certificate = ReloadingCertificate::load(&pair.files()).unwrap();
    let (address, _lifecycle) = served(hello(), Some(&certificate));
    let url = format!("https://localhost:{}/", address.port());

    let files = pair.files();
    fs::write(&files.certificate, "not a certificate at all").unwrap();
    let error = certificate.reload_if_changed().unwrap_err();
    assert!(matches!(error, TlsError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("tls.crt is not a PEM file with a certificate chain"), "{error}");
    assert_eq!(certificate.reload_if_changed().unwrap(), Reload::Unchanged, "not tried over and over");

    let other = Pair::new("other");
    fs::write(&files.certificate, &other.certificate).unwrap();
    let error = certificate.reload_if_changed().unwrap_err();
    assert!(matches!(error, TlsError::Unusable { .. }), "a key of another certificate: {error}");

    let client = trusting(reqwest::Client::builder(), &pair.certificate);
    assert!(client.get(&url).send().await.is_ok());
}

#[test]
fn missing_files_are_named() {
    let files = TlsConfig { certificate: "/nowhere/tls.crt".into(), key: "/nowhere/tls.key".into() };
    let error = ReloadingCertificate::load(&files).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/tls.crt cannot be read: "), "{error}");
}

#[tokio::test]
async fn a_drain_lets_a_running_request_finish() {
    for client in
        [reqwest::Client::builder().http1_only(), reqwest::Client::builder().http2_prior_knowledge()]
    {
        let (running, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (address, lifecycle) = served(gated(&running, &gate), None);
        let client = provided(client).build().unwrap();
        let request = requested(&client, address);
        running.notified().await;

        let (outcome, answer) = tokio::join!(lifecycle.drain(LONG), async {
            while TcpStream::connect(address).await.is_ok() {
                // Nobody is told when the port is closed: ask again.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            gate.notify_one();
            request.await.unwrap().unwrap().text().await.unwrap()
        });
        assert_eq!((outcome, answer.as_str()), (Drained::Clean, "done"));
    }
}

#[tokio::test]
async fn a_request_that_outlasts_the_drain_is_cut() {
    let (running, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (address, lifecycle) = served(gated(&running, &gate), None);
    let client = provided(reqwest::Client::builder().http1_only()).build().unwrap();
    let request = requested(&client, address);
    running.notified().await;
    assert_eq!(lifecycle.drain(Duration::from_millis(30)).await, Drained::Forced { running: 1 });
    assert!(request.await.unwrap().is_err());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_drain() {
    let (address, lifecycle) = served(hello(), None);
    let client = provided(reqwest::Client::builder()).build().unwrap();
    client.get(format!("http://{address}/")).send().await.unwrap().text().await.unwrap();
    let _silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(lifecycle.drain(Duration::from_secs(5)).await, Drained::Clean);
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let first = Listener::bind(ANY_PORT, None).unwrap();
    let error = Listener::bind(first.address(), None).unwrap_err();
    let expected = format!(
        "cannot listen on {}: another program listens there; stop it or choose another port (0 picks a free one)",
        first.address()
    );
    assert_eq!(error.to_string(), expected);
}

fn served(router: Router, certificate: Option<&Arc<ReloadingCertificate>>) -> (SocketAddr, Lifecycle) {
    let tls = certificate.map(|certificate| certificate.server_config().unwrap());
    let listener = Listener::bind(ANY_PORT, tls).unwrap();
    let address = listener.address();
    let lifecycle = Lifecycle::new();
    let new_request_id = Arc::new(|| "made-here".to_owned());
    lifecycle.spawn(listener.serve(router, new_request_id, lifecycle.clone()));
    (address, lifecycle)
}

fn hello() -> Router {
    Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { format!("hello {}", peer.ip()) }),
    )
}

/// A handler that tells that it runs, and waits at a gate.
fn gated(running: &Arc<Notify>, gate: &Arc<Notify>) -> Router {
    let (running, gate) = (Arc::clone(running), Arc::clone(gate));
    Router::new().route(
        "/",
        get(async move || {
            running.notify_one();
            gate.notified().await;
            "done"
        }),
    )
}

fn requested(
    client: &reqwest::Client,
    address: SocketAddr,
) -> JoinHandle<reqwest::Result<reqwest::Response>> {
    let request = client.get(format!("http://{address}/"));
    Lifecycle::new().spawn(async move { request.send().await })
}

/// Gives the client the cryptography that it is built without.
fn provided(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    // An earlier test of the same process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder.no_proxy()
}

fn trusting(builder: reqwest::ClientBuilder, pem: &str) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    provided(builder).tls_certs_only([root]).build().unwrap()
}

/// A certificate for `localhost` and its key, in files.
struct Pair {
    directory: TempDir,
    certificate: String,
}

impl Pair {
    fn new(name: &str) -> Self {
        let directory = tempfile::Builder::new().prefix(name).tempdir().unwrap();
        let certificate = write_pair(directory.path());
        Self { directory, certificate }
    }

    fn files(&self) -> TlsConfig {
        let at = |name| self.directory.path().join(name);
        TlsConfig { certificate: at("tls.crt"), key: at("tls.key") }
    }

    fn replace(&mut self) {
        self.certificate = write_pair(self.directory.path());
    }
}

fn write_pair(directory: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    fs::write(directory.join("tls.crt"), &certificate).unwrap();
    fs::write(directory.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    certificate
}
