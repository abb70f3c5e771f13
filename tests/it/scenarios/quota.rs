//! Bounds: live leases of one principal, calls in too short a time.

use futures::future::join_all;
use leasehold::{model::audit::EventName, store::admin::Change};

use crate::harness::{Ask, Refused as _, ask, scenarios};

scenarios! {
    async fn a_principal_holds_so_many_leases_and_no_more(scene; max_leases_per_principal = 3) {
        let (ann, bob) = (scene.person().await, scene.person().await);
        ann.deposits("jira", "hers").await;
        bob.deposits("jira", "his").await;
        let first = ann.borrows(["jira"]).await.lease_id;
        ann.borrows(["jira"]).await;
        ann.borrows(["jira"]).await;

        let refused = ann.create(&ask(["jira"])).await.failure();

        assert_eq!(refused.code, "quota_exceeded");
        assert!(refused.retry_after.is_some_and(|seconds| seconds > 0));
        assert!(bob.create(&ask(["jira"])).await.is_ok(), "it is hers alone");
        assert!(ann.client().await.enters().await.create(&ask(["jira"])).await.is_ok(), "her program is another principal");
        ann.revoke(&first).await.unwrap();
        assert!(ann.create(&ask(["jira"])).await.is_ok(), "a place is free");
        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "quota_exceeded");
    }

    async fn what_ran_out_gives_its_place_back(scene; max_leases_per_principal = 2) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        for _ in 0..3 {
            for _ in 0..2 {
                ann.create(&Ask { ttl: Some(60), ..ask(["jira"]) }).await.unwrap();
            }
            assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "quota_exceeded");
            scene.passes(60);
        }
    }

    async fn a_lost_lease_gives_its_place_back(scene; max_leases_per_principal = 1) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "hers").await;
        ann.deposits("todoist", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        scene.change(EventName::CredentialDeleted, own, Change::DeleteCredential(own)).await;
        assert_eq!(ann.renew(&lease).await.refusal(), "entitlement_lost");

        assert!(ann.create(&ask(["todoist"])).await.is_ok());
    }

    async fn revoking_twice_frees_one_place(scene; max_leases_per_principal = 2) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.borrows(["jira"]).await;
        ann.revoke(&lease).await.unwrap();
        ann.revoke(&lease).await.unwrap();

        assert!(ann.create(&ask(["jira"])).await.is_ok());
        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "quota_exceeded");
    }

    async fn creates_at_the_edge_never_pass_it(scene; max_leases_per_principal = 5) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let asked = ask(["jira"]);

        let answers = join_all((0..20).map(|_| ann.create(&asked))).await;

        let (granted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(granted.len(), 5);
        assert!(refused.into_iter().all(|answer| answer.refusal() == "quota_exceeded"));
    }

    async fn a_full_quota_still_finds_leases_that_exist(scene; max_leases_per_principal = 1) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let shared = Ask { reuse: true, idempotency_key: Some("k".to_owned()), ..ask(["jira"]) };
        let lease = ann.create(&shared).await.unwrap().lease_id;

        assert_eq!(ann.create(&shared).await.unwrap().lease_id, lease);
        let other_key = Ask { idempotency_key: None, ..shared };
        assert_eq!(ann.create(&other_key).await.unwrap().lease_id, lease);
        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "quota_exceeded");
    }

    async fn calls_in_too_short_a_time_wait(scene; requests_per_second = 5, burst = 8) {
        let (ann, bob) = (scene.person().await, scene.person().await);
        for _ in 0..8 {
            ann.me().await.unwrap();
        }

        let refused = ann.me().await.failure();

        assert_eq!((refused.code.as_str(), refused.retry_after), ("rate_limited", Some(1)));
        assert!(bob.me().await.is_ok(), "it is hers alone");
        scene.passes(1);
        for _ in 0..5 {
            ann.me().await.unwrap();
        }
        assert_eq!(ann.me().await.refusal(), "rate_limited");
    }

    async fn the_token_endpoint_has_the_same_limit(scene; requests_per_second = 5, burst = 3) {
        let client = scene.person().await.client().await;
        for _ in 0..3 {
            client.token(None).await.unwrap();
        }

        let refused = client.token(None).await.failure();

        assert_eq!((refused.code.as_str(), refused.retry_after), ("slow_down", Some(1)));
        scene.passes(1);
        assert!(client.token(None).await.is_ok());
    }
}
