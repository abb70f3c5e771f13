//! Memberships: nobody reaches above the own role, no organization is left without an owner.

use leasehold::model::organization::{
    Role::{Admin, Guest, Member, Owner},
    SharingEntry::{AdminsOnly, AllMembers},
};
use serde_json::{Value, json};

use super::organizations::administrator;
use crate::harness::{Person, Refused, Team, ask, scenarios};

scenarios! {
    async fn an_administrator_adds_changes_and_removes_members(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, scene.person().await);
        let added = ann.does("add_member", role_of(&team, &bob, "guest")).await;
        assert_eq!((&added["role"], &added["etag"], &added["organization_name"]), (&json!("guest"), &json!("1"), &json!(team.name)));
        assert_eq!(ann.run("add_member", role_of(&team, &bob, "member")).await.refusal(), "conflict");
        assert_eq!(ann.does("show_member", of(&team, &bob)).await, added);

        let mut change = role_of(&team, &bob, "admin");
        change["etag"] = json!("1");
        let changed = ann.does("update_member", change.clone()).await;
        assert_eq!((&changed["membership"]["role"], &changed["etag"]), (&json!("admin"), &json!("2")));
        assert_eq!(ann.run("update_member", change).await.refusal(), "precondition_failed");

        let admins = json!({ "organization_id": team.id.to_string(), "role": "admin", "order_by": "created_at desc" });
        let listed = ann.does("list_members", admins).await;
        let ids: Vec<&Value> = listed["memberships"].as_array().unwrap().iter().map(|one| &one["user_id"]).collect();
        assert_eq!(ids.len(), 2);
        assert!(ids.contains(&&json!(bob.id.to_string())) && ids.contains(&&json!(ann.id.to_string())));

        assert_eq!(ann.does("remove_member", of(&team, &bob)).await, json!({ "leases_ended": 0 }));
        assert_eq!(ann.run("remove_member", of(&team, &bob)).await.refusal(), "not_found");
        let records = scene.records_of(&bob.id.to_string()).await;
        let of_team: Vec<&str> = records.iter().map(|record| record.event.as_str()).filter(|event| event.starts_with("member")).collect();
        assert_eq!(of_team, ["member_added_to_org", "member_role_updated", "member_removed_from_org"]);
        assert!(records.iter().filter(|record| record.event.starts_with("member")).all(|record| record.owner == Some(team.id.to_string())));
    }

    async fn nobody_reaches_above_the_own_role(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, scene.person().await);
        assert_eq!(ann.run("add_member", role_of(&team, &bob, "owner")).await.refusal(), "forbidden");
        team.admits(&bob, Owner).await;
        for operation in ["update_member", "remove_member"] {
            let mut request = of(&team, &bob);
            if operation == "update_member" {
                request["role"] = json!("guest");
            }
            assert_eq!(ann.run(operation, request).await.refusal(), "forbidden", "{operation}");
        }
        assert_eq!(ann.run("update_member", role_of(&team, &ann, "owner")).await.refusal(), "forbidden", "not oneself either");
        let nothing = ann.run("update_member", role_of(&team, &ann, "admin")).await.unwrap();
        assert_eq!(nothing["leases_ended"], 0);
        ann.does("update_member", role_of(&team, &ann, "member")).await;
        assert_eq!(ann.run("show_member", of(&team, &ann)).await.refusal(), "forbidden", "no admin any more");
    }

    async fn an_organization_keeps_an_owner_whoever_asks(scene) {
        let operator = scene.operator("admin:read admin:write").await;
        let ann = scene.person().await.with_scopes("admin:read admin:write credential:write lease:read").await;
        let made = operator.does("create_organization", json!({ "name": "Small", "owner_id": ann.id.to_string() })).await;
        let id = made["id"].clone();
        let own = json!({ "organization_id": id, "user_id": ann.id.to_string() });
        let demote = json!({ "organization_id": id, "user_id": ann.id.to_string(), "role": "admin" });
        for caller in [&operator, &*ann] {
            assert_eq!(caller.run("remove_member", own.clone()).await.refusal(), "conflict");
            assert_eq!(caller.run("update_member", demote.clone()).await.refusal(), "conflict");
        }
        assert_eq!(ann.run("leave_organization", json!({ "organization_id": id })).await.refusal(), "conflict");
    }

    async fn two_owners_who_demote_each_other_leave_one(scene) {
        let (ann, team) = administrator(&scene, Owner).await;
        let bob = scene.person().await.with_scopes("admin:read admin:write").await;
        team.admits(&bob, Owner).await;

        let (by_ann, by_bob) = tokio::join!(
            ann.run("update_member", role_of(&team, &bob, "guest")),
            bob.run("update_member", role_of(&team, &ann, "guest")),
        );

        let done = [by_ann.is_ok(), by_bob.is_ok()].into_iter().filter(|ok| *ok).count();
        assert_eq!(done, 1, "{by_ann:?} {by_bob:?}");
        let refused = by_ann.err().or_else(|| by_bob.err()).expect("one is refused");
        assert!(["conflict", "forbidden"].contains(&refused.code.as_str()), "{refused:?}");
    }

    async fn a_removal_ends_the_leases_and_says_how_many(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, scene.person().await);
        team.admits(&bob, Member).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        bob.deposits("notion", "his").await;
        let lost = bob.borrows(["jira", "notion"]).await.lease_id;
        bob.borrows(["notion"]).await;
        let program = bob.client().await.enters().await;
        program.borrows(["jira"]).await;

        assert_eq!(ann.does("remove_member", of(&team, &bob)).await, json!({ "leases_ended": 2 }));

        assert_eq!(bob.renew(&lost).await.refusal(), "entitlement_lost");
        assert_eq!(bob.create(&ask(["jira"])).await.refusal(), "missing_credentials");
    }

    async fn a_demotion_ends_what_the_new_role_does_not_carry(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, scene.person().await);
        team.admits(&bob, Admin).await;
        team.shares("sentry", "for admins", &[AdminsOnly]).await;
        team.shares("jira", "for all", &[AllMembers]).await;
        let (kept, lost) = (bob.borrows(["jira"]).await.lease_id, bob.borrows(["jira", "sentry"]).await.lease_id);

        let demoted = ann.does("update_member", role_of(&team, &bob, "member")).await;
        assert_eq!(demoted["leases_ended"], 1);
        bob.renew(&kept).await.unwrap();
        assert_eq!(bob.renew(&lost).await.refusal(), "entitlement_lost");

        let demoted = ann.does("update_member", role_of(&team, &bob, "guest")).await;
        assert_eq!(demoted["leases_ended"], 1);
        assert_eq!(bob.renew(&kept).await.refusal(), "entitlement_lost");
    }

    async fn a_member_sees_and_leaves_own_memberships(scene) {
        let (ann, team, other) = (scene.person().await, scene.team().await, scene.team().await);
        team.admits(&ann, Guest).await;
        other.admits(&ann, Member).await;
        other.shares("jira", "the other's", &[AllMembers]).await;
        let ann = ann.with_scopes("lease:create lease:read lease:renew credential:write service:*").await;
        let lease = ann.borrows(["jira"]).await.lease_id;

        let listed = ann.does("list_own_memberships", json!({})).await;
        let of: Vec<_> = listed["memberships"].as_array().unwrap().iter().map(|one| (one["organization_id"].clone(), one["role"].clone())).collect();
        let mut expected = vec![(json!(team.id.to_string()), json!("guest")), (json!(other.id.to_string()), json!("member"))];
        // Times may be equal: then ids decide.
        expected.sort_by_key(|(id, _)| of.iter().position(|(known, _)| known == id));
        assert_eq!(of, expected);
        let operator = scene.operator("admin:read").await;
        let user = json!({ "user_id": ann.id.to_string() });
        assert_eq!(operator.does("list_user_memberships", user.clone()).await, listed);
        assert_eq!(ann.run("list_user_memberships", user).await.refusal(), "insufficient_scope");
        let nobody = json!({ "user_id": "usr_00000000000000000000000000" });
        assert_eq!(operator.run("list_user_memberships", nobody).await.refusal(), "not_found");

        let left = ann.does("leave_organization", json!({ "organization_id": other.id.to_string() })).await;
        assert_eq!(left, json!({ "leases_ended": 1 }));
        assert_eq!(ann.renew(&lease).await.refusal(), "entitlement_lost");
        assert_eq!(ann.run("leave_organization", json!({ "organization_id": other.id.to_string() })).await.refusal(), "not_found");
        let worker = ann.with_scopes("lease:create lease:read lease:renew lease:revoke service:*").await;
        let leaves = worker.run("leave_organization", json!({ "organization_id": team.id.to_string() })).await;
        assert_eq!(leaves.refusal(), "insufficient_scope", "an agent with a worker's token leaves nothing");
    }

    async fn what_is_not_there_or_not_known_is_refused(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, scene.person().await);
        let id = team.id.to_string();
        for (operation, request, code) in [
            ("add_member", json!({ "organization_id": id, "user_id": "usr_00000000000000000000000000", "role": "guest" }), "not_found"),
            ("add_member", json!({ "organization_id": id, "user_id": "bob@example.org", "role": "guest" }), "not_found"),
            ("add_member", json!({ "organization_id": id, "user_id": bob.id.to_string(), "role": "king" }), "invalid_request"),
            ("add_member", json!({ "organization_id": id, "user_id": bob.id.to_string() }), "invalid_request"),
            ("show_member", of(&team, &bob), "not_found"),
            ("update_member", role_of(&team, &bob, "guest"), "not_found"),
            ("remove_member", json!({ "organization_id": id, "user_id": "x" }), "not_found"),
            ("remove_member", json!({ "organization_id": "x", "user_id": bob.id.to_string() }), "not_found"),
            ("list_members", json!({ "organization_id": id, "order_by": "role" }), "invalid_request"),
        ] {
            assert_eq!(ann.run(operation, request.clone()).await.refusal(), code, "{operation} {request}");
        }
        let operator = scene.operator("admin:read").await;
        let nowhere = json!({ "organization_id": "org_00000000000000000000000000" });
        assert_eq!(operator.run("list_members", nowhere).await.refusal(), "not_found");
        assert_eq!(operator.run("list_own_memberships", json!({})).await.refusal(), "insufficient_scope");
        let operator = scene.operator("lease:read").await;
        assert_eq!(operator.run("list_own_memberships", json!({})).await.refusal(), "forbidden", "it is no person");
    }
}

fn of(team: &Team, person: &Person) -> Value {
    json!({ "organization_id": team.id.to_string(), "user_id": person.id.to_string() })
}

fn role_of(team: &Team, person: &Person, role: &str) -> Value {
    json!({ "organization_id": team.id.to_string(), "user_id": person.id.to_string(), "role": role })
}
