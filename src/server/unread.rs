//! Bodies that were answered before they were read.
//!
//! On HTTP/1 the rest of such a body stands between this request and the next, so the connection ends; the answer must
//! say so, or the peer sends its next request into a connection that is closing.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// A request's body that remembers whether it was read to its end.
pub(super) struct Watched {
    body: Incoming,
    read: Arc<AtomicBool>,
}

/// Tells, once there is an answer, whether the connection can go on.
pub(super) struct Watch(Arc<AtomicBool>);

impl Watched {
    /// Around a body.
    pub(super) fn new(body: Incoming) -> (Self, Watch) {
        let read = Arc::new(AtomicBool::new(body.is_end_stream()));
        (Self { body, read: Arc::clone(&read) }, Watch(read))
    }
}

impl Watch {
    /// Makes the answer say that the connection ends, if it must.
    pub(super) fn finish<B>(&self, response: &mut Response<B>) {
        if !self.0.load(Ordering::Relaxed) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
