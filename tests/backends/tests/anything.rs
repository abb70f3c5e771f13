//! The upstream for tools that call any API.

use std::time::Duration;

use leasehold_backends::{
    Running,
    anything::{Anything, Options, USER},
    fingerprint,
};
use serde_json::json;

use crate::harness::{client, get, sent, tried};

async fn started() -> Running<Anything> {
    Anything::start(Options::default()).await.unwrap()
}

#[tokio::test]
async fn echo_shows_everything_but_secrets() {
    let anything = started().await;
    let request = client().put(format!("{}/echo/a?x=1&api_key=k", anything.url()));
    let body = json!({ "n": [1, { "password": "p" }] });
    let seen = sent(request.header("x-api-key", "key").header("x-plain", "y").json(&body)).await.json();
    assert_eq!((&seen["method"], &seen["path"]), (&json!("PUT"), &json!("/echo/a")));
    assert_eq!(seen["query"], json!([["x", "1"], ["api_key", fingerprint("k")]]));
    assert_eq!(
        (&seen["headers"]["x-api-key"], &seen["headers"]["x-plain"]),
        (&json!(fingerprint("key")), &json!("y"))
    );
    assert_eq!(seen["body"], json!({ "n": [1, { "password": fingerprint("p") }] }));
}

#[tokio::test]
async fn statuses_sizes_and_redirects() {
    let anything = started().await;
    let at = |path: &str| format!("{}{path}", anything.url());
    assert_eq!((get(&at("/status/503")).await.status, get(&at("/status/x")).await.status), (503, 400));
    assert_eq!(get(&at("/big/70000")).await.text.len(), 70_000);
    let to = get(&at("/redirect?to=http%3A%2F%2F169.254.169.254%2Flatest")).await.location().0;
    assert_eq!(to, "http://169.254.169.254/latest");
    assert_eq!(get(&at("/nothing")).await.status, 404);
}

#[tokio::test]
async fn secrets_come_back_when_asked_for() {
    let anything = started().await;
    let url = format!("{}/secret-echo", anything.url());
    let bearer = sent(client().get(&url).bearer_auth("canary")).await;
    assert_eq!(bearer.json(), json!({ "you_sent": ["canary"] }));
    let basic = sent(client().get(&url).basic_auth("user", Some("canary"))).await;
    assert_eq!(basic.json(), json!({ "you_sent": ["canary", "dXNlcjpjYW5hcnk="] }));
    assert_eq!(anything.counts().calls_with("canary"), 1);
}

#[tokio::test]
async fn basic_authentication() {
    let anything = started().await;
    let url = format!("{}/basic-auth", anything.url());
    let refused = get(&url).await;
    assert!(refused.status == 401 && refused.header("www-authenticate").starts_with("Basic"));
    assert_eq!(sent(client().get(&url).basic_auth(USER, Some(USER))).await.status, 200);
}

#[tokio::test]
async fn slow_answers() {
    let anything = started().await;
    let at = |path: &str| client().get(format!("{}{path}", anything.url()));
    assert_eq!(sent(at("/delay/1")).await.status, 200);
    assert_eq!(sent(at("/slow-drip?bytes=3&every_ms=1")).await.text, "...");
    let soon = Duration::from_millis(50);
    assert!(tried(at("/delay/600000").timeout(soon)).await.unwrap_err().is_timeout());
    assert!(tried(at("/slow-drip?every_ms=600000").timeout(soon)).await.is_err());
}
