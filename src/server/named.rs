//! Answers that never pass the router: hyper refuses by itself what it cannot read as a request (400, 414, 431), and
//! knows nothing of request ids. Each such answer gets one here, on its way out, and a line in the log.
//!
//! Only whole answers of hyper's own form are touched: a head, a refusal, without a body and without an id.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::telemetry::REQUEST_ID_HEADER;

/// Makes the id of a request that has none.
pub type NewRequestId = Arc<dyn Fn() -> String + Send + Sync>;

/// A stream whose bare refusals get a request id.
pub(super) struct Named<S> {
    stream: S,
    peer: SocketAddr,
    new_id: NewRequestId,
    /// What is written instead of a refusal, and how much of it is left; begun, it is written to its end.
    instead: Vec<u8>,
}

impl<S> Named<S> {
    /// Around a stream to a peer.
    pub(super) const fn new(stream: S, peer: SocketAddr, new_id: NewRequestId) -> Self {
        Self { stream, peer, new_id, instead: Vec::new() }
    }

    fn name(&self, head: &[u8]) -> Vec<u8> {
        let request_id = (self.new_id)();
        let status = head.get(STATUS.len() - 1..STATUS.len() + 2).map(String::from_utf8_lossy);
        let (status, peer) = (status.as_deref(), self.peer);
        tracing::info!(request_id, status, %peer, "a request that cannot be read was refused");
        let kept = head.strip_suffix(b"\r\n").unwrap_or(head);
        [kept, format!("{REQUEST_ID_HEADER}: {request_id}\r\n\r\n").as_bytes()].concat()
    }
}

impl<S: AsyncWrite + Unpin> Named<S> {
    /// Writes what stands instead of the `owed` bytes that were to be written.
    fn poll_instead(&mut self, cx: &mut Context<'_>, owed: usize) -> Poll<io::Result<usize>> {
        while !self.instead.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.drain(..written);
        }
        Poll::Ready(Ok(owed))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Named<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_empty() && !is_bare_refusal(bytes) {
            return Pin::new(&mut this.stream).poll_write(cx, bytes);
        }
        if this.instead.is_empty() {
            this.instead = this.name(bytes);
        }
        this.poll_instead(cx, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        match first {
            Some(first) if !self.instead.is_empty() || is_bare_refusal(first) => self.poll_write(cx, first),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Named<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

fn is_bare_refusal(bytes: &[u8]) -> bool {
    bytes.starts_with(STATUS)
        && bytes.ends_with(b"\r\n\r\n")
        && has(bytes, b"\r\ncontent-length: 0\r\n")
        && !has(bytes, REQUEST_ID_HEADER.as_bytes())
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// How a refusal of the client's begins.
const STATUS: &[u8] = b"HTTP/1.1 4";

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    async fn sent(chunks: &[&[u8]]) -> String {
        // Room for a few bytes at a time: every write is cut into parts.
        let (mut peer, stream) = duplex(7);
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let mut named = Named::new(stream, address, Arc::new(|| "made-here".to_owned()));
        let write = async {
            for chunk in chunks {
                named.write_all(chunk).await.unwrap();
            }
            drop(named);
        };
        let mut text = String::new();
        let ((), read) = tokio::join!(write, peer.read_to_string(&mut text));
        read.unwrap();
        text
    }

    #[tokio::test]
    async fn a_bare_refusal_gets_an_id_and_all_else_stays() {
        let bare = "HTTP/1.1 431 Too Large\r\ncontent-length: 0\r\n\r\n";
        let named = "HTTP/1.1 431 Too Large\r\ncontent-length: 0\r\nx-request-id: made-here\r\n\r\n";
        assert_eq!(sent(&[bare.as_bytes()]).await, named);
        for kept in [
            named,
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 4",
            "",
        ] {
            assert_eq!(sent(&[kept.as_bytes()]).await, kept);
        }
        let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(sent(&[ok.as_bytes(), bare.as_bytes()]).await, format!("{ok}{named}"));
    }
}
