//! Leases of others: what operators and organizations' administrators find, see and end.

use leasehold::model::organization::{Role, SharingEntry::AllMembers};
use serde_json::{Value, json};

use crate::harness::{Borrower, Person, Scene, Team, api::Refused, ask, scenarios};

scenarios! {
    async fn an_operator_finds_leases_by_every_filter(scene) {
        let Cast { ann, team, shared, client, .. } = cast(&scene).await;
        let personal = ann.borrows(["jira"]).await.lease_id;
        scene.passes(5);
        let from = scene.now();
        let mixed = ann.borrows(["jira", "notion"]).await.lease_id;
        scene.passes(1);
        let by_client = client.create(&leasehold_ask(["notion"], "robot")).await.unwrap().lease_id;
        ann.revoke(&personal).await.unwrap();
        let operator = scene.operator("admin:read").await;

        let me = json!(ann.id.to_string());
        for (filter, expected) in [
            (json!({ "user_id": me }), vec![&by_client, &mixed, &personal]),
            (json!({ "principal": me }), vec![&mixed, &personal]),
            (json!({ "user_id": me, "status": "active" }), vec![&by_client, &mixed]),
            (json!({ "user_id": me, "status": "revoked" }), vec![&personal]),
            (json!({ "user_id": me, "server_id": "robot" }), vec![&by_client]),
            (json!({ "server_id": "robot", "principal": me }), vec![]),
            (json!({ "user_id": me, "service": "jira" }), vec![&mixed, &personal]),
            (json!({ "organization_id": team.id.to_string() }), vec![&by_client, &mixed]),
            (json!({ "credential_id": shared.to_string() }), vec![&by_client, &mixed]),
            (json!({ "credential_id": shared.to_string(), "service": "jira" }), vec![&mixed]),
            (json!({ "user_id": me, "created_from": from.to_string() }), vec![&by_client, &mixed]),
            (json!({ "user_id": me, "created_before": from.to_string() }), vec![&personal]),
            (json!({ "user_id": me, "order_by": "created_at" }), vec![&personal, &mixed, &by_client]),
        ] {
            let found = operator.does("find_leases", filter.clone()).await;
            assert_eq!(ids(&found), expected, "{filter}");
        }
        let client_id = found_client(&operator, &by_client).await;
        let found = operator.does("find_leases", json!({ "client_id": client_id })).await;
        assert_eq!(ids(&found), vec![&by_client]);
        let all = operator.does("find_leases", json!({ "page_size": 1000 })).await;
        assert!(ids(&all).contains(&mixed.as_str()));
    }

    async fn pages_of_leases_follow_each_other(scene) {
        let Cast { ann, .. } = cast(&scene).await;
        for _ in 0..5 {
            ann.borrows(["jira"]).await;
            scene.passes(1);
        }
        let operator = scene.operator("admin:read").await;
        for filter in [json!({}), json!({ "status": "active" }), json!({ "service": "jira", "order_by": "created_at" })] {
            let mut filter = filter;
            filter["user_id"] = json!(ann.id.to_string());
            let all = ids(&operator.does("find_leases", filter.clone()).await).iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(all.len(), 5);
            let (mut walked, mut token) = (Vec::new(), Value::Null);
            loop {
                let mut request = filter.clone();
                request["page_size"] = json!(2);
                if !token.is_null() {
                    request["page_token"] = token.clone();
                }
                let page = operator.does("find_leases", request).await;
                walked.extend(ids(&page).into_iter().map(ToOwned::to_owned));
                token = page["next_page_token"].clone();
                if token.is_null() {
                    break;
                }
            }
            assert_eq!(walked, all, "{filter}");
        }
    }

    async fn an_administrator_sees_nothing_personal_of_a_mixed_lease(scene) {
        let Cast { ann, team, admin, .. } = cast(&scene).await;
        let personal = ann.borrows(["jira"]).await.lease_id;
        let mixed = ann.create(&leasehold_ask(["jira", "notion"], "at home")).await.unwrap().lease_id;
        let here = json!(team.id.to_string());

        let found = admin.does("find_leases", json!({ "organization_id": here })).await;
        let shown = admin.does("inspect_lease", json!({ "id": mixed })).await;

        assert_eq!(ids(&found), vec![&mixed]);
        assert_eq!(found["leases"][0], shown);
        assert_eq!(shown["services"].as_array().unwrap().len(), 1);
        assert_eq!(shown["services"][0]["service"], "notion");
        assert_eq!(shown["user_id"], json!(ann.id.to_string()));
        let text = shown.to_string();
        for hidden in ["jira", "mixed", "at home", &ann.token_id.to_string()] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        for probe in [json!({ "service": "jira" }), json!({ "credential_id": ann_jira(&scene, &ann).await })] {
            let mut probe = probe;
            probe["organization_id"] = here.clone();
            assert_eq!(ids(&admin.does("find_leases", probe.clone()).await), Vec::<&str>::new(), "{probe}");
        }
        let probe = json!({ "organization_id": here, "server_id": "at home" });
        assert_eq!(admin.run("find_leases", probe).await.failure().fields, vec!["server_id"]);
        let counted = admin.does("count_leases", json!({ "organization_id": here })).await;
        assert_eq!(counted["counts"], json!([{ "user_id": ann.id.to_string(), "service": "notion", "live": 1 }]));
        assert_eq!(admin.run("inspect_lease", json!({ "id": personal })).await.refusal(), "not_found");
        assert_eq!(admin.run("find_leases", json!({})).await.refusal(), "forbidden", "all leases are for operators");
    }

    async fn only_administrators_of_the_organization_may(scene) {
        let Cast { ann, team, .. } = cast(&scene).await;
        let mixed = ann.borrows(["jira", "notion"]).await.lease_id;
        let scopes = "admin:read admin:revoke lease:read";
        let stranger = scene.person().await.with_scopes(scopes).await;
        let other_team = scene.team().await;
        other_team.admits(&stranger, Role::Owner).await;
        let member = ann.with_scopes(scopes).await;
        let here = json!(team.id.to_string());
        assert_eq!(stranger.run("find_leases", json!({ "organization_id": here })).await.refusal(), "not_found");
        assert_eq!(member.run("find_leases", json!({ "organization_id": here })).await.refusal(), "forbidden");
        for who in [&stranger, &member] {
            let end = json!({ "id": mixed, "reason": "mine now" });
            assert_eq!(who.run("inspect_lease", json!({ "id": mixed })).await.refusal(), "not_found");
            assert_eq!(who.run("end_lease", end).await.refusal(), "not_found");
        }
        assert_eq!(ann.show(&mixed).await.unwrap().status, "active");
        let reader = scene.operator("admin:read").await;
        let end = json!({ "id": mixed, "reason": "x" });
        assert_eq!(reader.run("end_lease", end).await.refusal(), "insufficient_scope");
        for id in ["lse_1", "usr_00000000000000000000000000", "lse_00000000000000000000000000"] {
            assert_eq!(reader.run("inspect_lease", json!({ "id": id })).await.refusal(), "not_found");
        }
        for (request, field) in [
            (json!({ "user_id": "cli_1" }), "user_id"),
            (json!({ "status": "asleep" }), "status"),
            (json!({ "service": "No Service" }), "service"),
            (json!({ "order_by": "name" }), "order_by"),
        ] {
            let failure = reader.run("find_leases", request.clone()).await.failure();
            assert_eq!(failure.fields, vec![field], "{request}");
        }
    }

    async fn an_administrator_ends_a_lease_with_a_reason(scene) {
        let Cast { ann, admin, team, .. } = cast(&scene).await;
        let lease = ann.borrows(["jira", "notion"]).await.lease_id;
        let unreasoned = admin.run("end_lease", json!({ "id": lease, "reason": " " })).await.failure();
        assert_eq!(unreasoned.fields, vec!["reason"]);

        let ended = admin.does("end_lease", json!({ "id": lease, "reason": "laptop lost" })).await;

        assert_eq!(ann.renew(&lease).await.refusal(), "lease_revoked");
        assert_eq!(ann.read(&lease).await.refusal(), "lease_revoked");
        let shown = ann.show(&lease).await.unwrap();
        assert_eq!(shown.revocation_reason.as_deref(), Some("laptop lost"));
        assert_eq!(shown.revoked_by, Some(admin.id.to_string()));
        let again = admin.does("end_lease", json!({ "id": lease, "reason": "another" })).await;
        assert_eq!(again, ended, "the first reason and time stand");
        let records = scene.records_of(&lease).await;
        let ended: Vec<&str> = records
            .iter()
            .filter(|record| record.event == "lease_revoked")
            .map(|record| record.actor.as_str())
            .collect();
        assert_eq!(ended, vec![admin.id.to_string()]);
        let of_the_team = json!({ "owner": team.id.to_string(), "event": "lease_revoked" });
        let told = admin.does("query_audit", of_the_team).await;
        assert_eq!(told["records"][0]["target"], json!(lease), "its administrators see what they did: {told}");
        let next = ann.borrows(["notion"]).await.lease_id;
        scene.operator("admin:revoke").await.does("end_lease", json!({ "id": next, "reason": "drill" })).await;
        assert_eq!(ann.renew(&next).await.refusal(), "lease_revoked");
    }

    async fn live_leases_are_counted_by_holder_and_service(scene) {
        let Cast { ann, client, .. } = cast(&scene).await;
        ann.deposits("tray/north", "north").await;
        ann.borrows(["jira", "tray/north"]).await;
        ann.borrows(["jira"]).await;
        let ended = ann.borrows(["jira"]).await.lease_id;
        ann.revoke(&ended).await.unwrap();
        client.borrows(["notion"]).await;
        let operator = scene.operator("admin:read").await;
        let me = json!(ann.id.to_string());

        let own = operator.does("count_leases", json!({ "principal": me })).await;

        assert_eq!(own["counts"], json!([
            { "user_id": me, "service": "jira", "live": 2 },
            { "user_id": me, "service": "tray", "live": 1 },
        ]));
        let jira = operator.does("count_leases", json!({ "principal": me, "service": "jira" })).await;
        assert_eq!(jira["counts"], json!([{ "user_id": me, "service": "jira", "live": 2 }]));
        let (mut walked, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut request = json!({ "page_size": 1 });
            if !token.is_null() {
                request["page_token"] = token.clone();
            }
            let page = operator.does("count_leases", request).await;
            walked.extend(page["counts"].as_array().cloned().unwrap_or_default());
            token = page["next_page_token"].clone();
            if token.is_null() {
                break;
            }
        }
        let all = operator.does("count_leases", json!({ "page_size": 1000 })).await;
        assert_eq!(json!(walked), all["counts"]);
        assert!(walked.contains(&own["counts"][1]));
    }
}

/// A member with own and shared credentials, a client of hers, and an administrator.
struct Cast {
    ann: Person,
    team: Team,
    shared: leasehold::model::id::CredentialId,
    client: Borrower,
    admin: Person,
}

async fn cast(scene: &Scene) -> Cast {
    let (ann, admin, team) = (scene.person().await, scene.person().await, scene.team().await);
    team.admits(&ann, Role::Member).await;
    team.admits(&admin, Role::Admin).await;
    let shared = team.shares("notion", "the team's", &[AllMembers]).await;
    ann.deposits("jira", "her own").await;
    let client = ann.client().await.enters().await;
    let admin = admin.with_scopes("admin:read admin:revoke").await;
    Cast { ann, team, shared, client, admin }
}

fn leasehold_ask<const N: usize>(services: [&str; N], server_id: &str) -> crate::harness::Ask {
    crate::harness::Ask { server_id: server_id.to_owned(), ..ask(services) }
}

fn ids(found: &Value) -> Vec<&str> {
    let leases = found["leases"].as_array().map(Vec::as_slice).unwrap_or_default();
    leases.iter().map(|lease| lease["lease_id"].as_str().expect("an id")).collect()
}

async fn found_client(operator: &Borrower, lease: &str) -> Value {
    operator.does("inspect_lease", json!({ "id": lease })).await["client_id"].clone()
}

async fn ann_jira(scene: &Scene, ann: &Person) -> Value {
    let lease = ann.borrows(["jira"]).await.lease_id;
    let shown = scene.operator("admin:read").await.does("inspect_lease", json!({ "id": lease })).await;
    shown["services"][0]["credential_id"].clone()
}
