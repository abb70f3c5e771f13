//! Floor 5, HTTP: translate a request, call the broker, translate back.
//!
//! Owns the routes, the JSON shapes, problems (RFC 9457) and the API description. It must know neither the store nor
//! the keyring, and holds no rule: who may do what, and what a value may be, is the broker's to say. The one thing
//! that it refuses itself is what cannot be read at all.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodRouter, delete, get, post},
};
use bytes::Bytes;

use crate::{
    api::{Operation, operations},
    broker::{Broker, Code, Error},
    telemetry::Metrics,
};

mod caller;
mod connect;
mod docs;
mod errors;
mod extract;
mod fields;
mod generic;
mod health;
mod identity;
mod invitations;
mod leases;
mod middleware;
mod oauth;
mod observed;
mod openapi;
mod parameters;
mod problem;
#[cfg(test)]
mod testing;

use middleware::Edge;
use problem::Problem;

/// The handlers of the operations that the table of operations does not do by itself.
static HANDLERS: &[(&str, Handler)] = &[
    ("issue_token", || post(oauth::token)),
    ("introspect_token", || post(oauth::introspect)),
    ("revoke_token", || post(oauth::revoke)),
    ("jwks", || get(oauth::jwks)),
    ("authorization_server_metadata", || get(oauth::metadata)),
    ("who_am_i", || get(identity::show)),
    ("create_lease", || post(leases::create)),
    ("list_leases", || get(leases::list)),
    ("show_lease", || get(leases::show)),
    ("revoke_lease", || delete(leases::revoke)),
    ("renew_lease", || post(leases::renew)),
    ("read_credentials", || get(leases::credentials)),
    ("report_unauthorized", || post(leases::report)),
    ("register_by_invitation", || post(invitations::register)),
    ("health", || get(health::health)),
    ("livez", || get(health::livez)),
    ("readyz", || get(health::readyz)),
    ("metrics", || get(health::metrics)),
    ("openapi", || get(docs::openapi)),
];

/// Pages for people: no part of the API.
static PAGES: &[(&str, Handler)] = &[
    ("/docs", || get(docs::index)),
    ("/docs/", || get(docs::index)),
    ("/docs/errors", || get(docs::errors)),
    ("/docs/{*file}", || get(docs::file)),
    ("/invitations", || get(invitations::page)),
    ("/connect/callback", || get(connect::callback)),
    ("/connect/{handle}", || get(connect::open).post(connect::begin)),
];

type Handler = fn() -> MethodRouter<Arc<App>>;

/// What the HTTP floor is given beside the broker.
#[derive(Clone)]
pub struct Parts {
    /// Where calls are counted, and what `/metrics` shows.
    pub metrics: Metrics,
    /// From how long on a call is logged as slow.
    pub slow: Option<Duration>,
    /// Makes the id of a request that brought none of its own.
    pub new_request_id: Arc<dyn Fn() -> String + Send + Sync>,
    /// The most bytes of a body.
    pub body_bytes: usize,
    /// Whether the listener speaks TLS, so that browsers may be told to insist on it.
    pub tls: bool,
}

/// The whole HTTP interface. The server should add `axum::extract::ConnectInfo<SocketAddr>` to each request, so that
/// the records name the peer.
pub fn router(broker: Arc<Broker>, parts: Parts) -> Router {
    let issuer = broker.issuer_url().trim_end_matches('/').to_owned();
    let edge = Arc::new(Edge::new(&parts, issuer));
    let app = Arc::new(App { broker, metrics: parts.metrics, openapi: openapi::document() });
    let mut routes = Router::new();
    for operation in operations() {
        routes = routes.route(operation.path, handler(operation));
    }
    for (path, page) in PAGES {
        routes = routes.route(path, page());
    }
    routes
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(edge, middleware::edge))
        .with_state(app)
}

/// What the handlers share.
pub(crate) struct App {
    broker: Arc<Broker>,
    metrics: Metrics,
    openapi: Bytes,
}

fn handler(operation: &'static Operation) -> MethodRouter<Arc<App>> {
    if operation.generic.is_some() {
        return generic::handler(operation);
    }
    let known = HANDLERS.iter().find(|(name, _)| *name == operation.name);
    known.map_or_else(MethodRouter::new, |(_, handler)| handler())
}

/// The operation that a request's method and matched path name, and its place in the table.
fn find(method: &Method, path: &str) -> Option<(usize, &'static Operation)> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    operations().enumerate().find(|(_, operation)| operation.path == path && operation.method == *method)
}

async fn unknown_path() -> Problem {
    Error::not_found("path").into()
}

async fn unknown_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "this path does not know the method; see Allow")
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use tower::ServiceExt;

    use super::testing::{Answer, answer, get};

    async fn ask(request: Request) -> Answer {
        let (router, _folder) = super::testing::router().await;
        answer(router.oneshot(request).await.unwrap()).await
    }

    fn token_request(content_type: &str, body: impl Into<Body>) -> Request {
        Request::post("/oauth/token").header("content-type", content_type).body(body.into()).unwrap()
    }

    #[test]
    fn every_operation_has_its_handler() {
        use super::{HANDLERS, operations};
        let mut by_hand: Vec<_> =
            operations().filter(|operation| operation.generic.is_none()).map(|o| o.name).collect();
        let mut handlers: Vec<_> = HANDLERS.iter().map(|(name, _)| *name).collect();
        by_hand.sort_unstable();
        handlers.sort_unstable();
        assert_eq!(handlers, by_hand);
    }

    #[tokio::test]
    async fn every_answer_carries_the_request_id() {
        for (path, method) in
            [("/nowhere", "GET"), ("/livez", "GET"), ("/livez", "DELETE"), ("/oauth/token", "POST")]
        {
            for (sent, expected) in [("mine-1", "mine-1"), ("not mine", "fresh"), ("", "fresh")] {
                let request = Request::builder().method(method).uri(path).header("x-request-id", sent);
                let answer = ask(request.body(Body::empty()).unwrap()).await;
                assert_eq!(answer.header("x-request-id"), expected, "{path}");
                assert_eq!(answer.header("x-content-type-options"), "nosniff");
                assert_eq!(answer.header("x-frame-options"), "DENY");
                assert_eq!(answer.header("referrer-policy"), "no-referrer");
                assert!(!answer.headers.contains_key("strict-transport-security"));
            }
        }
    }

    #[tokio::test]
    async fn unknown_paths_and_methods_are_problems() {
        let answer = ask(get("/nowhere?token=canary")).await;
        assert_eq!((answer.status, &answer.json["code"]), (404, &"not_found".into()));
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json["request_id"], "fresh");
        assert!(!answer.text.contains("canary"));
        let path = "/api/mcp/credentials/lease/lse_1";
        let answer = ask(Request::patch(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, &answer.json["code"]), (405, &"method_not_allowed".into()));
        assert_eq!(answer.header("allow"), "GET,HEAD,DELETE");
        assert_eq!(answer.header("cache-control"), "no-store");
    }

    #[tokio::test]
    async fn the_token_endpoint_refuses_as_the_rfc_says() {
        let form = "application/x-www-form-urlencoded";
        let large = "x".repeat((1 << 20) + 1);
        for (request, status) in [
            (token_request(form, "scope=a&scope=b"), 400),
            (token_request("application/json", "{"), 400),
            (token_request("text/plain", "scope=a"), 415),
            (token_request(form, large), 413),
            (get("/oauth/token"), 405),
        ] {
            let answer = ask(request).await;
            assert_eq!((answer.status, &answer.json["error"]), (status, &"invalid_request".into()));
            assert!(answer.json["error_description"].is_string());
            assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        }
        let mut request = token_request(form, "grant_type=client_credentials");
        request.headers_mut().insert("authorization", "Basic ???".parse().unwrap());
        let answer = ask(request).await;
        assert_eq!((answer.status, &answer.json["error"]), (401, &"invalid_client".into()));
        assert_eq!(answer.header("www-authenticate"), r#"Basic realm="leasehold""#);
    }

    #[tokio::test]
    async fn an_announced_size_is_refused_before_it_comes() {
        let request = Request::post("/oauth/token").header("content-length", "1048577");
        assert_eq!(ask(request.body(Body::empty()).unwrap()).await.status, 413);
    }

    #[tokio::test]
    async fn pages_come_from_here_alone() {
        for path in ["/docs", "/docs/"] {
            let answer = ask(get(path)).await;
            assert_eq!((answer.status, answer.header("location")), (307, "/docs/index.html"));
        }
        let page = ask(get("/docs/index.html")).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        let script = ask(get("/docs/swagger-initializer.js")).await;
        assert!(script.text.contains("/openapi.json"));
        assert!(!script.text.contains("http"));
        assert_eq!(ask(get("/docs/no-such-file")).await.status, 404);
        let errors = ask(get("/docs/errors")).await;
        assert!(
            crate::broker::Code::ALL
                .iter()
                .all(|code| errors.text.contains(&format!("id=\"{}\"", code.as_str())))
        );
    }

    #[tokio::test]
    async fn health_metrics_and_description_answer() {
        for (path, content_type) in [
            ("/health", "application/json"),
            ("/livez", "application/json"),
            ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
            ("/openapi.json", "application/json"),
        ] {
            let answer = ask(get(path)).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, content_type), "{path}");
        }
        let answer = ask(Request::head("/livez").body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, &*answer.text), (200, ""));
    }
}
