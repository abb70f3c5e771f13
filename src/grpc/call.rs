//! From metadata to a call: where it comes from, under which id, and who makes it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap};
use tonic::{Request, metadata::MetadataMap};

use crate::{
    broker::{Broker, Call, Code, Error, Origin},
    telemetry::{REQUEST_ID_HEADER, is_request_id},
};

/// What the edge and the handler of one call share.
#[derive(Debug)]
pub(super) struct CallContext {
    /// Where the call comes from.
    pub origin: Origin,
    reached: AtomicBool,
}

impl CallContext {
    /// Of an incoming request; `new_request_id` is asked when it came with none that can be kept.
    pub(super) fn of<B>(request: &http::Request<B>, new_request_id: &dyn Fn() -> String) -> Self {
        let request_id = kept_request_id(request.headers()).unwrap_or_else(new_request_id);
        let origin = Origin { address: peer_address(request.extensions()), request_id };
        Self { origin, reached: AtomicBool::new(false) }
    }

    /// Whether the message could be read, so that a handler saw it.
    pub(super) fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }
}

/// The context of a call, for its handler.
///
/// # Errors
/// [`Code::Internal`] when the services run without the edge.
pub(super) fn context(extensions: &Extensions) -> Result<Arc<CallContext>, Error> {
    let context = extensions.get::<Arc<CallContext>>();
    let context = context.ok_or_else(|| Error::new(Code::Internal, "the call has no context"))?;
    context.reached.store(true, Ordering::Relaxed);
    Ok(Arc::clone(context))
}

/// Authenticates a call and takes its message out.
///
/// # Errors
/// As [`Broker::authenticate`].
pub(super) async fn admit<T>(broker: &Broker, request: Request<T>) -> Result<(Call, T), Error> {
    let (metadata, extensions, message) = request.into_parts();
    let context = context(&extensions)?;
    let call = broker.authenticate(authorization(&metadata), context.origin.clone()).await?;
    Ok((call, message))
}

/// The `authorization` entry. One that is repeated or no text reads as empty: the broker refuses that, and records it
/// like every other failed authentication.
pub(super) fn authorization(metadata: &MetadataMap) -> Option<&str> {
    let mut values = metadata.get_all("authorization").iter();
    let first = values.next()?;
    let only = if values.next().is_none() { first.to_str().ok() } else { None };
    Some(only.unwrap_or_default())
}

fn kept_request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID_HEADER)?.to_str().ok()?;
    is_request_id(text).then(|| text.to_owned())
}

fn peer_address(extensions: &Extensions) -> Option<String> {
    let connect_info = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let peer = connect_info.or_else(|| extensions.get::<SocketAddr>().copied())?;
    Some(peer.ip().to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context_of(id: Option<&str>) -> CallContext {
        let mut request = http::Request::new(());
        if let Some(id) = id {
            request.headers_mut().insert(REQUEST_ID_HEADER, id.parse().expect("a value"));
        }
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 9))));
        CallContext::of(&request, &|| "new".to_owned())
    }

    #[test]
    fn a_request_id_is_kept_when_it_fits() {
        for kept in ["a", "A-z_0.9", &"x".repeat(64)] {
            assert_eq!(context_of(Some(kept)).origin.request_id, kept);
        }
        for replaced in ["", "a b", "ä", "a\tb", "a/b", &"x".repeat(65)] {
            assert_eq!(context_of(Some(replaced)).origin.request_id, "new", "{replaced}");
        }
        assert_eq!(context_of(None).origin.request_id, "new");
    }

    #[test]
    fn the_peer_is_named_without_port_and_disguise() {
        assert_eq!(context_of(None).origin.address.as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn an_ambiguous_authorization_reads_as_empty() {
        let mut metadata = MetadataMap::new();
        assert_eq!(authorization(&metadata), None);
        metadata.append("authorization", "Bearer a".parse().expect("a value"));
        assert_eq!(authorization(&metadata), Some("Bearer a"));
        metadata.append("authorization", "Bearer b".parse().expect("a value"));
        assert_eq!(authorization(&metadata), Some(""));
    }
}
