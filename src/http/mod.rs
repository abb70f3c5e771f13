//! Floor 5, HTTP: translate a request, call the broker, translate back.
//!
//! Owns the routes, the JSON shapes, problems (RFC 9457) and the API description. It must know neither the store nor
//! the keyring, and holds no rule: who may do what, and what a value may be, is the broker's to say. The one thing
//! that it refuses itself is what cannot be read at all.

use std::sync::Arc;

use axum::{
    Router,
    http::Method,
    middleware::from_fn_with_state,
    routing::{MethodRouter, delete, get, post},
};
use bytes::Bytes;

use crate::{
    broker::{Broker, Code, Error},
    model::scope::Operation,
};

mod admin;
mod caller;
mod docs;
mod errors;
mod extract;
mod health;
mod identity;
mod leases;
mod middleware;
mod oauth;
mod openapi;
mod parameters;
mod problem;
#[cfg(test)]
mod testing;

use middleware::Edge;
use problem::Problem;

/// Every route, once: the router, the API description and the authorization test are computed from it.
pub static ROUTES: &[Route] = &[
    Route::new(Method::POST, "/oauth/token", "issue_token", Access::Client, || post(oauth::token)),
    Route::new(Method::POST, "/oauth/introspect", "introspect_token", Access::Client, || {
        post(oauth::introspect)
    }),
    Route::new(Method::POST, "/oauth/revoke", "revoke_token", Access::Client, || post(oauth::revoke)),
    Route::new(Method::GET, "/oauth/jwks", "jwks", Access::Anonymous, || get(oauth::jwks)),
    Route::new(
        Method::GET,
        "/.well-known/oauth-authorization-server",
        "authorization_server_metadata",
        Access::Anonymous,
        || get(oauth::metadata),
    ),
    Route::new(Method::GET, "/api/mcp/me", "who_am_i", Access::Bearer, || get(identity::show)),
    Route::new(Method::POST, LEASES, "create_lease", CREATE, || post(leases::create)),
    Route::new(Method::GET, LEASES, "list_leases", READ, || get(leases::list)),
    Route::new(Method::GET, LEASE, "show_lease", READ, || get(leases::show)),
    Route::new(Method::DELETE, LEASE, "revoke_lease", REVOKE, || delete(leases::revoke)),
    Route::new(Method::POST, "/api/mcp/credentials/lease/{id}/renew", "renew_lease", RENEW, || {
        post(leases::renew)
    }),
    Route::new(
        Method::GET,
        "/api/mcp/credentials/lease/{id}/credentials",
        "read_credentials",
        CREATE,
        || get(leases::credentials),
    ),
    Route::new(
        Method::DELETE,
        "/api/admin/organizations/{organization}/members/{user}",
        "remove_member",
        Access::Scope(Operation::AdminWrite),
        || delete(admin::remove_member),
    ),
    Route::new(Method::POST, "/api/admin/keys/rotate-signing", "rotate_signing_key", KEYS, || {
        post(admin::rotate_signing_key)
    }),
    Route::new(Method::POST, "/api/admin/keys/rotate-data", "rotate_data_key", KEYS, || {
        post(admin::rotate_data_key)
    }),
    Route::new(Method::POST, "/api/admin/keys/rewrap", "rewrap_data_keys", KEYS, || post(admin::rewrap)),
    Route::new(Method::GET, "/health", "health", Access::Anonymous, || get(health::health)),
    Route::new(Method::GET, "/livez", "livez", Access::Anonymous, || get(health::livez)),
    Route::new(Method::GET, "/readyz", "readyz", Access::Anonymous, || get(health::readyz)),
    Route::new(Method::GET, "/metrics", "metrics", Access::Anonymous, || get(health::metrics)),
    Route::new(Method::GET, "/openapi.json", "openapi", Access::Anonymous, || get(docs::openapi)),
    Route::page("/docs", || get(docs::index)),
    Route::page("/docs/", || get(docs::index)),
    Route::page("/docs/errors", || get(docs::errors)),
    Route::page("/docs/{*file}", || get(docs::file)),
];

/// One method of one path.
#[derive(Debug)]
pub struct Route {
    /// The method; `GET` answers `HEAD` too.
    pub method: Method,
    /// The path, with `{names}` for what varies.
    pub path: &'static str,
    /// The operation's stable name: in the API description, the log and the metrics.
    pub operation: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether the API description lists it; pages for people are not part of the API.
    pub documented: bool,
    handler: fn() -> MethodRouter<Arc<App>>,
}

/// What a caller must show. The broker enforces it; the table says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Anonymous,
    /// A client's own id and secret (RFC 6749, section 2.3).
    Client,
    /// A bearer token, whatever its scopes.
    Bearer,
    /// A bearer token that has this scope.
    Scope(Operation),
}

/// What the HTTP floor is given beside the broker.
#[derive(Clone)]
pub struct Parts {
    /// Renders the metrics as Prometheus reads them.
    pub render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Makes the id of a request that brought none of its own.
    pub new_request_id: Arc<dyn Fn() -> String + Send + Sync>,
    /// Called after every answer.
    pub on_response: Arc<dyn Fn(Answered) + Send + Sync>,
    /// The most bytes of a body.
    pub body_bytes: usize,
    /// Whether the listener speaks TLS, so that browsers may be told to insist on it.
    pub tls: bool,
}

/// What the metrics learn of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The route's operation; `unmatched` when there is none.
    pub operation: &'static str,
    /// The status code.
    pub status: u16,
    /// Microseconds from the request's head to the answer's head.
    pub micros: u64,
}

/// The whole HTTP interface. The server should add `axum::extract::ConnectInfo<SocketAddr>` to each request, so that
/// the records name the peer.
pub fn router(broker: Arc<Broker>, parts: Parts) -> Router {
    let issuer = broker.issuer_url().trim_end_matches('/').to_owned();
    let edge = Arc::new(Edge::new(&parts, issuer));
    let app = Arc::new(App { broker, render_metrics: parts.render_metrics, openapi: openapi::document() });
    let routes =
        ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    routes
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(edge, middleware::edge))
        .with_state(app)
}

/// What the handlers share.
pub(crate) struct App {
    broker: Arc<Broker>,
    render_metrics: Arc<dyn Fn() -> String + Send + Sync>,
    openapi: Bytes,
}

impl Route {
    /// The scope that a token needs, if one.
    #[must_use]
    pub const fn scope(&self) -> Option<Operation> {
        match self.access {
            Access::Scope(operation) => Some(operation),
            Access::Anonymous | Access::Client | Access::Bearer => None,
        }
    }

    /// Whether nothing need be shown.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        matches!(self.access, Access::Anonymous)
    }

    const fn new(
        method: Method,
        path: &'static str,
        operation: &'static str,
        access: Access,
        handler: fn() -> MethodRouter<Arc<App>>,
    ) -> Self {
        Self { method, path, operation, access, documented: true, handler }
    }

    const fn page(path: &'static str, handler: fn() -> MethodRouter<Arc<App>>) -> Self {
        let (method, access) = (Method::GET, Access::Anonymous);
        Self { method, path, operation: "docs", access, documented: false, handler }
    }

    /// The route that a request's method and matched path name.
    fn find(method: &Method, path: &str) -> Option<&'static Self> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        ROUTES.iter().find(|route| route.path == path && route.method == *method)
    }
}

async fn unknown_path() -> Problem {
    Error::not_found("path").into()
}

async fn unknown_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "this path does not know the method; see Allow")
}

const LEASES: &str = "/api/mcp/credentials/lease";
const LEASE: &str = "/api/mcp/credentials/lease/{id}";
const KEYS: Access = Access::Scope(Operation::AdminKeys);
const CREATE: Access = Access::Scope(Operation::LeaseCreate);
const READ: Access = Access::Scope(Operation::LeaseRead);
const RENEW: Access = Access::Scope(Operation::LeaseRenew);
const REVOKE: Access = Access::Scope(Operation::LeaseRevoke);

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
