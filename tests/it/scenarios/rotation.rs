//! A value that changes under a live lease reaches its borrower at the next renewal, once.

use leasehold::model::credential::CredentialStatus;
use leasehold::{model::audit::EventName, store::admin::Change};

use crate::harness::{Ask, Refused as _, ask, scenarios};

scenarios! {
    async fn a_renewal_hands_out_a_new_value_once(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        ann.deposits("todoist", "the same").await;
        let lease = ann.borrows(["jira", "todoist"]).await.lease_id;

        scene.rotates(own, "new").await;

        let renewed = ann.renew(&lease).await.unwrap();
        assert_eq!((renewed.value("jira"), renewed.value("todoist")), (Some("new"), Some("the same")));
        assert_eq!(ann.renew(&lease).await.unwrap().credentials, None);
    }

    async fn a_renewal_that_may_show_no_values_leaves_them_for_the_next(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        let renewing = ann.with_scopes("lease:renew service:*").await;

        scene.rotates(own, "new").await;

        assert_eq!(renewing.renew(&lease).await.unwrap().credentials, None);
        assert_eq!(ann.renew(&lease).await.unwrap().value("jira"), Some("new"));
    }

    async fn a_reading_gives_the_new_value(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        scene.rotates(own, "new").await;

        assert_eq!(ann.read(&lease).await.unwrap().value("jira"), "new");
        assert_eq!(ann.renew(&lease).await.unwrap().credentials, None, "it was handed out");
    }

    async fn showing_a_lease_swallows_no_rotation(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        scene.rotates(own, "new").await;
        assert_eq!(ann.show(&lease).await.unwrap().status, "active");
        ann.leases().await;
        scene.broker().recheck_leases().await.unwrap();

        assert_eq!(ann.renew(&lease).await.unwrap().value("jira"), Some("new"));
    }

    async fn of_several_rotations_the_last_counts(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "first").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        scene.rotates(own, "second").await;
        scene.rotates(own, "third").await;

        assert_eq!(ann.renew(&lease).await.unwrap().value("jira"), Some("third"));
        let grant = ann.borrows(["jira"]).await;
        assert_eq!((grant.value("jira"), grant.credential_sources["jira"].credential_version), ("third", 3));
    }

    async fn a_rotation_and_a_loss_is_a_loss(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        scene.rotates(own, "new").await;
        let off = Change::SetCredentialStatus(own, CredentialStatus::Inactive);
        scene.change(EventName::CredentialUpdated, own, off).await;

        assert_eq!(ann.renew(&lease).await.refusal(), "entitlement_lost");
    }

    async fn a_new_lease_has_the_new_value_whatever_was_cached(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        ann.borrows(["jira"]).await;

        scene.rotates(own, "new").await;

        assert_eq!(ann.borrows(["jira"]).await.value("jira"), "new");
        let reused = Ask { reuse: true, ..ask(["jira"]) };
        ann.create(&reused).await.unwrap();
        scene.rotates(own, "newer").await;
        assert_eq!(ann.create(&reused).await.unwrap().value("jira"), "newer");
    }

    async fn who_may_not_take_leases_is_not_shown_a_new_value_by_a_renewal(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        let renewer = ann.with_scopes("lease:renew service:*").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        scene.rotates(own, "new").await;

        assert_eq!(renewer.renew(&lease).await.unwrap().credentials, None);
        assert_eq!(ann.read(&lease).await.unwrap().value("jira"), "new");
    }
}
