//! Requests to the token endpoint that RFC 6749 does not allow, refused in its own words.

use reqwest::{RequestBuilder, header};
use serde_json::{Value, json};

use super::http_requests::Front;
use crate::harness::OAuthClient;

#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let (front, client) = a_client().await;
    for body in [
        "grant_type=client_credentials&grant_type=client_credentials",
        "grant_type=client_credentials&scope=lease:read&scope=lease:read",
        "grant_type=client_credentials&scope=lease:read&scope=",
        "grant_type=client_credentials&%73cope=lease:read&scope=lease:read",
    ] {
        assert_eq!(refused(basic(&front, &client).body(body), 400).await, "invalid_request", "{body}");
    }
    let resources = "grant_type=client_credentials&resource=https://a.example&resource=https://b.example";
    assert_eq!(refused(basic(&front, &client).body(resources), 400).await, "invalid_target");
    front.world.end().await;
}

#[tokio::test]
async fn a_repeated_parameter_is_refused_in_json_too() {
    let (front, client) = a_client().await;
    let body = r#"{"grant_type": "client_credentials", "scope": "lease:read", "scope": "lease:create"}"#;
    let request = endpoint(&front).basic_auth(client.id, Some(&client.secret));
    let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
    assert_eq!(refused(request, 400).await, "invalid_request");
    front.world.end().await;
}

#[tokio::test]
async fn an_unknown_parameter_is_ignored_as_the_rfc_has_it() {
    let (front, client) = a_client().await;
    let request = basic(&front, &client).body("grant_type=client_credentials&colour=red&colour=blue");
    assert_eq!(request.send().await.unwrap().status(), 200);
    front.world.end().await;
}

#[tokio::test]
async fn another_grant_is_refused() {
    let (front, client) = a_client().await;
    for (body, error) in [
        ("", "invalid_request"),
        ("scope=lease:read", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=CLIENT_CREDENTIALS", "unsupported_grant_type"),
    ] {
        assert_eq!(refused(basic(&front, &client).body(body), 400).await, error, "{body}");
    }
    front.world.end().await;
}

#[tokio::test]
async fn a_client_shows_one_proof() {
    let (front, client) = a_client().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &client.id.to_string()),
        ("client_secret", &client.secret),
    ];
    let both = endpoint(&front).basic_auth(client.id, Some(&client.secret)).form(&form);
    assert_eq!(refused(both, 400).await, "invalid_request");
    assert_eq!(endpoint(&front).form(&form).send().await.unwrap().status(), 200);
    front.world.end().await;
}

#[tokio::test]
async fn who_is_no_client_is_challenged() {
    let (front, client) = a_client().await;
    let grant = [("grant_type", "client_credentials")];
    for request in [
        endpoint(&front).form(&grant),
        endpoint(&front).basic_auth(client.id, Some("wrong")).form(&grant),
        endpoint(&front).basic_auth("nobody", Some("wrong")).form(&grant),
        endpoint(&front).header(header::AUTHORIZATION, "Basic !!").form(&grant),
        endpoint(&front).bearer_auth(&client.secret).form(&grant),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], r#"Basic realm="leasehold""#);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"], "invalid_client");
    }
    front.world.end().await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let (front, client) = a_client().await;
    let with = |content_type: &str, body: Vec<u8>| {
        let request = endpoint(&front).basic_auth(client.id, Some(&client.secret));
        request.header(header::CONTENT_TYPE, content_type).body(body)
    };
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    assert_eq!(
        refused(with("text/plain", b"grant_type=client_credentials".to_vec()), 415).await,
        "invalid_request"
    );
    assert_eq!(
        refused(with(form, b"grant_type=client_credentials&scope=%ff".to_vec()), 400).await,
        "invalid_request"
    );
    assert_eq!(refused(with(json, b"{\"grant_type\": \"\xff\"}".to_vec()), 400).await, "invalid_request");
    assert_eq!(refused(with(json, b"{\"grant_type\":".to_vec()), 400).await, "invalid_request");
    assert_eq!(refused(with(json, "[".repeat(100_000).into_bytes()), 400).await, "invalid_request");
    assert_eq!(
        refused(with(json, json!({"grant_type": 7}).to_string().into_bytes()), 400).await,
        "invalid_request"
    );
    assert_eq!(refused(with(form, vec![b'a'; (1 << 20) + 1]), 413).await, "invalid_request");
    front.world.end().await;
}

async fn a_client() -> (Front, OAuthClient) {
    let front = Front::opens().await;
    let client = front.ann.client().await;
    (front, client)
}

fn endpoint(front: &Front) -> RequestBuilder {
    front.client.post(format!("{}/oauth/token", front.world.url))
}

fn basic(front: &Front, client: &OAuthClient) -> RequestBuilder {
    let request = endpoint(front).basic_auth(client.id, Some(&client.secret));
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

/// The RFC's error, with the status.
async fn refused(request: RequestBuilder, status: u16) -> String {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), status);
    let body: Value = response.json().await.expect("JSON");
    assert!(body["error_description"].is_string(), "{body}");
    body["error"].as_str().expect("an error").to_owned()
}
