//! A deadline for the first bytes of a connection.
//!
//! To tell HTTP/2 from HTTP/1, the server reads up to 24 bytes before any of hyper's own deadlines begins; a peer that
//! sends fewer would hold the connection for ever.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A stream whose reads fail if the peer takes too long to show which protocol it speaks.
pub(super) struct Preface<S> {
    stream: S,
    /// How many bytes of the HTTP/2 preface have come so far.
    matched: usize,
    /// Gone as soon as the protocol is known.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Preface<S> {
    /// Begins to wait.
    pub(super) fn new(stream: S, deadline: Duration) -> Self {
        Self { stream, matched: 0, deadline: Some(Box::pin(sleep(deadline))) }
    }

    fn see(&mut self, bytes: &[u8]) {
        let expected = HTTP2_PREFACE.get(self.matched..).unwrap_or_default();
        let is_decided = bytes.len() >= expected.len() || !expected.starts_with(bytes);
        if is_decided {
            self.deadline = None;
        }
        self.matched += bytes.len();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Preface<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(deadline) = &mut this.deadline else {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        };
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Ready(outcome) => {
                this.see(buffer.filled().get(before..).unwrap_or_default());
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                ready!(deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Preface<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// RFC 9113, section 3.4.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    async fn times_out(chunks: &[&[u8]]) -> bool {
        let (mut peer, stream) = duplex(64);
        let mut preface = Preface::new(stream, SHORT);
        let mut seen = Vec::new();
        for chunk in chunks {
            peer.write_all(chunk).await.unwrap();
            let mut buffer = [0; 64];
            let read = preface.read(&mut buffer).await.unwrap();
            seen.extend_from_slice(&buffer[..read]);
        }
        assert_eq!(seen, chunks.concat());
        let silence = tokio::time::timeout(SHORT * 5, preface.read_u8()).await;
        matches!(silence, Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut)
    }

    #[tokio::test]
    async fn silence_and_half_a_preface_run_out() {
        assert!(times_out(&[]).await);
        assert!(times_out(&[b"P"]).await);
        assert!(times_out(&[b"PRI * HTTP", b"/2.0\r\n\r\nSM\r\n"]).await);
    }

    #[tokio::test]
    async fn a_known_protocol_may_take_its_time() {
        assert!(!times_out(&[b"GET"]).await);
        assert!(!times_out(&[b"P", b"OST / HTTP/1.1"]).await);
        assert!(!times_out(&[HTTP2_PREFACE]).await);
        assert!(!times_out(&[b"PRI * HTTP/2.0\r\n\r\nSM", b"\r\n\r\n\0\0\0"]).await);
    }
}
