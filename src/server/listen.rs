//! Listening: bind, accept, TLS, HTTP/1 and HTTP/2 on one port, and a graceful end.
//!
//! One connection is one task. Nothing that a peer does or fails to do holds up the accepting of others.

use std::{convert::Infallible, fmt, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use http::{Request, Response, Version};
use hyper::{body::Incoming, rt::Executor, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    time,
};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::{
    linger::Linger,
    named::{Named, NewRequestId},
    preface::Preface,
    unread::Watched,
};
use crate::lifecycle::Lifecycle;

/// A bound port.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

/// A port could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", why(source))]
pub struct BindError {
    /// The address that was asked for.
    pub address: SocketAddr,
    source: io::Error,
}

impl Listener {
    /// Binds the address. Port 0 picks a free one; [`address`](Self::address) tells which.
    ///
    /// # Errors
    /// The address is in use, not this machine's, or not allowed.
    pub fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Result<Self, BindError> {
        let bound = bind(address).and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (address, socket) = bound.map_err(|source| BindError { address, source })?;
        Ok(Self { socket, address, tls: tls.map(TlsAcceptor::from) })
    }

    /// The bound address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the drain is asked for, then closes the port. Connections are tasks of the lifecycle: they finish
    /// their requests, and [`Lifecycle::drain`] waits for them.
    ///
    /// Handlers find the peer's address as `ConnectInfo<SocketAddr>`. What is refused before a handler sees it gets an id
    /// from `new_request_id`.
    pub async fn serve(self, router: Router, new_request_id: NewRequestId, lifecycle: Lifecycle) {
        let Self { socket, tls, .. } = self;
        let connections =
            Connections { router: router.with_state(()), tls, new_request_id, lifecycle: lifecycle.clone() };
        loop {
            let accepted = tokio::select! {
                biased;
                () = lifecycle.draining() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    lifecycle.spawn(connections.clone().serve(stream, peer));
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections; trying again shortly");
                    time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_tls = self.tls.is_some();
        f.debug_struct("Listener")
            .field("address", &self.address)
            .field("tls", &has_tls)
            .finish_non_exhaustive()
    }
}

/// What every connection of a listener needs.
#[derive(Clone)]
struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    new_request_id: NewRequestId,
    lifecycle: Lifecycle,
}

impl Connections {
    async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "the connection is gone already");
            return;
        }
        let Some(tls) = &self.tls else { return self.converse(stream, peer).await };
        let handshake = tokio::select! {
            biased;
            () = self.lifecycle.stopped() => return,
            handshake = time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)) => handshake,
        };
        match handshake {
            Ok(Ok(stream)) => self.converse(stream, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS connection came about"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
    }

    async fn converse<S>(self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { router, new_request_id, lifecycle, .. } = self;
        let service = service_fn(move |request| answer(router.clone(), request, peer));
        let builder = builder(lifecycle.clone());
        let stream = Named::new(Linger::new(stream), peer, new_request_id);
        let stream = TokioIo::new(Preface::new(stream, HEADER_TIMEOUT));
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let draining = lifecycle.drain_token();
        let outcome = tokio::select! {
            biased;
            outcome = connection.as_mut() => outcome,
            () = draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    outcome = connection => outcome,
                    () = lifecycle.stopped() => return,
                }
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, %peer, "a connection broke off");
        }
    }
}

/// Runs the parts of HTTP/2 connections as tasks of the lifecycle.
#[derive(Clone)]
struct Tasks(Lifecycle);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

async fn answer(
    mut router: Router,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<axum::body::Body>, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    if request.version() > Version::HTTP_11 {
        return router.call(request).await;
    }
    let (parts, body) = request.into_parts();
    let (body, watch) = Watched::new(body);
    let mut response = router.call(Request::from_parts(parts, body)).await?;
    watch.finish(&mut response);
    Ok(response)
}

fn builder(lifecycle: Lifecycle) -> Builder<Tasks> {
    let mut builder = Builder::new(Tasks(lifecycle));
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restarted process can bind at once, though connections of the one before linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it or choose another port (0 picks a free one)".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "not allowed; ports below 1024 need a privilege, choose a higher one".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Whether accepting failed because of the one connection that was to be accepted.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

const BACKLOG: u32 = 1_024;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// For the HTTP/2 preface, or the head of the first request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// From an answer to the next request's header, its last byte included. Longer than programs keep connections that
/// they do not use, so that they rarely send into one that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
const MAX_STREAMS: u32 = 1_000;
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(200);
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
