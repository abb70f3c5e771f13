//! Renewing and reading again: to when, how often, and when no more.

use futures::future::join_all;

use crate::harness::{Ask, Refused as _, api::RenewAsk, ask, scenarios};

scenarios! {
    async fn a_lease_lasts_as_long_as_asked_or_an_hour(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let now = scene.now();

        let usual = ann.borrows(["jira"]).await;
        assert_eq!((usual.expires_at, usual.renewable, usual.max_renewals), (now.plus_seconds(3_600), true, 24));
        for ttl in [60, 86_400] {
            let lease = ann.create(&Ask { ttl: Some(ttl), ..ask(["jira"]) }).await.unwrap();
            assert_eq!(lease.expires_at, now.plus_seconds(ttl));
            assert_eq!(ann.show(&lease.lease_id).await.unwrap().ttl, ttl);
        }
    }

    async fn a_renewal_reaches_to_now_and_the_original_ttl(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.create(&Ask { ttl: Some(600), ..ask(["jira"]) }).await.unwrap();
        scene.passes(400);

        let renewed = ann.renew(&lease.lease_id).await.unwrap();

        let now = scene.now();
        assert_eq!(renewed.expires_at, now.plus_seconds(600));
        assert_eq!((renewed.renewal_count, renewed.max_renewals, renewed.renewals_remaining), (1, 24, 23));
        assert_eq!((renewed.last_renewed_at, renewed.capped_by), (Some(now), None));
        assert!(renewed.renew_after > now && renewed.renew_after < renewed.expires_at);
        assert_eq!(renewed.credentials, None, "nothing changed, nothing is handed out");
        let shown = ann.show(&lease.lease_id).await.unwrap();
        assert_eq!((shown.expires_at, shown.renewal_count), (renewed.expires_at, 1));
        assert_eq!((shown.last_renewed_at, shown.renewals_remaining), (Some(now), 23));
    }

    async fn renewals_are_counted_up_to_the_most(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        for count in 1..=24 {
            scene.passes(60);
            let renewed = ann.renew(&lease).await.unwrap();
            assert_eq!((renewed.renewal_count, renewed.renewals_remaining), (count, 24 - count));
        }

        assert_eq!(ann.renew(&lease).await.refusal(), "max_renewals_exceeded");
        assert_eq!(ann.show(&lease).await.unwrap().status, "active", "it runs on to its end");
        assert!(ann.read(&lease).await.is_ok());
    }

    async fn a_shorter_ttl_is_taken_and_never_shortens(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await;

        let at_once = ann.renew_for(&lease.lease_id, 60).await.unwrap();
        assert_eq!(at_once.expires_at, lease.expires_at);
        scene.passes(3_500);
        let late = ann.renew_for(&lease.lease_id, 600).await.unwrap();
        assert_eq!(late.expires_at, scene.now().plus_seconds(600));
        scene.passes(500);
        let again = ann.renew(&lease.lease_id).await.unwrap();
        assert_eq!(again.expires_at, scene.now().plus_seconds(3_600), "the original ttl is not forgotten");
    }

    async fn a_longer_ttl_is_refused_and_costs_nothing(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.create(&Ask { ttl: Some(600), ..ask(["jira"]) }).await.unwrap();

        let refused = ann.renew_for(&lease.lease_id, 601).await.failure();

        assert_eq!((refused.code.as_str(), &*refused.fields), ("invalid_request", &["ttl".to_owned()][..]));
        let shown = ann.show(&lease.lease_id).await.unwrap();
        assert_eq!((shown.renewal_count, shown.expires_at), (0, lease.expires_at));
    }

    async fn no_renewal_reaches_past_the_greatest_lifetime(scene; max_lifetime_seconds = 7_200) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let (begun, lease) = (scene.now(), ann.borrows(["jira"]).await.lease_id);
        scene.passes(3_000);
        assert_eq!(ann.renew(&lease).await.unwrap().capped_by, None);
        scene.passes(3_000);

        let renewed = ann.renew(&lease).await.unwrap();

        assert_eq!(renewed.capped_by.as_deref(), Some("max_lifetime"));
        assert_eq!(renewed.expires_at, begun.plus_seconds(7_200));
        scene.passes(1_200);
        assert_eq!(ann.renew(&lease).await.refusal(), "lease_expired");
    }

    async fn what_ran_out_is_not_renewed(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.create(&Ask { ttl: Some(60), ..ask(["jira"]) }).await.unwrap();
        scene.passes(60);

        assert_eq!(ann.renew(&lease.lease_id).await.refusal(), "lease_expired");
        assert_eq!(ann.read(&lease.lease_id).await.refusal(), "lease_expired");
        let shown = ann.show(&lease.lease_id).await.unwrap();
        assert_eq!((shown.status.as_str(), shown.renewal_count), ("expired", 0));
    }

    async fn a_lease_may_not_be_renewable(scene; max_renewals = 0) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await;

        assert!(!lease.renewable);
        assert_eq!(ann.renew(&lease.lease_id).await.refusal(), "not_renewable");
        assert_eq!(ann.show(&lease.lease_id).await.unwrap().renewals_remaining, 0);
    }

    /// The seed's own race: many workers share a lease, and its last renewal comes.
    async fn of_25_concurrent_renewals_exactly_the_last_one_left_is_granted(scene; max_renewals = 3) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.renew(&lease).await.unwrap();
        ann.renew(&lease).await.unwrap();

        let answers = join_all((0..25).map(|_| ann.renew(&lease))).await;

        let (granted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(granted.len(), 1);
        assert!(refused.into_iter().all(|answer| answer.refusal() == "max_renewals_exceeded"));
        assert_eq!(ann.show(&lease).await.unwrap().renewal_count, 3);
    }

    async fn values_are_read_again_without_a_renewal(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await;
        scene.passes(600);

        let read = ann.read(&lease.lease_id).await.unwrap();

        assert_eq!((read.value("jira"), read.expires_at), ("her own", lease.expires_at));
        assert!(read.renew_after > scene.now() && read.renew_after < lease.expires_at);
        assert_eq!(ann.show(&lease.lease_id).await.unwrap().renewal_count, 0);
    }

    async fn a_renewal_brings_the_values_when_asked(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        let with = RenewAsk { with_credentials: true, ..RenewAsk::default() };
        assert_eq!(ann.renew_with(&lease, with).await.unwrap().value("jira"), Some("her own"));
        assert_eq!(ann.renew(&lease).await.unwrap().value("jira"), None);
    }

    async fn renew_after_comes_before_a_lent_value_runs_out(scene) {
        let ann = scene.person().await;
        let at = scene.now().plus_seconds(1_000);
        ann.deposits("jira", "her own").await;
        ann.deposits_until("tray", "for a while", at).await;

        let lease = ann.borrows(["jira", "tray"]).await;

        assert_eq!(lease.credential_expires_at.into_iter().collect::<Vec<_>>(), [("tray".to_owned(), at)]);
        assert!(lease.renew_after <= at.plus_seconds(-60), "{} is too late", lease.renew_after);
        assert!(lease.renew_after >= scene.now());
        let renewed = ann.renew(&lease.lease_id).await.unwrap();
        assert_eq!(renewed.credentials, None);
        assert!(renewed.renew_after <= at.plus_seconds(-60), "{} is too late", renewed.renew_after);
        let calm = ann.borrows(["jira"]).await;
        assert!(calm.renew_after > scene.now().plus_seconds(2_000), "{} is hasty", calm.renew_after);
    }

    async fn what_the_borrower_said_is_shown(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let asked = Ask { client_info: Some("worker 1.2, ä".to_owned()), server_id: "büro".to_owned(), ..ask(["jira"]) };

        let lease = ann.create(&asked).await.unwrap().lease_id;

        let shown = ann.show(&lease).await.unwrap();
        assert_eq!((shown.server_id.as_str(), shown.client_info.as_deref()), ("büro", Some("worker 1.2, ä")));
        assert_eq!((shown.status.as_str(), shown.created_at), ("active", scene.now()));
        assert!(lease.starts_with("lse_"));
    }
}
