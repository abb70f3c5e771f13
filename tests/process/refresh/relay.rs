//! The way of one broker to its database, which a test can close and open.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// Passes on what comes, while it is open. It ends with the value.
pub(super) struct Relay {
    at: SocketAddr,
    open: Arc<watch::Sender<bool>>,
    accepting: AbortHandle,
}

impl Relay {
    /// One that is open, to a database's URL.
    pub(super) async fn to(url: &str) -> Self {
        let to = address(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let open = Arc::new(watch::Sender::new(true));
        let accepting = tokio::spawn(accept(listener, to, Arc::clone(&open))).abort_handle();
        Self { at, open, accepting }
    }

    /// The same URL through the relay.
    pub(super) fn url(&self, url: &str) -> String {
        url.replace(address(url), &self.at.to_string())
    }

    /// Ends every connection, and lets nobody through.
    pub(super) fn close(&self) {
        self.open.send_replace(false);
    }

    /// Lets everybody through again.
    pub(super) fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, to: String, open: Arc<watch::Sender<bool>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Finished ones are of no interest.
        while connections.try_join_next().is_some() {}
        connections.spawn(pass(stream, to.clone(), open.subscribe()));
    }
}

async fn pass(mut here: TcpStream, to: String, mut open: watch::Receiver<bool>) {
    if !*open.borrow_and_update() {
        return;
    }
    let Ok(mut there) = TcpStream::connect(to).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut here, &mut there) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}

/// Host and port of `postgres://USER@HOST:PORT/NAME`.
fn address(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL");
    let (authority, _) = rest.split_once('/').expect("a database's name");
    authority.rsplit_once('@').map_or(authority, |(_, address)| address)
}
