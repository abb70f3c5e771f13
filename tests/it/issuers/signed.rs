//! Tokens of the broker's own, lent to a borrower for an API that verifies them by the broker's keys.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::upstreams::{Upstreams, scene};
use crate::harness::{Person, Refused as _, ask, on_each_database};

on_each_database! {
    async fn a_token_is_signed_for_each_lease_and_lives_no_longer(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        gives(&ann, "https://api.example.com").await;

        let mut asked = ask(["signed"]);
        asked.ttl = Some(600);
        let lease = ann.create(&asked).await.expect("a lease");

        let lent = &lease.credentials["signed"];
        let claims = claims(&lent["access_token"]);
        assert_eq!((&claims["aud"], &claims["iss"]), (&json!("https://api.example.com"), &json!(world.url)));
        assert_eq!((&claims["sub"], &claims["lease_id"]), (&json!(ann.id.to_string()), &json!(lease.lease_id)));
        assert_eq!(claims["scope"], "items:read");
        assert!(claims["exp"].as_i64() <= Some(lease.expires_at.unix_seconds()));
        assert_eq!(lent["headers"]["Authorization"], json!(format!("Bearer {}", lent["access_token"].as_str().unwrap())));
        assert_eq!(lent["allowed_hosts"], json!(["api.example.com"]));
        let token = lent["access_token"].as_str().expect("a token");
        assert_eq!(ann.scene.bearer(token).me().await.refusal(), "unauthenticated", "it opens nothing here");

        upstreams.passes(&ann.scene, 300);
        let renewed = ann.renew(&lease.lease_id).await.unwrap();
        let fresh = renewed.credentials.expect("a new token");
        assert_ne!(fresh["signed"]["access_token"], lent["access_token"]);
        let renewing = ann.with_scopes("lease:renew service:*").await;
        assert_eq!(renewing.renew(&lease.lease_id).await.unwrap().credentials, None);
        world.end().await;
    }

    async fn nobody_makes_tokens_for_the_broker_itself(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        let operator = scene.operator("admin:write").await;
        operator.does("create_resource", json!({ "uri": "https://orders.example.com" })).await;
        for audience in [world.url.clone(), format!("{}/", world.url), "https://orders.example.com".to_owned()] {
            let ann = scene.person().await;
            gives(&ann, &audience).await;
            assert_eq!(ann.create(&ask(["signed"])).await.refusal(), "invalid_request", "{audience}");
        }
        world.end().await;
    }
}

async fn gives(person: &Person, audience: &str) {
    let fields =
        json!({ "base_url": "https://api.example.com/v1", "audience": audience, "scope": "items:read" });
    super::upstreams::deposit(person, "signed", fields).await;
}

fn claims(token: &Value) -> Value {
    let payload = token.as_str().expect("a token").split('.').nth(1).expect("a payload");
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).expect("base64url")).expect("JSON")
}
