//! The control surface, as tests of other processes use it.

use leasehold_backends::{
    Clock, Running, fingerprint,
    oauth::{CLIENT_ID, CLIENT_SECRET, OAuth, Options},
};
use serde_json::{Value, json};

use crate::harness::{Answer, client, frozen, get, seconds, sent};

async fn started() -> Running<OAuth> {
    OAuth::start(Options { listen: frozen(), ..Options::default() }).await.unwrap()
}

async fn post(oauth: &Running<OAuth>, topic: &str, body: &Value) -> Answer {
    sent(client().post(format!("{}/__ctl/{topic}", oauth.url())).json(body)).await
}

async fn token(oauth: &Running<OAuth>) -> Answer {
    let body = json!({ "grant_type": "client_credentials" });
    sent(client().post(oauth.endpoint("token")).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).json(&body)).await
}

#[tokio::test]
async fn every_fault_can_be_asked_for() {
    let oauth = started().await;
    let actions = [
        json!({ "status": { "code": 500 } }),
        json!({ "status": { "code": 429, "body": "slow down", "headers": { "retry-after": "1" } } }),
        json!({ "delay_ms": 5 }),
        json!("close_before_response"),
        json!("close_after_commit"),
        json!("truncate_body"),
        json!("invalid_json"),
        json!("html_body"),
        json!({ "redirect": "http://127.0.0.1:1/" }),
        json!({ "huge_body": 1_000 }),
        json!("hang"),
        json!({ "echo_secrets": {} }),
    ];
    for action in &actions {
        let matching = json!({ "method": "POST", "path": "/token" });
        let fault = json!({ "match": matching, "times": 2, "action": action });
        assert_eq!(post(&oauth, "faults", &fault).await.status, 200, "{action}");
    }
    let url = format!("{}/__ctl/faults", oauth.url());
    let listed = get(&url).await.json();
    assert_eq!(listed["waiting"].as_array().unwrap().len(), actions.len());
    assert_eq!(token(&oauth).await.status, 500);
    let cleared = sent(client().delete(&url)).await.json();
    assert_eq!(cleared, json!({ "waiting": [], "hanging": 0 }));
    assert_eq!(token(&oauth).await.status, 200);
}

#[tokio::test]
async fn what_hangs_is_released_over_http() {
    let oauth = started().await;
    assert_eq!(post(&oauth, "faults", &json!({ "action": "hang" })).await.status, 200);
    let (answer, ()) = tokio::join!(token(&oauth), async {
        oauth.faults().wait_until_hanging(1).await;
        assert_eq!(get(&format!("{}/__ctl/faults", oauth.url())).await.json()["hanging"], 1);
        post(&oauth, "release", &json!({})).await;
    });
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn the_clock_moves() {
    let oauth = started().await;
    let before = post(&oauth, "clock", &json!({})).await.json()["now_s"].as_i64().unwrap();
    let after = post(&oauth, "clock", &json!({ "advance_s": 2_592_000 })).await.json();
    assert_eq!(after["now_s"].as_i64().unwrap(), before + 2_592_000);
    assert_eq!(oauth.clock().now(), before + 2_592_000);
    post(&oauth, "clock", &json!({ "frozen": false })).await;
    assert!(oauth.clock().now() >= before + 2_592_000, "it goes on from where it stood");
}

#[tokio::test]
async fn a_shared_clock_moves_for_all() {
    let clock = Clock::frozen();
    let mut listen = frozen();
    listen.clock = Some(clock.clone());
    let oauth = OAuth::start(Options { listen, ..Options::default() }).await.unwrap();
    let before = oauth.clock().millis();
    clock.advance(seconds(60));
    assert_eq!(oauth.clock().millis(), before + 60_000);
}

#[tokio::test]
async fn counters_and_requests_tell_no_secret() {
    let oauth = started().await;
    let issued = token(&oauth).await.text_of("access_token");
    sent(client().get(oauth.endpoint("userinfo")).bearer_auth(&issued)).await;
    sent(client().post(oauth.endpoint("revoke")).form(&[("token", &issued), ("state", &"plain".to_owned())]))
        .await;
    sent(client().get(oauth.endpoint("x")).query(&[("access_token", &issued)])).await;
    let counters = get(&format!("{}/__ctl/counters", oauth.url())).await;
    assert_eq!(counters.json()["tokens_issued"], 1);
    assert_eq!(counters.json()["calls_per_token"], json!({ fingerprint(&issued): 1 }));
    assert_eq!(
        (counters.json()["live_tokens"].as_u64(), counters.json()["requests"].as_u64()),
        (Some(1), Some(4))
    );
    let requests = get(&format!("{}/__ctl/requests", oauth.url())).await;
    for text in [&counters.text, &requests.text] {
        assert!(!text.contains(&issued) && !text.contains("client+secret"), "{text}");
    }
    let recorded = oauth.requests();
    assert_eq!(
        recorded[0].header("authorization"),
        Some(&*format!("Basic {CLIENT_ID}:{}", fingerprint(CLIENT_SECRET)))
    );
    assert_eq!(recorded[1].header("authorization"), Some(&*format!("Bearer {}", fingerprint(&issued))));
    assert_eq!(recorded[2].body, json!({ "token": fingerprint(&issued), "state": "plain" }));
    assert_eq!(recorded[3].query, [("access_token".to_owned(), fingerprint(&issued))]);
    assert_eq!((recorded[3].method.as_str(), recorded[3].path.as_str()), ("GET", "/x"));
}

#[tokio::test]
async fn switches_are_merged() {
    let oauth = started().await;
    let changed =
        post(&oauth, "switches", &json!({ "rotation": { "grace": 30 }, "access_s": 60 })).await.json();
    assert_eq!((&changed["rotation"], &changed["access_s"]), (&json!({ "grace": 30 }), &json!(60)));
    assert_eq!(token(&oauth).await.json()["expires_in"], 60);
    let shown = get(&format!("{}/__ctl/switches", oauth.url())).await.json();
    assert_eq!(shown, changed);
    oauth.switches().change(|switches| switches.access_s = 61);
    assert_eq!(token(&oauth).await.json()["expires_in"], 61);
}

#[tokio::test]
async fn reset_makes_it_as_at_the_start() {
    let oauth = started().await;
    let issued = token(&oauth).await.text_of("access_token");
    post(&oauth, "faults", &json!({ "times": null, "action": "invalid_json" })).await;
    post(&oauth, "switches", &json!({ "access_s": 60 })).await;
    assert_eq!(post(&oauth, "reset", &json!({})).await.status, 200);
    assert_eq!((oauth.counts().requests, oauth.requests().len(), oauth.faults().waiting().len()), (0, 0, 0));
    assert_eq!(sent(client().get(oauth.endpoint("userinfo")).bearer_auth(&issued)).await.status, 401);
    assert_eq!(token(&oauth).await.json()["expires_in"], 3_600);
}

#[tokio::test]
async fn tokens_end_without_notice() {
    let oauth = started().await;
    let issued = token(&oauth).await.text_of("access_token");
    assert_eq!(post(&oauth, "end", &json!({ "tokens": "access" })).await.status, 200);
    assert_eq!(sent(client().get(oauth.endpoint("userinfo")).bearer_auth(&issued)).await.status, 401);
    assert_eq!(oauth.counts().live_tokens, 0);
    assert_eq!(post(&oauth, "end", &json!({ "tokens": "grants" })).await.status, 200);
}

#[tokio::test]
async fn mistakes_are_told() {
    let oauth = started().await;
    for (topic, body) in [
        ("faults", json!({ "action": "explode" })),
        ("faults", json!({ "action": "hang", "time": 1 })),
        ("clock", json!({ "advance": 1 })),
        ("switches", json!({ "rotatoin": "strict" })),
        ("end", json!({ "tokens": "all" })),
    ] {
        let answer = post(&oauth, topic, &body).await;
        assert!(
            answer.status == 400 && !answer.text_of("error").is_empty(),
            "{topic} {body}: {}",
            answer.text
        );
    }
    assert_eq!(get(&format!("{}/__ctl/nothing", oauth.url())).await.status, 404);
    assert_eq!(token(&oauth).await.status, 200, "none of it changed anything");
}

#[tokio::test]
async fn it_stops() {
    let oauth = started().await;
    let url = oauth.endpoint("userinfo");
    assert_eq!(get(&url).await.status, 401);
    oauth.stop().await;
    assert!(client().get(&url).send().await.unwrap_err().is_connect());
}
