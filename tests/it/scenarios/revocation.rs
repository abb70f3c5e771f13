//! Taking leases back, and whose they are: what is somebody else's answers as what does not exist.

use crate::harness::{Ask, Borrower, Refused as _, ask, scenarios};

scenarios! {
    async fn a_revoked_lease_is_refused_at_once(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        scene.passes(5);

        let revoked = ann.revoke_because(&lease, "Server shutdown").await.unwrap();

        assert_eq!((&revoked.lease_id, revoked.revoked_at), (&lease, scene.now()));
        assert_eq!(ann.renew(&lease).await.refusal(), "lease_revoked");
        assert_eq!(ann.read(&lease).await.refusal(), "lease_revoked");
        let shown = ann.show(&lease).await.unwrap();
        assert_eq!((shown.status.as_str(), shown.revoked_at), ("revoked", Some(scene.now())));
        assert_eq!(shown.revocation_reason.as_deref(), Some("Server shutdown"));
        assert_eq!(shown.revoked_by, Some(ann.id.to_string()));
    }

    async fn the_first_revocation_stands(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        let first = ann.revoke_because(&lease, "first").await.unwrap();
        scene.passes(60);

        let second = ann.revoke_because(&lease, "second").await.unwrap();

        assert_eq!(second, first);
        assert_eq!(ann.show(&lease).await.unwrap().revocation_reason.as_deref(), Some("first"));
    }

    async fn a_reason_may_be_left_out(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        ann.revoke(&lease).await.unwrap();

        assert_eq!(ann.show(&lease).await.unwrap().revocation_reason.as_deref(), Some("Manual revocation"));
    }

    async fn revoking_what_ran_out_changes_nothing(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let lease = ann.create(&Ask { ttl: Some(60), ..ask(["jira"]) }).await.unwrap();
        scene.passes(3_600);

        let revoked = ann.revoke(&lease.lease_id).await.unwrap();

        assert_eq!(revoked.revoked_at, lease.expires_at, "when it ended");
        let shown = ann.show(&lease.lease_id).await.unwrap();
        assert_eq!((shown.status.as_str(), shown.revoked_at), ("expired", None));
    }

    async fn one_revocation_leaves_other_leases_alone(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let (first, second) = (ann.borrows(["jira"]).await.lease_id, ann.borrows(["jira"]).await.lease_id);

        ann.revoke(&first).await.unwrap();

        assert!(ann.renew(&second).await.is_ok());
    }

    async fn a_lease_of_somebody_else_is_not_there(scene) {
        let (ann, eve) = (scene.person().await, scene.person().await);
        ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        assert_eq!(every_use(&eve, &lease).await, NOT_FOUND);
        assert!(ann.renew(&lease).await.is_ok(), "nobody noticed");
    }

    async fn what_never_was_is_not_there(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let mut unknown = ann.borrows(["jira"]).await.lease_id;
        unknown.replace_range(10..20, "0123456789");

        assert_eq!(every_use(&ann, &unknown).await, NOT_FOUND);
    }

    async fn what_is_no_id_is_not_there(scene) {
        let ann = scene.person().await;
        let lease_of_other_kind = ann.id.to_string().replace("usr_", "crd_");
        let upper = "LSE_069BQ1C8M5VK3F5K9T4M2S6G8C";
        for id in ["1", "lse_", upper, "lse_069bq1c8m5vk3f5k9t4m2s6g8c0", "a/b", "ä", "' OR 1=1", &lease_of_other_kind] {
            assert_eq!(every_use(&ann, id).await, NOT_FOUND, "{id}");
        }
    }

    async fn a_lease_is_the_persons_whichever_token_took_it(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let other = ann.with_scopes("lease:create lease:read lease:renew lease:revoke service:*").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        assert!(other.renew(&lease).await.is_ok());
        assert_eq!(other.read(&lease).await.unwrap().value("jira"), "her own");
        assert!(other.revoke(&lease).await.is_ok());
        assert_eq!(ann.renew(&lease).await.refusal(), "lease_revoked");
    }

    async fn a_person_and_her_programs_keep_their_leases_apart(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let (first, second) = (ann.client().await.enters().await, ann.client().await.enters().await);
        let (hers, its) = (ann.borrows(["jira"]).await.lease_id, first.borrows(["jira"]).await.lease_id);

        assert_eq!(every_use(&first, &hers).await, NOT_FOUND);
        assert_eq!(every_use(&second, &its).await, NOT_FOUND);
        assert_eq!(every_use(&ann, &its).await, NOT_FOUND);
    }

    async fn a_lease_beyond_the_callers_service_scopes_is_not_there(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        ann.deposits("todoist", "her own").await;
        let narrow =
            ann.with_scopes("lease:create lease:read lease:renew lease:revoke service:jira").await;
        let both = ann.borrows(["jira", "todoist"]).await.lease_id;
        let one = ann.borrows(["jira"]).await.lease_id;

        assert_eq!(every_use(&narrow, &both).await, NOT_FOUND);
        assert_eq!(narrow.read(&one).await.unwrap().value("jira"), "her own");
        let seen = narrow.leases().await;
        assert_eq!(seen.into_iter().map(|lease| lease.lease_id).collect::<Vec<_>>(), [one]);
    }
}

/// How each use of a lease is refused.
async fn every_use(borrower: &Borrower, id: &str) -> [String; 4] {
    [
        borrower.show(id).await.refusal(),
        borrower.renew(id).await.refusal(),
        borrower.read(id).await.refusal(),
        borrower.revoke(id).await.refusal(),
    ]
}

const NOT_FOUND: [&str; 4] = ["not_found"; 4];
