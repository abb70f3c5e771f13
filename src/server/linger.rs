//! A close that does not take back the last answer.
//!
//! An answer may be sent before the request's body was read: too large, not authenticated. Closing a socket with unread
//! bytes resets the connection, and the peer, still sending, may lose the answer (RFC 9112, section 9.6). So the half
//! that was written is closed first, and what still comes is thrown away for a short while.

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

/// A stream whose shutdown waits a moment for the peer's.
pub(super) struct Linger<S> {
    stream: S,
    /// Once the written half is closed: how long to wait for the other.
    until: Option<Pin<Box<Sleep>>>,
    /// Bytes that may still be thrown away.
    left: usize,
}

impl<S> Linger<S> {
    /// Around a stream.
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, until: None, left: MOST_BYTES }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Linger<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.until.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let until = this.until.get_or_insert_with(|| Box::pin(sleep(LONGEST)));
        loop {
            let mut space = [0; 8 * 1_024];
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && this.left > 0 => {
                    this.left = this.left.saturating_sub(buffer.filled().len());
                }
                // The peer closed its half, broke off, or goes on and on: enough.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return until.as_mut().poll(cx).map(Ok),
            }
        }
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

const LONGEST: Duration = Duration::from_secs(1);
/// Several times the largest body that is accepted.
const MOST_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_still_comes_is_thrown_away_until_the_peer_closes() {
        let (mut peer, stream) = duplex(64);
        let sending = async {
            peer.write_all(&[7; 10_000]).await?;
            peer.shutdown().await?;
            let mut answer = Vec::new();
            peer.read_to_end(&mut answer).await?;
            io::Result::Ok(answer)
        };
        let answering = async {
            let mut stream = Linger::new(stream);
            stream.write_all(b"no").await?;
            stream.shutdown().await
        };
        let (answer, closed) = tokio::join!(sending, answering);
        closed.unwrap();
        assert_eq!(answer.unwrap(), b"no");
    }

    #[tokio::test]
    async fn a_peer_that_neither_sends_nor_closes_is_left_after_a_while() {
        let (peer, stream) = duplex(64);
        Linger::new(stream).shutdown().await.unwrap();
        drop(peer);
    }

    #[tokio::test]
    async fn a_peer_that_sends_for_ever_is_left_too() {
        let (mut peer, stream) = duplex(1 << 20);
        let sending = async move { while peer.write_all(&[7; 1 << 12]).await.is_ok() {} };
        let closing = async move { Linger::new(stream).shutdown().await };
        let ((), closed) = tokio::join!(sending, closing);
        closed.unwrap();
    }
}
