//! The edge: what happens to every request and every answer, whatever the route.
//!
//! Gives the request its id, bounds its time, catches panics, renders problems, adds the security headers, and has the
//! call recorded. The record names the operation, never a path, a query or a header.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;

use crate::{
    api::{Operation, operations},
    broker::Code,
    telemetry::{Access, Answer, CallTrace, REQUEST_ID_HEADER, is_request_id},
};

use super::{
    Parts,
    caller::RequestId,
    extract::BodyLimit,
    find,
    oauth::RefusalCode,
    observed,
    problem::{Context, Problem},
};

/// What the edge is made of.
pub(super) struct Edge {
    new_request_id: Arc<dyn Fn() -> String + Send + Sync>,
    access: Access,
    issuer: String,
    body_bytes: usize,
    tls: bool,
    time_limit: Duration,
}

/// What must be remembered of a request, which the handler consumes.
struct Seen {
    id: Arc<str>,
    /// The operation, and its place in the table.
    operation: Option<(usize, &'static Operation)>,
    area: Area,
    token_sent: bool,
}

/// The parts of the interface that differ in their headers and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Api,
    OAuth,
    Connect,
    Docs,
    Other,
}

impl Edge {
    /// The edge of a server whose own URL is `issuer`, without a slash at the end.
    pub(super) fn new(parts: &Parts, issuer: String) -> Self {
        Self {
            new_request_id: Arc::clone(&parts.new_request_id),
            access: access(parts),
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
        let pattern = request.extensions().get::<MatchedPath>();
        let operation = pattern.and_then(|path| find(request.method(), path.as_str()));
        Seen {
            id,
            operation,
            area: Area::of(request.uri().path()),
            token_sent: request.headers().contains_key(header::AUTHORIZATION),
        }
    }

    fn finish(&self, mut response: Response, seen: &Seen) -> (Response, Option<Problem>) {
        let problem = response.extensions_mut().remove::<Problem>();
        if let Some(problem) = &problem {
            response = self.rendered(problem, seen);
        }
        let headers = response.headers_mut();
        // An id of our own making may be anything; one that cannot travel is left out.
        if let Ok(id) = HeaderValue::from_str(&seen.id) {
            headers.insert(REQUEST_ID, id);
        }
        self.secure(headers, seen.area);
        (response, problem)
    }

    fn rendered(&self, problem: &Problem, seen: &Seen) -> Response {
        problem.render(Context {
            request_id: &seen.id,
            issuer: &self.issuer,
            scope: seen.operation.and_then(|(_, operation)| operation.scope),
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
            Area::Connect => {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONNECT_POLICY));
            }
            Area::Docs => {
                headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
            }
            Area::Other => {}
        }
    }
}

impl Seen {
    /// Where the call is recorded; the pages share the place behind the table.
    fn place(&self) -> Option<usize> {
        let page = match self.area {
            Area::Docs => Some(operations().count()),
            Area::Connect => Some(operations().count() + 1),
            Area::Api | Area::OAuth | Area::Other => None,
        };
        self.operation.map(|(place, _)| place).or(page)
    }
}

fn access(parts: &Parts) -> Access {
    let operations = operations().map(|operation| (operation.name, operation.is_routine()));
    Access::new(
        &parts.metrics,
        &observed::TRANSPORT,
        operations.chain([("docs", true), ("connect", false)]),
        parts.slow,
    )
}

/// Wraps every route, the fallbacks included.
pub(super) async fn edge(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let seen = edge.see(&mut request);
    let trace = Arc::new(CallTrace::new(Arc::clone(&seen.id)));
    let observation = edge.access.begin(seen.place(), Arc::clone(&trace));
    let guarded = AssertUnwindSafe(trace.around(next.run(request))).catch_unwind();
    let response = match tokio::time::timeout(edge.time_limit, guarded).await {
        Ok(Ok(response)) => response,
        // The panic hook has reported where; the payload may hold anything and stays here.
        Ok(Err(_)) => Problem::fault("the handler panicked").into_response(),
        Err(_) => Problem::new(Code::Unavailable, "the answer took too long").into_response(),
    };
    let (mut response, problem) = edge.finish(response, &seen);
    let refusal = response.extensions_mut().remove::<RefusalCode>();
    observation.finish(Answer {
        status: observed::place(response.status()),
        outcome: observed::outcome(response.status()),
        code: problem
            .as_ref()
            .map(|Problem(error)| error.code.as_str())
            .or_else(|| refusal.map(|code| code.0)),
        cause: problem.as_ref().and_then(Problem::cause),
    });
    response
}

impl Area {
    fn of(path: &str) -> Self {
        if path.starts_with("/api/") {
            Self::Api
        } else if path.starts_with("/oauth/") {
            Self::OAuth
        } else if path.starts_with("/connect/") {
            Self::Connect
        } else if path == "/docs" || path.starts_with("/docs/") || path == "/invitations" {
            Self::Docs
        } else {
            Self::Other
        }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID_HEADER);
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Swagger UI sets styles from its script, and shows icons as `data:` images; everything else comes from here.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; \
    frame-ancestors 'none'";

/// The page's form leads back to the page, which redirects to a service: browsers hold the policy against that too.
const CONNECT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' https: http:; \
    base-uri 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn_with_state, routing::get};
    use http::StatusCode;
    use tokio::time::timeout;
    use tower::ServiceExt;

    use crate::telemetry::Metrics;

    use super::{super::testing, *};

    fn guarded(time_limit: Duration, metrics: Metrics) -> Router {
        let parts = Parts { metrics, tls: true, ..testing::parts() };
        let limited = Edge { time_limit, ..Edge::new(&parts, "https://broker.example".to_owned()) };
        Router::new()
            .route("/api/panics", get(async || -> StatusCode { panic!("a canary") }))
            .route("/api/waits", get(std::future::pending::<StatusCode>))
            .route("/livez", get(async || "fine"))
            .layer(from_fn_with_state(Arc::new(limited), edge))
    }

    #[tokio::test]
    async fn panics_and_delays_become_problems_and_are_counted() {
        let metrics = Metrics::new();
        let router = guarded(Duration::from_millis(20), metrics.clone());
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
        // The caller leaves.
        let gone = timeout(
            Duration::from_millis(5),
            guarded(TIME_LIMIT, metrics.clone()).oneshot(testing::get("/api/waits")),
        );
        assert!(gone.await.is_err());
        let text = metrics.render();
        for line in [
            r#"leasehold_requests_total{transport="http",operation="unmatched",status="500"} 1"#,
            r#"leasehold_requests_total{transport="http",operation="unmatched",status="503"} 1"#,
            r#"leasehold_requests_total{transport="http",operation="unmatched",status="cancelled"} 1"#,
            r#"leasehold_requests_total{transport="http",operation="livez",status="200"} 1"#,
            r#"leasehold_refusals_total{transport="http",code="internal"} 1"#,
            r#"leasehold_refusals_total{transport="http",code="unavailable"} 1"#,
        ] {
            assert!(text.lines().any(|rendered| rendered == line), "{line}\n{text}");
        }
    }
}
