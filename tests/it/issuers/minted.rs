//! Tokens made for one lease: requested on the record, withdrawn when the lease ends, found again when an answer was lost.

use leasehold_backends::{Action, Fault};
use reqwest::Client;
use serde_json::{Value, json};

use super::upstreams::{Upstreams, scene};
use crate::harness::{Refused as _, Scene, ask, on_each_database};

on_each_database! {
    async fn each_lease_has_its_token_and_takes_it_along(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.gives_robot(&ann, "robot").await;

        let (first, second) = (ann.borrows(["robot"]).await, ann.borrows(["robot"]).await);

        let token = |lent: &Value| lent["access_token"].as_str().expect("a token").to_owned();
        let (one, two) = (json!(first.credentials["robot"]), json!(second.credentials["robot"]));
        assert_ne!(token(&one), token(&two));
        assert_eq!(one["headers"]["Authorization"], json!(format!("Bearer {}", token(&one))));
        assert!(one.get("client_secret").is_none() && one.get("client_id").is_none());
        let read = ann.read(&first.lease_id).await.unwrap();
        assert_eq!(read.credentials, first.credentials, "it is the lease's for as long as it will do");
        assert_eq!(upstreams.oauth.counts().tokens_issued, 2);

        ann.revoke(&first.lease_id).await.unwrap();
        assert_eq!(ann.scene.broker().withdraw_tokens().await.unwrap(), 1);
        let counts = upstreams.oauth.counts();
        assert_eq!((counts.revocations, counts.live_tokens), (1, 1));
        upstreams.passes(&ann.scene, 3_601);
        ann.scene.broker().withdraw_tokens().await.unwrap();
        assert_eq!(withdrawals(&ann.scene).await, Vec::<Value>::new(), "what ran out needs no withdrawal");
        let events: Vec<_> = ann.scene.records_of(&first.lease_id).await.into_iter().map(|r| r.event).collect();
        let wanted = ["lease_created", "upstream_token_requested", "upstream_token_minted", "credential_read",
            "lease_revoked", "upstream_token_withdrawn"];
        assert_eq!(events, wanted);
        world.end().await;
    }

    async fn a_reported_token_is_replaced_and_withdrawn(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.gives_robot(&ann, "robot").await;
        let lease = ann.borrows(["robot"]).await;
        let version = lease.credential_sources["robot"].credential_version;
        assert!(!ann.report(&lease.lease_id, "robot", version).await.unwrap().changed, "it is new");
        upstreams.passes(&ann.scene, 31);
        let told = ann.report(&lease.lease_id, "robot", version).await.unwrap();
        assert!(told.changed && told.credentials != lease.credentials);
        ann.scene.broker().withdraw_tokens().await.unwrap();
        assert_eq!(upstreams.oauth.counts().live_tokens, 1);
        world.end().await;
    }

    async fn a_token_whose_answer_was_lost_is_withdrawn(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.gives_robot(&ann, "robot").await;
        upstreams.gives_robot(&ann, "forgetful").await;
        for (service, live) in [("robot", 0), ("forgetful", 1)] {
            upstreams.oauth.faults().add(Fault::new(Action::CloseAfterCommit).on("POST", "/token"));
            assert_eq!(ann.create(&ask([service])).await.refusal(), "upstream_unavailable");
            assert!(ann.leases().await.iter().all(|lease| lease.status == "revoked"), "nothing was lent");
            assert_eq!(upstreams.oauth.counts().live_tokens, 1);
            ann.scene.broker().withdraw_tokens().await.unwrap();
            assert_eq!(upstreams.oauth.counts().live_tokens, live, "{service}");
        }
        let told = withdrawals(&ann.scene).await;
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["service"], &told[0]["state"]), (&json!("forgetful"), &json!("unrevocable")));
        assert!(told[0]["failure"].as_str().expect("a reason").contains("lost"));
        assert_eq!(told[0]["expires_at"], json!(ann.scene.now().plus_seconds(3_600)));
        upstreams.passes(&ann.scene, 3_601);
        ann.scene.broker().withdraw_tokens().await.unwrap();
        assert_eq!(withdrawals(&ann.scene).await, Vec::<Value>::new(), "it ran out");
        world.end().await;
    }

    async fn a_service_that_withdraws_nothing_keeps_nobody_waiting(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        let ann = scene.person().await;
        upstreams.gives_robot(&ann, "robot").await;
        upstreams.gives_client(&ann).await;
        let lease = ann.borrows(["robot"]).await;
        upstreams.oauth.faults().add(Fault { times: None, ..Fault::status(503).on("POST", "/revoke") });
        ann.revoke(&lease.lease_id).await.unwrap();

        for _ in 0..12 {
            scene.broker().withdraw_tokens().await.unwrap();
            ann.borrows(["todo"]).await;
            upstreams.passes(&scene, 300);
        }
        let told = withdrawals(&scene).await;
        assert_eq!((told.len(), &told[0]["state"]), (1, &json!("withdrawing")));
        assert!(told[0]["attempts"].as_i64() >= Some(2), "{told:?}");
        assert!(told[0]["failure"].as_str().expect("a reason").contains("503"), "{told:?}");
        let health = Client::new().get(format!("{}/health", world.url)).send().await.expect("an answer");
        assert_eq!(health.status(), 200);
        world.end().await;
    }

    async fn what_a_service_does_not_know_is_withdrawn(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        let ann = scene.person().await;
        upstreams.gives_robot(&ann, "robot").await;
        for status in [404, 503] {
            let lease = ann.borrows(["robot"]).await;
            upstreams.oauth.faults().add(Fault::status(status).on("POST", "/revoke"));
            ann.revoke(&lease.lease_id).await.unwrap();
            scene.broker().withdraw_tokens().await.unwrap();
            upstreams.passes(&scene, 30);
            scene.broker().withdraw_tokens().await.unwrap();
            assert_eq!(withdrawals(&scene).await, Vec::<Value>::new(), "{status}");
        }
        world.end().await;
    }
}

async fn withdrawals(scene: &Scene) -> Vec<Value> {
    let operator = scene.operator("admin:read").await;
    let told = operator.does("list_withdrawals", json!({})).await;
    told["withdrawals"].as_array().expect("a list").clone()
}
