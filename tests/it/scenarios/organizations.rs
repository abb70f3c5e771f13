//! Organizations, as operators and their own administrators run them.

use leasehold::model::{
    organization::{
        Role::{self, Admin, Member, Owner},
        SharingEntry::AllMembers,
    },
    owner,
    scope::ScopeSet,
};
use serde_json::json;

use crate::harness::{Borrower, Person, Refused, Scene, Team, ask, scenarios};

scenarios! {
    async fn an_operator_makes_renames_and_finds_organizations(scene) {
        let (operator, ann) = (scene.operator("admin:read admin:write").await, scene.person().await);
        let name = format!("Team {} {:?}", ann.id, scene.via);

        let made = operator.does("create_organization", json!({ "name": name, "owner_id": ann.id.to_string() })).await;
        let id = made["id"].clone();
        assert_eq!((&made["status"], &made["etag"]), (&json!("active"), &json!("1")));
        assert_eq!(operator.does("show_organization", json!({ "organization_id": id })).await, made);
        assert_eq!(operator.does("list_organizations", json!({ "name": name })).await["organizations"], json!([made]));
        let owner = operator.does("show_member", json!({ "organization_id": id, "user_id": ann.id.to_string() })).await;
        assert_eq!((&owner["role"], &owner["email"]), (&json!("owner"), &json!(ann.email)));

        let rename = |name: &str| json!({ "organization_id": id, "name": name, "etag": "1" });
        let renamed = operator.does("update_organization", rename("Other")).await;
        assert_eq!((&renamed["organization"]["name"], &renamed["etag"], &renamed["leases_ended"]), (&json!("Other"), &json!("2"), &json!(0)));
        assert_eq!(operator.run("update_organization", rename("Third")).await.refusal(), "precondition_failed");
        assert_eq!(ann.me().await.unwrap().organizations[0].name, "Other");
        let bob = scene.person().await.id.to_string();
        operator.does("update_user", json!({ "id": bob, "active": false })).await;
        let nobodys = operator.run("create_organization", json!({ "name": "Nobody's", "owner_id": bob })).await;
        assert_eq!(nobodys.failure().fields, ["owner_id"]);

        let events: Vec<String> = scene.records_of(id.as_str().unwrap()).await.into_iter().map(|record| record.event).collect();
        for event in ["organization_created", "organization_updated"] {
            assert!(events.iter().any(|known| known == event), "{events:?}");
        }
    }

    async fn a_suspension_ends_leases_and_says_how_many(scene) {
        let (ann, team, operator) = (scene.person().await, scene.team().await, scene.operator("admin:read admin:write").await);
        team.admits(&ann, Member).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        ann.deposits("notion", "hers").await;
        let lost = ann.borrows(["jira"]).await.lease_id;
        ann.borrows(["jira", "notion"]).await;
        let kept = ann.borrows(["notion"]).await.lease_id;

        let suspended = set_status(&operator, &team, "suspended").await;

        assert_eq!((&suspended["leases_ended"], &suspended["organization"]["status"]), (&json!(2), &json!("suspended")));
        assert_eq!(ann.renew(&lost).await.refusal(), "entitlement_lost");
        ann.renew(&kept).await.unwrap();
        set_status(&operator, &team, "active").await;
        assert_eq!(ann.renew(&lost).await.refusal(), "entitlement_lost", "what ended stays ended");
        ann.borrows(["jira"]).await;
        set_status(&operator, &team, "suspended").await;
        let deleted = operator.does("delete_organization", json!({ "organization_id": team.id.to_string() })).await;
        assert_eq!(deleted["leases_ended"], 0, "they ended before");
    }

    async fn a_deleted_organization_is_gone_but_for_the_audit(scene) {
        let (ann, team, operator) = (administrator(&scene, Admin).await.0, scene.team().await, scene.operator("admin:read admin:write").await);
        team.admits(&ann, Owner).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        let program = team.client(Member).await.enters().await;
        let (hers, its) = (ann.borrows(["jira"]).await.lease_id, program.borrows(["jira"]).await.lease_id);
        let which = json!({ "organization_id": team.id.to_string() });

        let deleted = operator.does("delete_organization", which.clone()).await;

        assert_eq!(deleted["leases_ended"], 2);
        assert_eq!(ann.renew(&hers).await.refusal(), "entitlement_lost");
        assert_eq!(program.renew(&its).await.refusal(), "unauthenticated");
        assert_eq!(ann.run("show_organization", which.clone()).await.refusal(), "not_found");
        assert!(ann.me().await.unwrap().organizations.iter().all(|known| known.id != team.id.to_string()));
        let left = operator.does("show_organization", which.clone()).await;
        assert_eq!((&left["name"], &left["status"]), (&json!(team.name), &json!("deleted")));
        for (operation, more) in [
            ("delete_organization", json!({})),
            ("update_organization", json!({ "status": "active" })),
            ("add_member", json!({ "user_id": ann.id.to_string(), "role": "owner" })),
            ("create_invitation", json!({ "email": "x@example.org", "role": "owner" })),
        ] {
            let mut request = which.clone();
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(operator.run(operation, request).await.refusal(), "conflict", "{operation}");
        }
        let client = json!({ "owner": team.id.to_string(), "name": "late", "role": "guest", "scopes": ["lease:create"] });
        assert_eq!(operator.run("create_client", client).await.refusal(), "not_found");
        let found = operator.does("list_organizations", json!({ "name": team.name })).await;
        assert_eq!(found["organizations"], json!([]));
        let found = operator.does("list_organizations", json!({ "name": team.name, "status": "deleted" })).await;
        assert_eq!(found["organizations"], json!([left]));
        let records = scene.records_of(&team.id.to_string()).await;
        let deletion = records.iter().find(|record| record.event == "organization_deleted").expect("a record");
        assert_eq!((&deletion.details["name"], &deletion.details["leases_ended"]), (&json!(team.name), &json!(2)));
    }

    async fn a_deletion_that_meets_a_lease_under_way_leaves_no_live_one(scene) {
        let (ann, team, operator) = (scene.person().await, scene.team().await, scene.operator("admin:write").await);
        team.admits(&ann, Member).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        ann.borrows(["jira"]).await;
        let delete = json!({ "organization_id": team.id.to_string() });

        let asked = ask(["jira"]);
        let (deleted, first, second) = tokio::join!(
            operator.run("delete_organization", delete),
            ann.create(&asked),
            ann.create(&asked),
        );

        deleted.expect("the deletion");
        for granted in [first, second].into_iter().flatten() {
            assert_eq!(ann.renew(&granted.lease_id).await.refusal(), "entitlement_lost");
        }
        assert_eq!(ann.create(&asked).await.refusal(), "missing_credentials");
    }

    async fn an_administrator_sees_and_renames_the_own_one_alone(scene) {
        let (ann, team) = administrator(&scene, Admin).await;
        let other = scene.team().await;
        let which = |team: &Team| json!({ "organization_id": team.id.to_string() });

        assert_eq!(ann.does("show_organization", which(&team)).await["name"], json!(team.name));
        let listed = ann.does("list_organizations", json!({})).await;
        let ids: Vec<_> = listed["organizations"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!(ids, vec![json!(team.id.to_string())]);
        ann.does("update_organization", json!({ "organization_id": team.id.to_string(), "name": "Ours" })).await;

        for operation in ["show_organization", "update_organization", "list_members", "list_invitations"] {
            assert_eq!(ann.run(operation, which(&other)).await.refusal(), "not_found", "{operation}");
        }
        let suspend = json!({ "organization_id": team.id.to_string(), "status": "suspended" });
        assert_eq!(ann.run("update_organization", suspend).await.refusal(), "forbidden");
        for one in [&team, &other] {
            assert_eq!(ann.run("delete_organization", which(one)).await.refusal(), "forbidden");
        }
        let new = json!({ "name": "Mine", "owner_id": ann.id.to_string() });
        assert_eq!(ann.run("create_organization", new).await.refusal(), "forbidden");
    }

    async fn a_mere_member_may_know_but_not_administer(scene) {
        let (ann, team) = administrator(&scene, Member).await;
        let which = json!({ "organization_id": team.id.to_string() });
        for operation in ["show_organization", "update_organization", "list_members", "list_invitations"] {
            assert_eq!(ann.run(operation, which.clone()).await.refusal(), "forbidden", "{operation}");
        }
        assert_eq!(ann.does("list_organizations", json!({})).await["organizations"], json!([]));
        let reader = ann.with_scopes("admin:read").await;
        assert_eq!(reader.run("update_organization", which).await.refusal(), "insufficient_scope");
    }

    async fn a_suspended_organization_is_frozen_for_its_own(scene) {
        let (ann, team) = administrator(&scene, Owner).await;
        let operator = scene.operator("admin:write").await;
        set_status(&operator, &team, "suspended").await;
        let which = json!({ "organization_id": team.id.to_string(), "name": "Ours" });
        assert_eq!(ann.run("update_organization", which).await.refusal(), "forbidden");
        let shown = ann.does("show_organization", json!({ "organization_id": team.id.to_string() })).await;
        assert_eq!(shown["status"], "suspended");
    }

    async fn a_program_of_the_organization_administers_by_its_role(scene) {
        let team = scene.team().await;
        let scopes: ScopeSet = "admin:read admin:write".parse().unwrap();
        let owner = owner::Owner::Organization(team.id);
        for (role, allowed) in [(Admin, true), (Member, false)] {
            let program = scene.client(owner, Some(role), ScopeSet::clone(&scopes)).await.enters().await;
            let shown = program.run("show_organization", json!({ "organization_id": team.id.to_string() })).await;
            assert_eq!(shown.is_ok(), allowed);
            let listed = program.does("list_organizations", json!({})).await;
            assert_eq!(listed["organizations"].as_array().unwrap().len(), usize::from(allowed));
            assert_eq!(program.run("list_own_memberships", json!({})).await.refusal(), "insufficient_scope");
        }
    }

    async fn bad_organizations_are_refused_field_by_field(scene) {
        let (operator, ann, team) = (scene.operator("admin:read admin:write").await, scene.person().await, scene.team().await);
        let id = team.id.to_string();
        for (operation, request, code, fields) in [
            ("create_organization", json!({ "name": "", "owner_id": ann.id.to_string() }), "invalid_request", vec!["name"]),
            ("create_organization", json!({ "name": "A", "owner_id": "usr_1" }), "not_found", vec![]),
            ("create_organization", json!({ "name": "A", "owner_id": "usr_00000000000000000000000000" }), "not_found", vec![]),
            ("create_organization", json!({ "name": "A" }), "invalid_request", vec!["owner_id"]),
            ("create_organization", json!({ "name": "A", "owner_id": ann.id.to_string(), "slug": "a" }), "invalid_request", vec!["slug"]),
            ("update_organization", json!({ "organization_id": id, "name": " A" }), "invalid_request", vec!["name"]),
            ("update_organization", json!({ "organization_id": id, "status": "deleted" }), "invalid_request", vec!["status"]),
            ("update_organization", json!({ "organization_id": id, "status": "asleep" }), "invalid_request", vec!["status"]),
            ("list_organizations", json!({ "order_by": "email" }), "invalid_request", vec!["order_by"]),
            ("show_organization", json!({ "organization_id": "org_00000000000000000000000000" }), "not_found", vec![]),
            ("delete_organization", json!({ "organization_id": "nobody" }), "not_found", vec![]),
        ] {
            let failure = operator.run(operation, request.clone()).await.failure();
            let fields: Vec<String> = fields.into_iter().map(str::to_owned).collect();
            assert_eq!((failure.code.as_str(), failure.fields), (code, fields), "{operation} {request}");
        }
    }
}

/// Somebody of this role in a new team, with a token to administer it.
pub(super) async fn administrator(scene: &Scene, role: Role) -> (Person, Team) {
    let (person, team) = (scene.person().await, scene.team().await);
    team.admits(&person, role).await;
    let scopes = "admin:read admin:write lease:create lease:read lease:renew credential:write service:*";
    (person.with_scopes(scopes).await, team)
}

async fn set_status(operator: &Borrower, team: &Team, status: &str) -> serde_json::Value {
    let request = json!({ "organization_id": team.id.to_string(), "status": status });
    operator.does("update_organization", request).await
}
