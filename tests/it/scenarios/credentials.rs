//! Credentials of organizations, as their administrators and operators run them.

use serde_json::{Value, json};

use leasehold::model::organization::{
    Role::{Admin, Guest, Member, Owner},
    SharingEntry,
};

use crate::harness::{Person, Refused, Scene, Team, scenarios};

const SCOPES: &str = "lease:create lease:read lease:renew service:* admin:read admin:write";

/// A team and somebody who administers it.
async fn team(scene: &Scene) -> (Team, Person) {
    let team = scene.team().await;
    let admin = scene.person().await;
    team.admits(&admin, Admin).await;
    (team, admin.with_scopes(SCOPES).await)
}

fn jira(team: &Team, token: &str) -> Value {
    json!({
        "owner": team.id.to_string(), "service": "jira", "sharing": ["all_members"],
        "fields": { "url": "https://dev-team.atlassian.net", "email": "jira@dev-team.local", "api_token": token },
    })
}

scenarios! {
    async fn an_admin_deposits_what_members_borrow(scene) {
        let (team, admin) = team(&scene).await;
        let member = scene.person().await;
        team.admits(&member, Member).await;

        let made = admin.does("create_credential", jira(&team, "canary-4711")).await;

        assert_eq!(made["field_names"], json!(["api_token", "cloud", "email", "url"]));
        assert_eq!((&made["primary"], &made["status"], &made["version"]), (&json!(true), &json!("active"), &json!(1)));
        assert_eq!((&made["account"], &made["sharing"], &made["etag"]), (&json!("default"), &json!(["all_members"]), &json!("1")));
        let lease = member.borrows(["jira"]).await;
        assert_eq!(lease.value("jira"), "canary-4711");
        assert_eq!(lease.credentials["jira"]["cloud"], json!(true), "what was left out has its default");

        let id = made["id"].as_str().unwrap();
        for (operation, request) in [
            ("show_credential", json!({ "id": id })),
            ("list_credentials", json!({ "owner": team.id.to_string() })),
        ] {
            let shown = admin.does(operation, request).await.to_string();
            assert!(shown.contains(id) && !shown.contains("canary"), "no value comes back: {shown}");
            assert!(!shown.contains("dev-team.atlassian.net"), "{shown}");
        }
        let records = scene.records_of(id).await;
        assert_eq!(records[0].event, "credential_created");
        assert_eq!(records[0].owner, Some(team.id.to_string()));
        assert_eq!(records[0].details["service"], "jira");
        assert!(!format!("{records:?}").contains("canary"));
    }

    async fn a_deposit_is_checked_field_by_field(scene) {
        let (team, admin) = team(&scene).await;
        let owner = team.id.to_string();
        let deposit = |service: &str, fields: Value| json!({ "owner": owner, "service": service, "sharing": ["all_members"], "fields": fields });
        for (request, fields) in [
            (deposit("carrier-pigeon", json!({})), vec!["service"]),
            (deposit("Jira", json!({})), vec!["service"]),
            (deposit("todoist", json!({})), vec!["fields.access_token"]),
            (deposit("todoist", json!({ "access_token": "canary\r\nX: y" })), vec!["fields.access_token"]),
            (deposit("todoist", json!({ "access_token": "t", "colour": "canary" })), vec!["fields.colour"]),
            (deposit("todo", json!({ "access_token": "t", "base_url": "http://canary.example" })), vec!["fields.base_url"]),
            (deposit("todo", json!({ "access_token": "t", "base_url": "https://169.254.169.254/canary" })), vec!["fields.base_url"]),
            (deposit("todo", json!({ "access_token": "t", "base_url": "https://canary:canary@api.example.com" })), vec!["fields.base_url"]),
            (deposit("todo", json!({ "access_token": "t", "base_url": "https://canary.internal" })), vec!["fields.base_url"]),
            (deposit("custom_headers", json!({ "headers": { "Host": "canary" } })), vec!["fields.headers"]),
            (
                json!({ "owner": owner, "service": "jira", "account": "a b", "sharing": ["everybody"], "fields": {}, "expires_at": "2001-01-01T00:00:00Z" }),
                vec!["expires_at", "sharing[0]", "account", "fields.url", "fields.api_token", "fields.email"],
            ),
            (json!({ "owner": owner, "service": "todoist", "fields": { "access_token": "t" } }), vec!["sharing"]),
        ] {
            let failure = admin.run("create_credential", request.clone()).await.failure();
            let mut expected: Vec<String> = fields.into_iter().map(str::to_owned).collect();
            let mut found = failure.fields.clone();
            expected.sort();
            found.sort();
            assert_eq!((failure.code.as_str(), found), ("invalid_request", expected), "{request}");
            assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
        }
        let twin = deposit("todoist", json!({ "api_token": "t" }));
        admin.does("create_credential", twin.clone()).await;
        assert_eq!(admin.run("create_credential", twin).await.refusal(), "conflict");
    }

    async fn a_new_value_reaches_leases_at_their_next_renewal(scene) {
        let (team, admin) = team(&scene).await;
        let made = admin.does("create_credential", jira(&team, "first")).await;
        let id = made["id"].clone();
        let lease = admin.borrows(["jira"]).await;

        let fields = jira(&team, "second")["fields"].clone();
        let stale = admin.run("rotate_credential", json!({ "id": id, "fields": fields, "etag": "7" })).await;
        assert_eq!(stale.refusal(), "precondition_failed");
        let bad = admin.run("rotate_credential", json!({ "id": id, "fields": { "api_token": "x" } })).await.failure();
        assert_eq!(bad.fields, ["fields.url", "fields.email"]);
        let rotated = admin.does("rotate_credential", json!({ "id": id, "fields": fields, "etag": "1" })).await;

        assert_eq!((&rotated["version"], &rotated["etag"]), (&json!(2), &json!("2")));
        let renewed = admin.renew(&lease.lease_id).await.expect("a renewal");
        assert_eq!(renewed.value("jira"), Some("second"));
    }

    async fn changes_say_how_many_leases_they_end(scene) {
        let (team, admin) = team(&scene).await;
        let member = scene.person().await;
        team.admits(&member, Member).await;
        let made = admin.does("create_credential", jira(&team, "v")).await;
        let id = made["id"].clone();
        let (of_admin, of_member) = (admin.borrows(["jira"]).await.lease_id, member.borrows(["jira"]).await.lease_id);

        let narrowed = admin.does("update_credential", json!({ "id": id, "sharing": ["admins_only", "admins_only"] })).await;
        assert_eq!((&narrowed["leases_ended"], &narrowed["credential"]["sharing"]), (&json!(1), &json!(["admins_only"])));
        assert_eq!(member.renew(&of_member).await.refusal(), "entitlement_lost");
        assert!(admin.renew(&of_admin).await.is_ok());

        let stale = admin.run("update_credential", json!({ "id": id, "status": "inactive", "etag": "1" })).await;
        assert_eq!(stale.refusal(), "precondition_failed");
        let same = admin.does("update_credential", json!({ "id": id, "status": "active" })).await;
        assert!(admin.renew(&of_admin).await.is_ok(), "nothing changed");
        let etag = same["etag"].clone();
        let off = admin.does("update_credential", json!({ "id": id, "status": "inactive", "etag": etag })).await;
        assert_eq!((&off["leases_ended"], &off["credential"]["status"]), (&json!(1), &json!("inactive")));
        assert_eq!(admin.renew(&of_admin).await.refusal(), "entitlement_lost");
        for (request, field) in [
            (json!({ "id": id, "sharing": ["user:nobody"] }), "sharing[0]"),
            (json!({ "id": id, "status": "asleep" }), "status"),
            (json!({ "id": id, "primary": false }), "primary"),
        ] {
            // Over gRPC, a status that is none has no number.
            if let Err(failure) = admin.run("update_credential", request).await {
                assert_eq!(failure.fields, [field]);
            } else {
                panic!("{field} should have been refused");
            }
        }

        admin.does("update_credential", json!({ "id": id, "status": "active" })).await;
        admin.borrows(["jira"]).await;
        admin.borrows(["jira"]).await;
        let gone = admin.does("delete_credential", json!({ "id": id })).await;
        assert_eq!(gone["leases_ended"], 2);
        assert_eq!(admin.run("show_credential", json!({ "id": id })).await.refusal(), "not_found");
        assert_eq!(admin.run("delete_credential", json!({ "id": id })).await.refusal(), "not_found");
    }

    async fn the_primary_account_is_chosen(scene) {
        let (team, admin) = team(&scene).await;
        let first = admin.does("create_credential", jira(&team, "first")).await;
        let mut other = jira(&team, "other");
        other["account"] = json!("other.atlassian.net");
        let other = admin.does("create_credential", other).await;
        assert_eq!(admin.borrows(["jira"]).await.value("jira"), "first");

        admin.does("update_credential", json!({ "id": other["id"], "primary": true })).await;

        assert_eq!(admin.borrows(["jira"]).await.value("jira"), "other");
        let first = admin.does("show_credential", json!({ "id": first["id"] })).await;
        assert_ne!(first["primary"], json!(true));
        assert_eq!(first["etag"], "2", "it changed too");
    }

    async fn nobody_else_administers_them(scene) {
        let (team, admin) = team(&scene).await;
        let (_, stranger) = self::team(&scene).await;
        let made = admin.does("create_credential", jira(&team, "v")).await;
        let id = made["id"].clone();
        let mut members = Vec::new();
        for role in [Guest, Member] {
            let person = scene.person().await;
            team.admits(&person, role).await;
            members.push(person.with_scopes(SCOPES).await);
        }
        let reader = admin.with_scopes("admin:read").await;
        let owner = team.id.to_string();
        let fields = jira(&team, "x")["fields"].clone();
        for (operation, request) in [
            ("create_credential", jira(&team, "x")),
            ("list_credentials", json!({ "owner": owner })),
            ("show_credential", json!({ "id": id })),
            ("update_credential", json!({ "id": id, "status": "inactive" })),
            ("rotate_credential", json!({ "id": id, "fields": fields })),
            ("delete_credential", json!({ "id": id })),
        ] {
            assert_eq!(stranger.run(operation, request.clone()).await.refusal(), "not_found", "{operation}");
            for member in &members {
                assert_eq!(member.run(operation, request.clone()).await.refusal(), "forbidden", "{operation}");
            }
            let unable = scene.person().await.run(operation, request.clone()).await;
            assert_eq!(unable.refusal(), "insufficient_scope", "{operation}");
            if !operation.starts_with("list") && !operation.starts_with("show") {
                assert_eq!(reader.run(operation, request).await.refusal(), "insufficient_scope", "{operation}");
            }
        }
        assert_eq!(admin.run("list_credentials", json!({})).await.refusal(), "forbidden");
        for id in ["crd_1", "org_1", "crd_00000000000000000000000000"] {
            assert_eq!(admin.run("show_credential", json!({ "id": id })).await.refusal(), "not_found");
        }
        for owner in ["system", "org_00000000000000000000000000", &scene.person().await.id.to_string(), "x"] {
            let refused = admin.run("list_credentials", json!({ "owner": owner })).await.refusal();
            assert_eq!(refused, if owner == "system" { "forbidden" } else { "not_found" }, "{owner}");
        }
    }

    async fn an_operator_gives_a_reason_for_what_is_a_persons(scene) {
        let operator = scene.operator("admin:read admin:write").await;
        let ann = scene.person().await;
        let owner = ann.id.to_string();
        let deposit = json!({ "owner": owner, "service": "todoist", "fields": { "access_token": "hers" } });
        assert_eq!(operator.run("create_credential", deposit.clone()).await.failure().fields, ["reason"]);
        let mut with_reason = deposit.clone();
        with_reason["reason"] = json!("she asked for it, ticket 7");
        let made = operator.does("create_credential", with_reason).await;
        let id = made["id"].clone();
        assert_eq!(ann.borrows(["todoist"]).await.value("todoist"), "hers");
        for (operation, request) in [
            ("update_credential", json!({ "id": id, "status": "inactive" })),
            ("rotate_credential", json!({ "id": id, "fields": { "access_token": "x" } })),
            ("delete_credential", json!({ "id": id })),
        ] {
            assert_eq!(operator.run(operation, request).await.failure().fields, ["reason"], "{operation}");
        }
        operator.does("delete_credential", json!({ "id": id, "reason": "she left" })).await;
        let records = scene.records_of(id.as_str().unwrap()).await;
        let changes: Vec<_> = records.iter().filter(|record| record.event.starts_with("credential_")).collect();
        assert_eq!(changes.first().unwrap().details["reason"], "she asked for it, ticket 7");
        assert_eq!(changes.last().unwrap().details["reason"], "she left");
        assert!(changes.iter().all(|record| record.owner.as_deref() == Some(owner.as_str())));

        let shared = json!({ "owner": owner, "service": "todoist", "sharing": ["all_members"], "reason": "r", "fields": { "access_token": "t" } });
        assert_eq!(operator.run("create_credential", shared).await.failure().fields, ["sharing"]);
        let system = json!({ "owner": "system", "service": "todoist", "fields": { "access_token": "t" } });
        assert_eq!(operator.run("create_credential", system).await.failure().fields, ["owner"]);
        let nobody = json!({ "owner": "org_00000000000000000000000000", "service": "todoist", "sharing": ["all_members"], "fields": { "access_token": "t" } });
        assert_eq!(operator.run("create_credential", nobody).await.refusal(), "not_found");
    }

    async fn lists_filter_and_page(scene) {
        let (team, admin) = team(&scene).await;
        for service in ["todoist", "notion", "github"] {
            let fields = json!({ "access_token": "t" });
            let deposit = json!({ "owner": team.id.to_string(), "service": service, "sharing": ["admins_only"], "fields": fields });
            admin.does("create_credential", deposit).await;
            scene.passes(1);
        }
        team.shares("jira", "v", &[SharingEntry::AllMembers]).await;
        let list = async |more: Value| {
            let mut request = json!({ "owner": team.id.to_string() });
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let page = admin.does("list_credentials", request).await;
            let services = page["credentials"].as_array().cloned().unwrap_or_default();
            let services: Vec<String> = services.iter().map(|c| c["service"].as_str().unwrap().to_owned()).collect();
            (services, page["next_page_token"].clone())
        };
        assert_eq!(list(json!({})).await.0, ["todoist", "notion", "github", "jira"]);
        assert_eq!(list(json!({ "order_by": "service desc" })).await.0, ["todoist", "notion", "jira", "github"]);
        assert_eq!(list(json!({ "service": "jira", "status": "active" })).await.0, ["jira"]);
        let (first, token) = list(json!({ "order_by": "service", "page_size": 3 })).await;
        assert_eq!(first, ["github", "jira", "notion"]);
        let (rest, end) = list(json!({ "order_by": "service", "page_size": 3, "page_token": token })).await;
        assert_eq!((rest, end), (vec!["todoist".to_owned()], Value::Null));
        let operator = scene.operator("admin:read").await;
        assert_eq!(operator.does("list_credentials", json!({ "page_size": 1 })).await["credentials"].as_array().unwrap().len(), 1);
    }

    async fn an_owner_of_a_suspended_organization_changes_nothing(scene) {
        let (team, _) = team(&scene).await;
        let owner = scene.person().await;
        team.admits(&owner, Owner).await;
        let owner = owner.with_scopes(SCOPES).await;
        team.becomes(leasehold::model::organization::OrganizationStatus::Suspended).await;
        assert_eq!(owner.run("create_credential", jira(&team, "v")).await.refusal(), "forbidden");
        owner.does("list_credentials", json!({ "owner": team.id.to_string() })).await;
    }
}
