//! The edge: what happens to every request and every answer, whatever the route.
//!
//! Gives the request its id, bounds its time, catches panics, renders problems, adds the security headers, writes the
//! access log and tells the metrics. The log names the operation and the path's pattern, never a query or a header.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use tokio::time::Instant;

use crate::broker::Code;

use super::{
    Answered, Parts, Route,
    caller::RequestId,
    extract::BodyLimit,
    problem::{Context, Problem},
};

/// What the edge is made of.
pub(super) struct Edge {
    new_request_id: Arc<dyn Fn() -> String + Send + Sync>,
    on_response: Arc<dyn Fn(Answered) + Send + Sync>,
    issuer: String,
    body_bytes: usize,
    tls: bool,
    time_limit: Duration,
}

/// What must be remembered of a request, which the handler consumes.
struct Seen {
    id: Arc<str>,
    method: Method,
    pattern: Option<MatchedPath>,
    route: Option<&'static Route>,
    area: Area,
    token_sent: bool,
}

/// The parts of the interface that differ in their headers and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Api,
    OAuth,
    Docs,
    Other,
}

impl Edge {
    /// The edge of a server whose own URL is `issuer`, without a slash at the end.
    pub(super) fn new(parts: &Parts, issuer: String) -> Self {
        Self {
            new_request_id: Arc::clone(&parts.new_request_id),
            on_response: Arc::clone(&parts.on_response),
            issuer,
            body_bytes: parts.body_bytes,
            tls: parts.tls,
            time_limit: TIME_LIMIT,
        }
    }

    fn request_id(&self, headers: &HeaderMap) -> Arc<str> {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        sent.filter(|id| is_request_id(id)).map_or_else(|| (self.new_request_id)().into(), Arc::from)
    }

    fn see(&self, request: &mut Request) -> Seen {
        let id = self.request_id(request.headers());
        request.extensions_mut().insert(RequestId(Arc::clone(&id)));
        request.extensions_mut().insert(BodyLimit(self.body_bytes));
        let pattern = request.extensions().get::<MatchedPath>().cloned();
        let route = pattern.as_ref().and_then(|path| Route::find(request.method(), path.as_str()));
        Seen {
            id,
            method: request.method().clone(),
            pattern,
            route,
            area: Area::of(request.uri().path()),
            token_sent: request.headers().contains_key(header::AUTHORIZATION),
        }
    }

    fn finish(&self, response: Response, seen: &Seen) -> Response {
        let mut response = self.rendered(response, seen);
        let headers = response.headers_mut();
        // An id of our own making may be anything; one that cannot travel is left out.
        if let Ok(id) = HeaderValue::from_str(&seen.id) {
            headers.insert(REQUEST_ID, id);
        }
        self.secure(headers, seen.area);
        response
    }

    fn rendered(&self, mut response: Response, seen: &Seen) -> Response {
        let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
        problem.render(Context {
            request_id: &seen.id,
            issuer: &self.issuer,
            scope: seen.route.and_then(Route::scope),
            token_sent: seen.token_sent,
            oauth: seen.area == Area::OAuth,
        })
    }

    fn secure(&self, headers: &mut HeaderMap, area: Area) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if self.tls {
            let year = HeaderValue::from_static("max-age=31536000");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
        match area {
            Area::Api => drop(headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))),
            Area::OAuth => {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
            }
            Area::Docs => {
                headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
            }
            Area::Other => {}
        }
    }

    fn report(&self, response: &Response, seen: &Seen, since: Instant) {
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let status = response.status().as_u16();
        let operation = seen.route.map_or("unmatched", |route| route.operation);
        let path = seen.pattern.as_ref().map_or("", MatchedPath::as_str);
        tracing::info!(
            target: "leasehold::access",
            operation, method = seen.method.as_str(), path, status, micros, request_id = &*seen.id,
            "answered"
        );
        (self.on_response)(Answered { operation, status, micros });
    }
}

/// Wraps every route, the fallbacks included.
pub(super) async fn edge(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let since = Instant::now();
    let seen = edge.see(&mut request);
    let guarded = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(edge.time_limit, guarded).await {
        Ok(Ok(response)) => response,
        // The panic hook has reported where; the payload may hold anything and stays here.
        Ok(Err(_)) => Problem::fault("the handler panicked").into_response(),
        Err(_) => Problem::new(Code::Unavailable, "the answer took too long").into_response(),
    };
    let response = edge.finish(response, &seen);
    edge.report(&response, &seen, since);
    response
}

impl Area {
    fn of(path: &str) -> Self {
        if path.starts_with("/api/") {
            Self::Api
        } else if path.starts_with("/oauth/") {
            Self::OAuth
        } else if path == "/docs" || path.starts_with("/docs/") {
            Self::Docs
        } else {
            Self::Other
        }
    }
}

fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Swagger UI sets styles from its script, and shows icons as `data:` images; everything else comes from here.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; \
    frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::{Router, middleware::from_fn_with_state, routing::get};
    use http::StatusCode;
    use tower::ServiceExt;

    use super::{super::testing, *};

    fn guarded(time_limit: Duration, on_response: Arc<dyn Fn(Answered) + Send + Sync>) -> Router {
        let parts = Parts { on_response, tls: true, ..testing::parts() };
        let limited = Edge { time_limit, ..Edge::new(&parts, "https://broker.example".to_owned()) };
        Router::new()
            .route("/api/panics", get(async || -> StatusCode { panic!("a canary") }))
            .route("/api/waits", get(std::future::pending::<StatusCode>))
            .route("/livez", get(async || "fine"))
            .layer(from_fn_with_state(Arc::new(limited), edge))
    }

    #[tokio::test]
    async fn panics_and_delays_become_problems_and_are_counted() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let router = guarded(
            Duration::from_millis(20),
            Arc::new(move |answered: Answered| {
                sink.lock().unwrap().push((answered.operation, answered.status));
            }),
        );
        for (path, status, code) in [("/api/panics", 500, "internal"), ("/api/waits", 503, "unavailable")] {
            let answer = testing::answer(router.clone().oneshot(testing::get(path)).await.unwrap()).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.json["code"], code);
            assert!(!answer.text.contains("canary"));
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        let answer = testing::answer(router.oneshot(testing::get("/livez")).await.unwrap()).await;
        assert_eq!(answer.text, "fine");
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
        let expected = [("unmatched", 500), ("unmatched", 503), ("livez", 200)];
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    #[test]
    fn ids_of_requests() {
        for (id, fits) in [
            ("a", true),
            ("A.b_c-9", true),
            (&*"x".repeat(64), true),
            (&*"x".repeat(65), false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("é", false),
        ] {
            assert_eq!(is_request_id(id), fits, "{id}");
        }
    }
}
