//! The way of a browser: consent, redirection, the code's exchange.

use std::collections::HashMap;

use leasehold_backends::{
    Running,
    oauth::{CLIENT_ID, CLIENT_SECRET, Client, OAuth, Options},
};
use serde_json::json;

use crate::harness::{Answer, client, frozen, seconds, sent};

const REDIRECT: &str = "http://127.0.0.1:9/callback?kept=1";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn started() -> Running<OAuth> {
    OAuth::start(Options { listen: frozen(), ..Options::default() }).await.unwrap()
}

/// The usual request, with some parameters added or put in the place of others.
async fn authorize(oauth: &Running<OAuth>, changes: &[(&str, &str)]) -> Answer {
    sent(client().get(oauth.endpoint("authorize")).query(&request(changes))).await
}

fn request(changes: &[(&str, &str)]) -> HashMap<String, String> {
    let usual = [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", REDIRECT),
        ("scope", "read write"),
        ("state", "s&1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    usual.iter().chain(changes).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn exchange(oauth: &Running<OAuth>, code: &str, changes: &[(&str, &str)]) -> Answer {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let form: HashMap<_, _> = usual.iter().chain(changes).copied().collect();
    sent(client().post(oauth.endpoint("token")).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form)).await
}

async fn code(oauth: &Running<OAuth>) -> String {
    authorize(oauth, &[("account", "bob")]).await.location().1["code"].clone()
}

#[tokio::test]
async fn from_consent_to_tokens() {
    let oauth = started().await;
    let (to, parameters) = authorize(&oauth, &[("account", "bob")]).await.location();
    assert_eq!((to.as_str(), parameters["kept"].as_str()), ("http://127.0.0.1:9/callback", "1"));
    assert_eq!(parameters["state"], "s&1");
    let tokens = exchange(&oauth, &parameters["code"], &[]).await;
    assert_eq!((tokens.status, tokens.header("cache-control")), (200, "no-store"));
    assert_eq!(
        (&tokens.json()["token_type"], &tokens.json()["expires_in"]),
        (&json!("Bearer"), &json!(3_600))
    );
    assert_eq!(tokens.text_of("scope"), "read write");
    assert!(!tokens.text_of("refresh_token").is_empty());
    let who =
        sent(client().get(oauth.endpoint("userinfo")).bearer_auth(tokens.text_of("access_token"))).await;
    assert_eq!(who.json(), json!({ "sub": "bob", "email": "bob@example.test", "name": "bob" }));
}

#[tokio::test]
async fn a_page_asks_when_no_account_is_named() {
    let oauth = started().await;
    let page = authorize(&oauth, &[]).await;
    assert_eq!(page.status, 200);
    for part in ["alice@example.test", "carol@example.test", "value=\"s&amp;1\"", "value=\"deny\"", CHALLENGE]
    {
        assert!(page.text.contains(part), "{part} is missing in {}", page.text);
    }
    let press = async |changes: &[(&str, &str)]| {
        sent(client().post(oauth.endpoint("authorize")).form(&request(changes))).await.location().1
    };
    let denied = press(&[("decision", "deny"), ("account", "carol")]).await;
    assert_eq!((denied["error"].as_str(), denied["state"].as_str()), ("access_denied", "s&1"));
    let allowed = press(&[("decision", "approve"), ("account", "carol")]).await;
    assert_eq!(exchange(&oauth, &allowed["code"], &[]).await.status, 200);
}

#[tokio::test]
async fn a_code_is_good_once_for_a_minute_and_for_its_own_request() {
    let oauth = started().await;
    let used = code(&oauth).await;
    assert_eq!(exchange(&oauth, &used, &[]).await.status, 200);
    let old = code(&oauth).await;
    oauth.clock().advance(seconds(60));
    let no_changes: &[(&str, &str)] = &[];
    for (code, changes) in [
        (used, no_changes),
        (old, no_changes),
        (code(&oauth).await, &[("code_verifier", "another")]),
        (code(&oauth).await, &[("redirect_uri", "http://127.0.0.1:9/callback")]),
        ("made up".to_owned(), no_changes),
    ] {
        let refused = exchange(&oauth, &code, changes).await;
        assert_eq!(
            (refused.status, refused.text_of("error").as_str()),
            (400, "invalid_grant"),
            "{changes:?}"
        );
    }
}

#[tokio::test]
async fn what_is_wrong_goes_back_to_the_client() {
    let oauth = started().await;
    for (changes, error) in [
        ([("response_type", "token")], "unsupported_response_type"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("account", "mallory")], "access_denied"),
    ] {
        let (_, parameters) = authorize(&oauth, &changes).await.location();
        assert_eq!((parameters["error"].as_str(), parameters["state"].as_str()), (error, "s&1"));
    }
    oauth.switches().change(|switches| switches.require_pkce = true);
    let mut plain = request(&[("account", "bob")]);
    plain.retain(|name, _| !name.starts_with("code_challenge"));
    let without = sent(client().get(oauth.endpoint("authorize")).query(&plain)).await.location().1;
    assert_eq!(without["error"], "invalid_request");
    oauth.switches().change(|switches| switches.require_pkce = false);
    let without = sent(client().get(oauth.endpoint("authorize")).query(&plain)).await.location().1;
    assert!(without.contains_key("code"));
}

#[tokio::test]
async fn nobody_is_sent_where_the_client_did_not_register() {
    let mut registered = Client::new("registered", "secret");
    registered.redirect_uris = vec!["http://127.0.0.1:9/exactly".to_owned()];
    registered.scopes = "read".to_owned();
    let clients = vec![registered, Client::new(CLIENT_ID, CLIENT_SECRET)];
    let oauth = OAuth::start(Options { clients, ..Options::default() }).await.unwrap();
    for changes in [
        [("client_id", "unknown"), ("account", "bob")],
        [("client_id", "registered"), ("account", "bob")],
        [("redirect_uri", "https://evil.example/"), ("account", "bob")],
        [("redirect_uri", "no url"), ("account", "bob")],
    ] {
        assert_eq!(authorize(&oauth, &changes).await.status, 400, "{changes:?}");
    }
    let exactly =
        [("client_id", "registered"), ("redirect_uri", "http://127.0.0.1:9/exactly"), ("account", "bob")];
    assert_eq!(authorize(&oauth, &exactly).await.location().1["error"], "invalid_scope");
    let read = [exactly.as_slice(), &[("scope", "read")]].concat();
    assert!(authorize(&oauth, &read).await.location().1.contains_key("code"));
}
