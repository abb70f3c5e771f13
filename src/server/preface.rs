//! A deadline for the beginning of a connection: the HTTP/2 preface, or the head of the first HTTP/1 request.
//!
//! To tell HTTP/2 from HTTP/1, the server reads up to 24 bytes before any of hyper's own deadlines begins; a peer that
//! sends fewer would hold the connection for ever. And hyper's deadline for a head is also how long a connection may
//! rest between two requests, which is far longer than a peer that just connected may take.

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

/// A stream whose reads fail if the peer takes too long to begin.
pub(super) struct Preface<S> {
    stream: S,
    begun: Begun,
    /// Gone as soon as the preface or the first head is complete.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// How far a peer has come.
enum Begun {
    /// It sent so many bytes of the HTTP/2 preface and nothing else.
    Http2(usize),
    /// It sent something else, and so many ends of lines since the last byte of a line.
    Http1(usize),
}

impl<S> Preface<S> {
    /// Begins to wait.
    pub(super) fn new(stream: S, deadline: Duration) -> Self {
        Self { stream, begun: Begun::Http2(0), deadline: Some(Box::pin(sleep(deadline))) }
    }

    fn see(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.begun = self.begun.after(*byte);
            if self.begun.is_complete() {
                self.deadline = None;
                return;
            }
        }
    }
}

impl Begun {
    fn after(&self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Http2(matched), byte) if HTTP2_PREFACE.get(*matched) == Some(&byte) => {
                Self::Http2(matched + 1)
            }
            (Self::Http1(ends), b'\n') => Self::Http1(ends + 1),
            (Self::Http1(ends), b'\r') => Self::Http1(*ends),
            (Self::Http1(_) | Self::Http2(_), _) => Self::Http1(0),
        }
    }

    /// A head ends with an empty line (RFC 9112, section 2.1).
    fn is_complete(&self) -> bool {
        match self {
            Self::Http2(matched) => *matched == HTTP2_PREFACE.len(),
            Self::Http1(ends) => *ends == 2,
        }
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
    async fn silence_half_a_preface_and_half_a_head_run_out() {
        assert!(times_out(&[]).await);
        assert!(times_out(&[b"P"]).await);
        assert!(times_out(&[b"PRI * HTTP", b"/2.0\r\n\r\nSM\r\n"]).await);
        assert!(times_out(&[b"GET"]).await);
        assert!(times_out(&[b"P", b"OST / HTTP/1.1\r\nhost: a\r\n", b"accept: b\r\n"]).await);
    }

    #[tokio::test]
    async fn what_has_begun_may_take_its_time() {
        assert!(!times_out(&[b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"]).await);
        assert!(!times_out(&[b"P", b"OST / HTTP/1.1\r\nhost: a\r", b"\n\r", b"\nbody"]).await);
        assert!(!times_out(&[HTTP2_PREFACE]).await);
        assert!(!times_out(&[b"PRI * HTTP/2.0\r\n\r\nSM", b"\r\n\r\n\0\0\0"]).await);
    }
}
