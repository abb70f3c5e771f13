//! HTTP requests that cannot be read, or say what nobody asked.

use std::sync::Arc;

use futures::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::{Value, json};

use crate::harness::{
    Engine, Installation, Person, Scene, Transport, World,
    api::{Failure, http},
};

#[tokio::test]
async fn an_unknown_field_is_named() {
    let front = Front::opens().await;
    let lease = front.ann.borrows(["jira"]).await.lease_id;
    for (method, path, body) in [
        (Method::POST, String::new(), json!({"services": ["jira"], "server_id": "s", "colour": "red"})),
        (Method::POST, format!("/{lease}/renew"), json!({"colour": 1})),
        (Method::DELETE, format!("/{lease}"), json!({"reason": "r", "colour": null})),
    ] {
        let refused = front.refused(front.lease(method, &path).json(&body), 422).await;
        assert_eq!(
            (refused.code.as_str(), &*refused.fields),
            ("invalid_request", &["colour".to_owned()][..])
        );
    }
    front.closes().await;
}

#[tokio::test]
async fn a_field_of_another_kind_is_named() {
    let front = Front::opens().await;
    for (name, value, field) in [
        ("ttl", json!("3600"), "ttl"),
        ("ttl", json!(9_223_372_036_854_775_808_u64), "ttl"),
        ("ttl", json!(60.5), "ttl"),
        ("ttl", json!([60]), "ttl"),
        ("services", json!("jira"), "services"),
        ("services", json!({"jira": true}), "services"),
        ("services", json!(["jira", 1]), "services[1]"),
        ("server_id", json!(1), "server_id"),
        ("reuse", json!("yes"), "reuse"),
        ("organization_id", json!(7), "organization_id"),
    ] {
        let mut body = good();
        body[name] = value.clone();
        let refused = front.refused(front.create().json(&body), 422).await;
        assert_eq!(
            (refused.code.as_str(), &*refused.fields),
            ("invalid_request", &[field.to_owned()][..]),
            "{value}"
        );
    }
    front.closes().await;
}

#[tokio::test]
async fn a_ttl_in_words_is_refused_in_a_renewal_too() {
    let front = Front::opens().await;
    let lease = front.ann.borrows(["jira"]).await.lease_id;
    for ttl in ["\"an hour\"", "9223372036854775808", "-9223372036854775809", "1e30"] {
        let request = front.lease(Method::POST, &format!("/{lease}/renew"));
        let request =
            request.header(header::CONTENT_TYPE, "application/json").body(format!("{{\"ttl\": {ttl}}}"));
        assert_eq!(front.refused(request, 422).await.fields, ["ttl"], "{ttl}");
    }
    front.closes().await;
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let front = Front::opens().await;
    let array = r#"[["jira"], 600, "s", null, false, false, null]"#;
    for body in [array, "null", "7", "\"services\"", "[]"] {
        let refused = front.refused(front.create_with(body), 422).await;
        assert_eq!(refused.code, "invalid_request", "{body}");
    }
    front.closes().await;
}

#[tokio::test]
async fn a_field_given_twice_is_refused() {
    let front = Front::opens().await;
    let body = r#"{"services": ["jira"], "server_id": "a", "services": ["todoist"]}"#;
    assert_eq!(front.refused(front.create_with(body), 422).await.fields, ["services"]);
    front.closes().await;
}

#[tokio::test]
async fn what_is_no_json_is_malformed() {
    let front = Front::opens().await;
    for body in [
        "",
        "{",
        "{\"services\": [\"jira\"]",
        "services=jira",
        "{}{}",
        "{'services': []}",
        "{\"ttl\": 06}",
        "\u{feff}{}",
    ] {
        let refused = front.refused(front.create_with(body), 400).await;
        assert_eq!(refused.code, "malformed_request", "{body:?}");
    }
    front.closes().await;
}

#[tokio::test]
async fn invalid_utf_8_is_malformed() {
    let front = Front::opens().await;
    for bytes in [&b"{\"services\": [\"\xff\"]}"[..], b"\xc3\x28", b"{\"server_id\": \"\xed\xa0\x80\"}"] {
        let refused = front.refused(front.create_with(bytes.to_vec()), 400).await;
        assert_eq!(refused.code, "malformed_request");
    }
    front.closes().await;
}

#[tokio::test]
async fn deep_json_is_malformed() {
    let front = Front::opens().await;
    let deep = |opening: &str, levels: usize| format!("{{\"services\": {}", opening.repeat(levels));
    for body in
        [deep("[", 500_000), deep("{\"a\":", 100_000), format!("{}{}", "[".repeat(200), "]".repeat(200))]
    {
        assert_eq!(front.refused(front.create_with(body), 400).await.code, "malformed_request");
    }
    front.closes().await;
}

#[tokio::test]
async fn a_body_too_large_is_not_read() {
    let front = Front::opens().await;
    let mut body = good().to_string().into_bytes();
    body.resize(1 << 20, b' ');
    assert_eq!(front.create_with(body.clone()).send().await.unwrap().status(), 201, "this much is allowed");
    body.push(b' ');
    assert_eq!(front.refused(front.create_with(body), 413).await.code, "request_too_large");
    // Without a length, what came so far decides.
    let piece = || Ok::<_, std::io::Error>(Frame::data(bytes::Bytes::from(vec![b' '; 64 << 10])));
    let pieces = reqwest::Body::wrap(StreamBody::new(stream::iter((0..17).map(move |_| piece()))));
    assert_eq!(front.refused(front.create_with(pieces), 413).await.code, "request_too_large");
    front.closes().await;
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let front = Front::opens().await;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/json5", "application/jsonx", ""]
    {
        let request = front.create().header(header::CONTENT_TYPE, content_type).body(good().to_string());
        assert_eq!(front.refused(request, 415).await.code, "unsupported_media_type", "{content_type}");
    }
    let without = front.create().body(good().to_string());
    assert_eq!(front.refused(without, 415).await.code, "unsupported_media_type");
    let parameters = front.create().header(header::CONTENT_TYPE, "Application/JSON; charset=utf-8");
    assert_eq!(parameters.body(good().to_string()).send().await.unwrap().status(), 201);
    front.closes().await;
}

#[tokio::test]
async fn a_method_that_the_path_does_not_know_is_refused() {
    let front = Front::opens().await;
    for (method, path) in [(Method::PUT, ""), (Method::POST, "/lse_1"), (Method::DELETE, "/lse_1/renew")] {
        assert_eq!(front.refused(front.lease(method, path), 405).await.code, "method_not_allowed");
    }
    front.closes().await;
}

#[tokio::test]
async fn a_path_that_nobody_knows_is_not_there() {
    let front = Front::opens().await;
    for path in ["/lse_1/steal", "/a/b/c", "/%ff", "/..%2fme"] {
        assert_eq!(front.refused(front.lease(Method::GET, path), 404).await.code, "not_found", "{path}");
    }
    front.closes().await;
}

#[tokio::test]
async fn wrong_query_parameters_are_named() {
    let front = Front::opens().await;
    for (query, field) in [
        ("status=ended", "status"),
        ("page_size=many", "page_size"),
        ("page_size=9223372036854775808", "page_size"),
        ("page_size=10&page_size=20", "page_size"),
        ("colour=red", "colour"),
    ] {
        let refused = front.refused(front.lease(Method::GET, &format!("?{query}")), 422).await;
        assert_eq!(
            (refused.code.as_str(), &*refused.fields),
            ("invalid_request", &[field.to_owned()][..]),
            "{query}"
        );
    }
    front.closes().await;
}

#[tokio::test]
async fn a_header_given_twice_is_refused() {
    let front = Front::opens().await;
    let header = front.ann.authorization.clone().expect("a header");
    let twice = front.create().header(header::AUTHORIZATION, header).json(&good());
    assert_eq!(front.refused(twice, 401).await.code, "unauthenticated");
    let twice = front.create().header("Idempotency-Key", "a").header("Idempotency-Key", "a").json(&good());
    assert_eq!(front.refused(twice, 422).await.code, "invalid_request");
    front.closes().await;
}

#[tokio::test]
async fn who_shows_no_token_is_challenged() {
    let front = Front::opens().await;
    let url = format!("{}/api/mcp/me", front.world.url);
    for (authorization, challenge) in [
        (None, r#"Bearer realm="leasehold""#),
        (Some("Bearer wrong"), r#"Bearer realm="leasehold", error="invalid_token""#),
    ] {
        let mut request = front.client.get(&url);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::WWW_AUTHENTICATE]),
            (401, &challenge.parse().unwrap())
        );
        let body: Value = response.json().await.unwrap();
        assert_eq!((&body["title"], &body["status"]), (&json!("Unauthenticated"), &json!(401)));
    }
    front.closes().await;
}

/// A server, and somebody who may borrow `jira`.
pub(super) struct Front {
    pub(super) world: Arc<World>,
    pub(super) ann: Person,
    pub(super) client: Client,
}

impl Front {
    pub(super) async fn opens() -> Self {
        let world = Installation::new(Engine::Sqlite).await.opens().await;
        let ann = Scene::new(Arc::clone(&world), Transport::Http).person().await;
        ann.deposits("jira", "hers").await;
        Self { world, ann, client: http::client() }
    }

    /// Nothing broke: the next good request is served.
    pub(super) async fn closes(self) {
        assert!(self.create().json(&good()).send().await.unwrap().status().is_success());
        self.world.end().await;
    }

    fn create(&self) -> RequestBuilder {
        self.lease(Method::POST, "")
    }

    fn create_with(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.create().header(header::CONTENT_TYPE, "application/json").body(body)
    }

    pub(super) fn lease(&self, method: Method, rest: &str) -> RequestBuilder {
        let url = format!("{}/api/mcp/credentials/lease{rest}", self.world.url);
        let authorization = self.ann.authorization.clone().expect("a header");
        self.client.request(method, url).header(header::AUTHORIZATION, authorization)
    }

    pub(super) async fn refused(&self, request: RequestBuilder, status: u16) -> Failure {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status);
        http::failure(response).await
    }
}

pub(super) fn good() -> Value {
    json!({"services": ["jira"], "server_id": "s"})
}
