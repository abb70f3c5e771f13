//! Losing an entitlement takes effect at the very next use, whatever the sweep does; and what leaves it intact costs
//! nothing but a look.

use leasehold::{
    model::{
        audit::EventName,
        credential::CredentialStatus,
        id::CredentialId,
        organization::{
            OrganizationStatus,
            Role::{Admin, Member},
            SharingEntry::{self, AdminsOnly, AllMembers, User},
            SharingRule,
        },
    },
    store::admin::Change,
};

use crate::harness::{Borrower, Person, Refused as _, Scene, Team, ask, eventually, scenarios};

scenarios! {
    async fn a_member_who_leaves_loses_the_lease(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        team.expels(&ann).await;

        is_lost(&ann, &lease).await;
    }

    async fn a_loss_shows_at_a_reading_too(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        team.expels(&ann).await;

        assert_eq!(ann.read(&lease).await.refusal(), "entitlement_lost");
    }

    async fn a_loss_shows_when_the_lease_is_shown_or_listed(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let (shown, listed) = (ann.borrows(["jira"]).await.lease_id, ann.borrows(["jira"]).await.lease_id);

        team.expels(&ann).await;

        assert_eq!(ann.show(&shown).await.unwrap().status, "revoked");
        let leases = ann.leases().await;
        assert!(leases.iter().all(|lease| lease.status == "revoked"), "{listed} among them");
    }

    async fn a_demotion_loses_what_was_for_admins(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Admin).await;
        team.shares("sentry", "for admins", &[AdminsOnly]).await;
        let lease = ann.borrows(["sentry"]).await.lease_id;

        team.admits(&ann, Member).await;

        is_lost(&ann, &lease).await;
        assert_eq!(ann.create(&ask(["sentry"])).await.refusal(), "missing_credentials");
    }

    async fn a_narrower_sharing_rule_loses_whom_it_leaves_out(scene) {
        let (ann, _, jira) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        share_anew(&scene, jira, &[AdminsOnly]).await;

        is_lost(&ann, &lease).await;
    }

    async fn a_credential_switched_off_loses_its_leases(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        let off = Change::SetCredentialStatus(own, CredentialStatus::Inactive);
        scene.change(EventName::CredentialUpdated, own, off).await;

        is_lost(&ann, &lease).await;
    }

    async fn a_credential_deleted_loses_its_leases(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "her own").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        scene.change(EventName::CredentialDeleted, own, Change::DeleteCredential(own)).await;

        is_lost(&ann, &lease).await;
        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "missing_credentials");
    }

    async fn a_suspended_organization_loses_its_leases(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        team.becomes(OrganizationStatus::Suspended).await;

        is_lost(&ann, &lease).await;
    }

    async fn a_lost_lease_stays_lost(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        team.expels(&ann).await;
        is_lost(&ann, &lease).await;

        team.admits(&ann, Member).await;

        assert_eq!(ann.renew(&lease).await.refusal(), "entitlement_lost");
        assert!(ann.create(&ask(["jira"])).await.is_ok(), "a new one is to be had");
    }

    async fn losing_one_source_of_several_ends_the_lease(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        ann.deposits("todoist", "her own").await;
        let (mixed, own) = (ann.borrows(["jira", "todoist"]).await.lease_id, ann.borrows(["todoist"]).await.lease_id);

        team.expels(&ann).await;

        is_lost(&ann, &mixed).await;
        assert!(ann.renew(&own).await.is_ok());
    }

    async fn a_lease_never_takes_another_credential(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.deposits("jira", "her own").await;

        assert_eq!(ann.read(&lease).await.unwrap().value("jira"), "the team's");
        team.expels(&ann).await;
        is_lost(&ann, &lease).await;
        assert_eq!(ann.borrows(["jira"]).await.value("jira"), "her own");
    }

    async fn what_leaves_the_entitlement_intact_ends_nothing(scene) {
        let (ann, team, jira) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        let bystander = scene.person().await;

        team.admits(&ann, Admin).await;
        share_anew(&scene, jira, &[User(ann.id)]).await;
        team.admits(&bystander, Member).await;
        team.expels(&bystander).await;

        assert_eq!(ann.renew(&lease).await.unwrap().renewal_count, 1);
        assert_eq!(ann.read(&lease).await.unwrap().value("jira"), "the team's");
    }

    async fn a_change_that_keeps_the_entitlement_stores_the_epochs_anew(scene) {
        let (ann, team, jira) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        team.admits(&ann, Admin).await;
        share_anew(&scene, jira, &[AllMembers, AdminsOnly]).await;

        assert_eq!(ann.renew(&lease).await.unwrap().renewal_count, 1);

        let doubted = scene.with_database(async |database| database.number(STALE, &lease).await).await;
        assert_eq!(doubted, 0, "nothing is left to check");
        assert_eq!(ann.read(&lease).await.unwrap().value("jira"), "the team's");
    }

    async fn a_change_elsewhere_concerns_nobody(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        team.shares("notion", "more", &[AllMembers]).await;
        ann.deposits("gmail", "more").await;

        assert!(ann.renew(&lease).await.is_ok());
        assert_eq!(scene.recorded_state(&lease).await, "active");
    }

    async fn a_client_whose_role_shrinks_loses_what_was_for_admins(scene) {
        let team = scene.team().await;
        team.shares("sentry", "for admins", &[AdminsOnly]).await;
        let client = team.client(Admin).await;
        let lease = client.enters().await.borrows(["sentry"]).await.lease_id;

        scene.change(EventName::ClientUpdated, client.id, Change::SetClientRole(client.id, Member)).await;

        is_lost(&client.enters().await, &lease).await;
    }

    async fn a_client_switched_off_loses_its_leases_for_good(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let client = ann.client().await;
        let program = client.enters().await;
        let lease = program.borrows(["jira"]).await.lease_id;

        client.is_active(false).await;
        assert_eq!(program.renew(&lease).await.refusal(), "unauthenticated");
        assert_eq!(client.token(None).await.refusal(), "invalid_client");

        client.is_active(true).await;
        assert_eq!(program.renew(&lease).await.refusal(), "unauthenticated", "its token is of another time");
        assert_eq!(client.enters().await.renew(&lease).await.refusal(), "lease_revoked");
    }

    async fn a_user_switched_off_loses_the_leases_for_good(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let client = ann.client().await;
        let (hers, its) = (ann.borrows(["jira"]).await.lease_id, client.enters().await.borrows(["jira"]).await.lease_id);

        scene.change(EventName::UserUpdated, ann.id, Change::SetUserActive(ann.id, false)).await;
        assert_eq!(ann.renew(&hers).await.refusal(), "unauthenticated");
        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "unauthenticated");
        // Whether a token is issued or refused: it is good for nothing.
        if let Ok(token) = client.token(None).await {
            let program = scene.stranger(Some(&format!("Bearer {}", token.access_token)));
            assert_eq!(program.renew(&its).await.refusal(), "unauthenticated");
        }

        scene.change(EventName::UserUpdated, ann.id, Change::SetUserActive(ann.id, true)).await;
        assert_eq!(ann.renew(&hers).await.refusal(), "lease_revoked");
        assert_eq!(client.enters().await.renew(&its).await.refusal(), "lease_revoked");
        assert!(ann.create(&ask(["jira"])).await.is_ok());
    }

    async fn a_revoked_mcp_token_ends_its_own_leases(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let other = ann.with_scopes("lease:create lease:read lease:renew lease:revoke service:*").await;
        let (gone, kept) = (other.borrows(["jira"]).await.lease_id, ann.borrows(["jira"]).await.lease_id);

        let off = Change::SetTokenActive(other.token_id, false);
        scene.change(EventName::TokenRevoked, other.token_id, off).await;

        assert_eq!(other.renew(&gone).await.refusal(), "unauthenticated");
        assert_eq!(ann.renew(&gone).await.refusal(), "lease_revoked");
        assert_eq!(ann.show(&gone).await.unwrap().status, "revoked");
        assert!(ann.renew(&kept).await.is_ok());

        let on = Change::SetTokenActive(other.token_id, true);
        scene.change(EventName::TokenCreated, other.token_id, on).await;
        assert_eq!(ann.renew(&gone).await.refusal(), "lease_revoked", "for good");
    }

    async fn a_lost_lease_is_marked_by_the_sweep_too(scene) {
        let (ann, team, _) = a_member_who_may_borrow(&scene).await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        team.expels(&ann).await;

        eventually("the sweep marks the lease", async || {
            scene.broker().recheck_leases().await.expect("a sweep");
            scene.recorded_state(&lease).await == "revoked"
        })
        .await;

        let records = scene.records_of(&lease).await;
        let lost = records.iter().find(|record| record.event == "lease_revoked").expect("a record");
        assert_eq!((lost.actor.as_str(), &lost.details["reason"]), ("system", &"entitlement_lost".into()));
        is_lost(&ann, &lease).await;
    }
}

/// A member of a team that shares `jira`.
async fn a_member_who_may_borrow(scene: &Scene) -> (Person, Team, CredentialId) {
    let (ann, team) = (scene.person().await, scene.team().await);
    team.admits(&ann, Member).await;
    let jira = team.shares("jira", "the team's", &[AllMembers]).await;
    (ann, team, jira)
}

async fn share_anew(scene: &Scene, credential: CredentialId, rule: &[SharingEntry]) {
    let change = Change::SetCredentialSharing(credential, SharingRule(rule.to_vec()));
    scene.change(EventName::CredentialUpdated, credential, change).await;
}

/// Every use says so, from the first on.
async fn is_lost(borrower: &Borrower, lease: &str) {
    assert_eq!(borrower.renew(lease).await.refusal(), "entitlement_lost");
    assert_eq!(borrower.read(lease).await.refusal(), "entitlement_lost");
    let shown = borrower.show(lease).await.unwrap();
    assert_eq!((shown.status.as_str(), shown.renewal_count), ("revoked", 0));
    assert_eq!(shown.revocation_reason.as_deref(), Some("entitlement_lost"));
}

const STALE: &str = "SELECT count(*) FROM lease_holds WHERE lease_id = $1 AND stale";
