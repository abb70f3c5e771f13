//! Who calls, as far as a request's head tells: its id, its peer, its token.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Path},
    http::{Extensions, HeaderMap, header, request},
};

use crate::broker::{Call, Error, Origin};

use super::{App, problem::Problem};

/// A call whose token the broker has read. Taken from the head, so that nobody unknown gets a body read.
pub(super) struct Authenticated(pub(super) Call);

/// The `{id}` of the path, as sent.
pub(super) struct LeasePath(pub(super) String);

/// The id of the request, put there by the edge.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// Where a request comes from.
pub(super) fn origin(extensions: &Extensions) -> Origin {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let id = extensions.get::<RequestId>();
    Origin {
        address: peer.map(|ConnectInfo(address)| address.ip().to_canonical().to_string()),
        request_id: id.map(|RequestId(id)| id.to_string()).unwrap_or_default(),
    }
}

impl FromRequestParts<Arc<App>> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let authorization = authorization(&parts.headers)?;
        Ok(Self(app.broker.authenticate(authorization, origin(&parts.extensions)).await?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LeasePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, state: &S) -> Result<Self, Problem> {
        // An id that cannot even be decoded is an id that does not exist.
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id)).map_err(|_| Error::not_found("lease").into())
    }
}

fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::unauthenticated("more than one Authorization header").into());
    }
    let unreadable = |_| Problem::from(Error::unauthenticated("the Authorization header is not ASCII text"));
    first.map(|value| value.to_str().map_err(unreadable)).transpose()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn one_readable_authorization_at_most() {
        let mut headers = HeaderMap::new();
        assert!(authorization(&headers).unwrap().is_none());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        assert_eq!(authorization(&headers).unwrap(), Some("Bearer x"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer y"));
        assert!(authorization(&headers).is_err());
        headers.insert(header::AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap());
        assert!(authorization(&headers).is_err());
    }

    #[test]
    fn a_mapped_address_is_written_as_what_it_is() {
        let mut extensions = Extensions::new();
        let peer: SocketAddr = "[::ffff:192.0.2.1]:4711".parse().unwrap();
        extensions.insert(ConnectInfo(peer));
        extensions.insert(RequestId("r-1".into()));
        let origin = origin(&extensions);
        assert_eq!((origin.address.as_deref(), origin.request_id.as_str()), (Some("192.0.2.1"), "r-1"));
    }
}
