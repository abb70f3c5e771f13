//! Ports: free, or who answers there.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use leasehold_proto::v1::lease_service_server;
use prost::Message as _;
use reqwest::{Client, ClientBuilder, redirect::Policy};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::config::Config;

use super::finding::Finding;

/// What is asked at a port to find out whether a broker listens there.
#[derive(Clone, Copy)]
enum Listener {
    Http,
    Grpc,
}

/// Both listeners.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let is_plain = config.tls.is_none();
    vec![
        port(Listener::Http, config.http.address, is_plain).await,
        port(Listener::Grpc, config.grpc.address, is_plain).await,
    ]
}

async fn port(listener: Listener, address: SocketAddr, is_plain: bool) -> Finding {
    let name = listener.name();
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(CHECK, format!("{name}: {address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken(listener, address, is_plain).await,
        Err(error) => Finding::problem(
            CHECK,
            format!("{name}: {address} cannot be listened at: {error}"),
            format!("choose another {name}.address, or give the broker's user the right to this one"),
        ),
    }
}

/// Behind TLS nobody is asked: whose certificate it is would have to be judged first.
async fn taken(listener: Listener, address: SocketAddr, is_plain: bool) -> Finding {
    let name = listener.name();
    if is_plain && listener.answers_as_broker(address).await {
        return Finding::ok(CHECK, format!("{name}: a broker answers at {address} already"));
    }
    let what = format!("{name}: {address} is in use");
    let advice =
        format!("unless that is this broker, running: end that program, or choose another {name}.address");
    if is_plain {
        Finding::problem(CHECK, what + ", and it is no broker that answers", advice)
    } else {
        Finding::warning(CHECK, what, advice)
    }
}

impl Listener {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }

    async fn answers_as_broker(self, address: SocketAddr) -> bool {
        let answers = match self {
            Self::Http => answers_readiness(address).await,
            Self::Grpc => answers_health(address).await,
        };
        answers.unwrap_or(false)
    }
}

/// Whether what answers `/readyz` there has the form of a broker's answer.
async fn answers_readiness(address: SocketAddr) -> reqwest::Result<bool> {
    let answer = plain(Client::builder())?.get(format!("http://{address}/readyz")).send().await?;
    let text = answer.text().await?;
    Ok(text.contains("\"status\":\"ready\"") || text.contains("\"code\":"))
}

/// Whether the health service there knows the service of leases, ready or not.
async fn answers_health(address: SocketAddr) -> reqwest::Result<bool> {
    let message =
        HealthCheckRequest { service: lease_service_server::SERVICE_NAME.to_owned() }.encode_to_vec();
    // A frame (gRPC over HTTP/2, "Length-Prefixed-Message"): not compressed, the length in four bytes, the message.
    let length = u32::try_from(message.len()).unwrap_or_default().to_be_bytes();
    let frame = [&[0], &length[..], &message[..]].concat();
    let client = plain(Client::builder().http2_prior_knowledge())?;
    let request = client.post(format!("http://{address}/grpc.health.v1.Health/Check"));
    let request = request.header("content-type", "application/grpc").header("te", "trailers").body(frame);
    let answer = request.send().await?.bytes().await?;
    let message = answer.get(FRAME_HEAD..).filter(|message| !message.is_empty());
    Ok(message.is_some_and(|message| HealthCheckResponse::decode(message).is_ok()))
}

/// A client that asks this address and nobody else.
fn plain(client: ClientBuilder) -> reqwest::Result<Client> {
    // Installed already when this process did TLS before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    client.no_proxy().timeout(PATIENCE).redirect(Policy::none()).build()
}

const CHECK: &str = "ports";
const PATIENCE: Duration = Duration::from_secs(4);
/// The bytes before a message.
const FRAME_HEAD: usize = 5;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::{super::finding::Level, *};

    fn answers(other: TcpListener, bytes: &'static [u8]) -> std::thread::JoinHandle<TcpListener> {
        std::thread::spawn(move || {
            let (mut stream, _) = other.accept().unwrap();
            let _ = stream.read(&mut [0; 512]).unwrap();
            stream.write_all(bytes).unwrap();
            drop(stream);
            other
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_port_is_free_or_somebody_elses() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        for listener in [Listener::Http, Listener::Grpc] {
            assert_eq!(port(listener, address, false).await.level, Level::Warning);
        }
        let foreign: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello";
        let mut other = other;
        for listener in [Listener::Http, Listener::Grpc] {
            let answering = answers(other, foreign);
            let found = port(listener, address, true).await;
            assert_eq!(found.level, Level::Problem, "{found:?}");
            other = answering.join().unwrap();
        }
        let ready: &[u8] =
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"status\":\"ready\",\"version\":\"0.1.0\"}";
        let answering = answers(other, ready);
        assert_eq!(port(Listener::Http, address, true).await.level, Level::Ok);
        answering.join().unwrap();
        assert_eq!(port(Listener::Http, "127.0.0.1:0".parse().unwrap(), true).await.level, Level::Ok);
        let foreign = port(Listener::Http, "192.0.2.1:80".parse().unwrap(), true).await;
        assert_eq!(foreign.level, Level::Problem, "{foreign:?}");
    }
}
