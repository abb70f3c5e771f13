//! Requests of operations that the table does by itself, over HTTP alone: what only HTTP can say, said wrong.

use std::sync::Arc;

use leasehold::model::organization::SharingEntry::AllMembers;
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

use crate::harness::{
    Borrower, Engine, Installation, Scene, Transport, World,
    api::{Failure, http},
};

#[tokio::test]
async fn an_entity_tag_that_no_row_has_changes_nothing() {
    let desk = Desk::opens().await;
    let user = desk.scene.person().await.id.to_string();
    let path = format!("/api/admin/users/{user}");
    let before = desk.operator.does("show_user", json!({ "id": user })).await;
    let change = |tags: &[&str]| {
        let request = desk.asks(Method::PATCH, &path).json(&json!({ "name": "Renamed" }));
        tags.iter().fold(request, |request, tag| request.header(header::IF_MATCH, *tag))
    };
    for tags in [&["\"\""][..], &["W/\"1\""], &["W/\"1\", W/\"2\""], &["\"9\""], &["\"one\""]] {
        assert_eq!(desk.refused(change(tags), 412).await.code, "precondition_failed", "{tags:?}");
    }
    for tags in [&["1"][..], &["\"1"], &[""], &["\"1\", \"2\""], &["\"1\"", "\"2\""], &["*, \"1\""]] {
        assert_eq!(desk.refused(change(tags), 422).await.fields, ["If-Match"], "{tags:?}");
    }
    let empty = desk.asks(Method::PATCH, &path).json(&json!({ "name": "Renamed", "etag": "" }));
    assert_eq!(desk.refused(empty, 412).await.code, "precondition_failed");
    assert_eq!(desk.operator.does("show_user", json!({ "id": user })).await, before);

    assert_eq!(change(&["W/\"7\", \"1\""]).send().await.unwrap().status(), 200);
    assert_eq!(change(&["*"]).send().await.unwrap().status(), 200);
    desk.closes().await;
}

#[tokio::test]
async fn a_deletion_says_its_fields_in_body_or_query() {
    let desk = Desk::opens().await;
    let path = desk.lease().await;
    let without = [desk.asks(Method::DELETE, &path), desk.asks(Method::DELETE, &path).body("")];
    for request in without {
        let refused = desk.refused(request, 422).await;
        assert_eq!((refused.code.as_str(), refused.fields), ("invalid_request", vec!["reason".to_owned()]));
    }
    for (query, field) in
        [("?reason=a&reason=b", "reason"), ("?colour=red&reason=a", "colour"), ("?id=lse_1&reason=a", "id")]
    {
        let refused = desk.refused(desk.asks(Method::DELETE, &format!("{path}{query}")), 422).await;
        assert_eq!(refused.fields, [field], "{query}");
    }
    let twice =
        desk.asks(Method::DELETE, &format!("{path}?reason=drill")).json(&json!({ "reason": "drill" }));
    assert_eq!(desk.refused(twice, 422).await.fields, ["reason"]);

    let ended = desk.asks(Method::DELETE, &format!("{path}?reason=a%20drill")).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    let path = desk.lease().await;
    let ended = desk.asks(Method::DELETE, &path).json(&json!({ "reason": "a drill" })).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    desk.closes().await;
}

#[tokio::test]
async fn an_entity_tag_for_what_has_none_is_named_as_the_header() {
    let desk = Desk::opens().await;
    let path = desk.lease().await;
    for (method, path) in [
        (Method::DELETE, format!("{path}?reason=drill")),
        (Method::GET, path.clone()),
        (Method::POST, "/api/admin/keys/rewrap".to_owned()),
    ] {
        let tagged = desk.asks(method, &path).header(header::IF_MATCH, "\"1\"");
        assert_eq!(desk.refused(tagged, 422).await.fields, ["If-Match"], "{path}");
    }
    desk.closes().await;
}

#[tokio::test]
async fn a_request_without_a_body_is_told_what_is_missing() {
    let desk = Desk::opens().await;
    let refused = desk.refused(desk.asks(Method::POST, "/api/admin/resources"), 422).await;
    assert_eq!(refused.fields, ["uri"]);
    desk.closes().await;
}

#[tokio::test]
async fn a_member_given_twice_is_named() {
    let desk = Desk::opens().await;
    let json = |body: &'static str| {
        desk.asks(Method::POST, "/api/admin/users")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
    };
    for (body, field) in [
        (r#"{"email":"a@example.org","name":"A","name":"B"}"#, "name"),
        (r#"{"email":"a@example.org","name":"A","more":[{"x":1,"x":2}]}"#, "more[0].x"),
    ] {
        assert_eq!(desk.refused(json(body), 422).await.fields, [field], "{body}");
    }
    desk.closes().await;
}

#[tokio::test]
async fn another_charset_is_refused() {
    let desk = Desk::opens().await;
    let body = json!({ "email": "a@example.org", "name": "A" }).to_string();
    let said = |kind: &str| {
        desk.asks(Method::POST, "/api/admin/users").header(header::CONTENT_TYPE, kind).body(body.clone())
    };
    for kind in ["application/json; charset=latin1", "application/json; charset=\"utf-16\""] {
        assert_eq!(desk.refused(said(kind), 415).await.code, "unsupported_media_type", "{kind}");
    }
    assert_eq!(said("application/json; charset=\"UTF-8\"").send().await.unwrap().status(), 201);
    let form = desk.client.post(format!("{}/oauth/token", desk.world.url));
    let form = form.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=latin1");
    assert_eq!(form.body("grant_type=client_credentials").send().await.unwrap().status(), 415);
    desk.closes().await;
}

#[tokio::test]
async fn a_time_in_words_is_told_what_a_time_is() {
    let desk = Desk::opens().await;
    let answer = desk.asks(Method::GET, "/api/admin/leases?created_from=yesterday").send().await.unwrap();
    let problem: Value = answer.json().await.unwrap();
    let reason = problem["errors"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("RFC 3339") && !reason.contains("yesterday"), "{problem}");
    let answer = desk.asks(Method::GET, "/api/admin/leases?status=foo").send().await.unwrap();
    let problem: Value = answer.json().await.unwrap();
    let reason = problem["errors"][0]["reason"].as_str().unwrap();
    assert!(["active", "expired", "revoked"].iter().all(|name| reason.contains(name)), "{problem}");
    desk.closes().await;
}

/// A server, and an operator who asks it.
struct Desk {
    world: Arc<World>,
    scene: Scene,
    operator: Borrower,
    client: reqwest::Client,
}

impl Desk {
    async fn opens() -> Self {
        let world = Installation::new(Engine::Sqlite).await.opens().await;
        let scene = Scene::new(Arc::clone(&world), Transport::Http);
        let operator = scene.operator("admin:read admin:write admin:revoke").await;
        Self { world, scene, operator, client: http::client() }
    }

    async fn closes(self) {
        self.world.end().await;
    }

    fn asks(&self, method: Method, path: &str) -> RequestBuilder {
        let authorization = self.operator.authorization.clone().expect("a header");
        self.client
            .request(method, format!("{}{path}", self.world.url))
            .header(header::AUTHORIZATION, authorization)
    }

    /// The path of a live lease.
    async fn lease(&self) -> String {
        let team = self.scene.team().await;
        let ann = self.scene.person().await;
        team.admits(&ann, leasehold::model::organization::Role::Member).await;
        team.shares("notion", "shared", &[AllMembers]).await;
        format!("/api/admin/leases/{}", ann.borrows(["notion"]).await.lease_id)
    }

    async fn refused(&self, request: RequestBuilder, status: u16) -> Failure {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status);
        http::failure(response).await
    }
}
