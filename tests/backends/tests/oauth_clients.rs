//! Clients: how they prove who they are, their own tokens, revocation, introspection.

use leasehold_backends::{
    Running, basic,
    oauth::{CLIENT_ID, CLIENT_SECRET, Client, OAuth, Options, SecretIn, TokenBody},
};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::harness::{Answer, client, frozen, get, sent};

async fn started() -> Running<OAuth> {
    let mut reader = Client::new("reader", "secret");
    reader.scopes = "read list".to_owned();
    let mut public = Client::new("public", "");
    public.secret = None;
    let clients = vec![Client::new(CLIENT_ID, CLIENT_SECRET), reader, public];
    OAuth::start(Options { listen: frozen(), clients, ..Options::default() }).await.unwrap()
}

fn asking(oauth: &Running<OAuth>) -> RequestBuilder {
    client().post(oauth.endpoint("token"))
}

async fn own_token(oauth: &Running<OAuth>) -> Answer {
    let form = [("grant_type", "client_credentials"), ("scope", "a b")];
    sent(asking(oauth).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form)).await
}

async fn about(oauth: &Running<OAuth>, endpoint: &str, token: &str) -> Answer {
    let request = client().post(oauth.endpoint(endpoint)).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
    sent(request.form(&[("token", token)])).await
}

#[tokio::test]
async fn secrets_in_either_place_and_bodies_in_either_form() {
    let oauth = started().await;
    let in_body =
        [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let bare = [("grant_type", "client_credentials")];
    let encoded = basic(CLIENT_ID, "stand-in+oauth%2Fclient%2Bsecret%3D1");
    let json_body = json!({
        "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
    });
    let ways = |place: SecretIn, body: TokenBody| {
        oauth.switches().change(|switches| (switches.secret_in, switches.token_body) = (place, body));
        [
            asking(&oauth).form(&in_body),
            asking(&oauth).json(&json_body),
            asking(&oauth).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&bare),
            asking(&oauth).header("authorization", &encoded).form(&bare),
        ]
    };
    for (place, body, expected) in [
        (SecretIn::Either, TokenBody::Either, [200, 200, 200, 200]),
        (SecretIn::Basic, TokenBody::Either, [401, 401, 200, 200]),
        (SecretIn::Body, TokenBody::Either, [200, 200, 401, 401]),
        (SecretIn::Either, TokenBody::Form, [200, 400, 200, 200]),
        (SecretIn::Either, TokenBody::Json, [400, 200, 400, 400]),
    ] {
        let mut seen = Vec::new();
        for request in ways(place, body) {
            seen.push(sent(request).await.status);
        }
        assert_eq!(seen, expected, "{place:?} {body:?}");
    }
}

#[tokio::test]
async fn a_clients_own_token() {
    let oauth = started().await;
    let answer = own_token(&oauth).await;
    assert_eq!((answer.status, answer.text_of("scope").as_str()), (200, "a b"));
    assert!(answer.json().get("refresh_token").is_none());
    let who =
        sent(client().get(oauth.endpoint("userinfo")).bearer_auth(answer.text_of("access_token"))).await;
    assert_eq!(who.json(), json!({ "sub": CLIENT_ID }));
}

#[tokio::test]
async fn what_a_client_may_not() {
    let oauth = started().await;
    for (form, status, error) in [
        (vec![("grant_type", "client_credentials"), ("scope", "read write")], 400, "invalid_scope"),
        (vec![("grant_type", "password")], 400, "unsupported_grant_type"),
        (vec![("grant_type", "client_credentials"), ("client_id", "public")], 401, "invalid_client"),
    ] {
        let request =
            asking(&oauth).basic_auth("reader", Some(if status == 401 { "wrong" } else { "secret" }));
        let refused = sent(request.form(&form)).await;
        assert_eq!((refused.status, refused.text_of("error").as_str()), (status, error));
    }
    let refused =
        sent(asking(&oauth).form(&[("grant_type", "client_credentials"), ("client_id", "public")])).await;
    assert_eq!(refused.text_of("error"), "unauthorized_client");
    assert!(sent(asking(&oauth)).await.header("www-authenticate").starts_with("Basic"));
    let bare = sent(
        asking(&oauth).basic_auth("reader", Some("secret")).form(&[("grant_type", "client_credentials")]),
    );
    assert_eq!(bare.await.text_of("scope"), "read list", "its own scope is the default");
}

#[tokio::test]
async fn a_new_token_evicts_the_one_before_when_switched() {
    let oauth = started().await;
    let is_live = async |token: &str| about(&oauth, "introspect", token).await.json()["active"] == true;
    let first = own_token(&oauth).await.text_of("access_token");
    let second = own_token(&oauth).await.text_of("access_token");
    assert!(is_live(&first).await && is_live(&second).await);
    oauth.switches().change(|switches| switches.one_token_per_client = true);
    let of_alice = oauth.grant("alice").access_token;
    let third = own_token(&oauth).await.text_of("access_token");
    assert!(!is_live(&first).await && !is_live(&second).await && is_live(&third).await);
    assert!(is_live(&of_alice).await, "an account's token is another thing");
    assert_eq!(oauth.counts().live_tokens, 2);
}

#[tokio::test]
async fn revocation() {
    let oauth = started().await;
    let (tokens, own) = (oauth.grant("alice"), own_token(&oauth).await.text_of("access_token"));
    assert_eq!(about(&oauth, "revoke", &own).await.status, 200);
    assert_eq!(about(&oauth, "introspect", &own).await.json(), json!({ "active": false }));
    assert_eq!(
        about(&oauth, "introspect", &tokens.refresh_token).await.json()["token_type"],
        "refresh_token"
    );
    assert_eq!(about(&oauth, "revoke", &tokens.refresh_token).await.status, 200);
    for token in [&tokens.access_token, &tokens.refresh_token] {
        assert_eq!(about(&oauth, "introspect", token).await.json(), json!({ "active": false }));
    }
    assert_eq!(about(&oauth, "revoke", &tokens.refresh_token).await.status, 200, "again");
    assert_eq!(about(&oauth, "revoke", "made up").await.status, 200);
    assert_eq!(oauth.counts().revocations, 2);
}

#[tokio::test]
async fn only_its_own_client_revokes_a_token() {
    let oauth = started().await;
    let token = oauth.grant("alice").refresh_token;
    let request = client().post(oauth.endpoint("revoke")).basic_auth("reader", Some("secret"));
    assert_eq!(sent(request.form(&[("token", &token)])).await.status, 200);
    assert_eq!(about(&oauth, "introspect", &token).await.json()["active"], true);
    assert_eq!(sent(client().post(oauth.endpoint("revoke")).form(&[("token", &token)])).await.status, 401);
}

#[tokio::test]
async fn introspection_tells_the_account() {
    let oauth = started().await;
    let answer = about(&oauth, "introspect", &oauth.grant("carol").access_token).await.json();
    assert_eq!(
        (&answer["active"], &answer["sub"], &answer["username"]),
        (&json!(true), &json!("carol"), &json!("carol"))
    );
    assert_eq!((&answer["client_id"], &answer["token_type"]), (&json!(CLIENT_ID), &json!("Bearer")));
    assert_eq!(answer["exp"].as_i64().unwrap(), oauth.clock().now() + 3_600);
}

#[tokio::test]
async fn metadata_names_what_works() {
    let oauth = started().await;
    let metadata = get(&format!("{}/.well-known/oauth-authorization-server", oauth.url())).await;
    assert_eq!(metadata.text_of("issuer"), oauth.url());
    assert_eq!(metadata.text_of("token_endpoint"), oauth.endpoint("token"));
}
