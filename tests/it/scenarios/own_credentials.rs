//! A person's own credentials, and the catalog that says what they consist of.

use leasehold::model::{organization::Role::Admin, scope::ScopeSet};
use serde_json::{Value, json};

use crate::harness::{Person, Refused, Scene, scenarios};

async fn person(scene: &Scene) -> Person {
    scene.person().await.with_scopes("credential:write lease:create lease:renew service:*").await
}

scenarios! {
    async fn a_person_deposits_rotates_and_deletes(scene) {
        let ann = person(&scene).await;
        let deposit = json!({ "service": "notion", "account": "home", "fields": { "access_token": "canary-1", "database_id": "db-7" } });
        let made = ann.does("create_own_credential", deposit.clone()).await;
        let id = made["id"].clone();
        assert_eq!(made["owner"], json!(ann.id.to_string()));
        assert_eq!(ann.run("create_own_credential", deposit).await.refusal(), "conflict");
        let lease = ann.borrows(["notion/home"]).await;
        assert_eq!(lease.value("notion/home"), "canary-1");

        let shown = ann.does("show_own_credential", json!({ "id": id })).await;
        assert_eq!(shown["values"], json!({ "database_id": "db-7" }), "what is no secret");
        assert_eq!(shown["etag"], "1");
        let listed = ann.does("list_own_credentials", json!({ "service": "notion" })).await;
        assert_eq!(listed["credentials"], json!([made]));
        assert!(!format!("{shown} {listed}").contains("canary"));

        let rotated = ann.does("rotate_own_credential", json!({ "id": id, "fields": { "access_token": "canary-2" }, "etag": "1" })).await;
        assert_eq!((&rotated["version"], &rotated["field_names"]), (&json!(2), &json!(["access_token"])));
        assert_eq!(ann.renew(&lease.lease_id).await.unwrap().value("notion/home"), Some("canary-2"));
        let stale = ann.run("delete_own_credential", json!({ "id": id, "etag": "1" })).await;
        assert_eq!(stale.refusal(), "precondition_failed");
        let off = ann.does("update_own_credential", json!({ "id": id, "status": "inactive" })).await;
        assert_eq!((&off["leases_ended"], &off["credential"]["status"]), (&json!(1), &json!("inactive")));
        ann.does("delete_own_credential", json!({ "id": id })).await;
        assert_eq!(ann.run("show_own_credential", json!({ "id": id })).await.refusal(), "not_found");
    }

    async fn a_service_is_sent_apart_from_its_account(scene) {
        let ann = person(&scene).await;
        let fields = json!({ "base_url": "https://weather.example", "token": "x" });
        let both = json!({ "service": "bearer/weather", "fields": fields });
        assert_eq!(ann.run("create_own_credential", both).await.failure().fields, vec!["service"]);
        for (service, account, field) in [("Bearer", "weather", "service"), ("bearer", "a b", "account"), ("bearer", "a/b", "account")] {
            let wrong = json!({ "service": service, "account": account, "fields": fields });
            assert_eq!(ann.run("create_own_credential", wrong).await.failure().fields[0], field);
        }
    }

    async fn what_is_somebody_elses_is_not_there(scene) {
        let (ann, bob) = (person(&scene).await, person(&scene).await);
        let id = ann.deposits("jira", "hers").await.to_string();
        let team = scene.team().await;
        team.admits(&bob, Admin).await;
        let shared = team.shares("sentry", "v", &[]).await.to_string();
        let fields = json!({ "access_token": "x" });
        for id in [&id, &shared, "crd_1"] {
            for (operation, request) in [
                ("show_own_credential", json!({ "id": id })),
                ("update_own_credential", json!({ "id": id, "status": "inactive" })),
                ("rotate_own_credential", json!({ "id": id, "fields": fields })),
                ("delete_own_credential", json!({ "id": id })),
            ] {
                assert_eq!(bob.run(operation, request).await.refusal(), "not_found", "{operation} {id}");
            }
        }
        let mine = bob.does("list_own_credentials", json!({})).await;
        assert!(mine["credentials"].as_array().is_none_or(Vec::is_empty), "{mine}");
        let worker = ann.with_token(ScopeSet::worker(), None, None).await;
        assert_eq!(worker.run("list_own_credentials", json!({})).await.refusal(), "insufficient_scope");
        let operator = scene.operator("credential:write").await;
        assert_eq!(operator.run("list_own_credentials", json!({})).await.refusal(), "forbidden");
        assert_eq!(scene.stranger(None).run("list_services", json!({})).await.refusal(), "unauthenticated");
    }

    async fn the_catalog_says_what_a_credential_consists_of(scene) {
        let ann = scene.person().await;
        let listed = ann.does("list_services", json!({})).await;
        let services = listed["services"].as_array().expect("services");
        let names: Vec<&str> = services.iter().map(|service| service["name"].as_str().unwrap()).collect();
        for name in ["todoist", "jira", "notion", "sentry", "openai", "anthropic", "github", "gmail", "tray", "orderdesk", "todo", "bearer", "api_key", "basic", "custom_headers"] {
            assert!(names.contains(&name), "{name}");
        }
        let operator = scene.operator("admin:read").await;
        let jiras = async || {
            let counted = operator.does("count_services", json!({})).await;
            let counted = counted["services"].as_array().unwrap().clone();
            assert!(counted.iter().map(|service| &service["name"]).eq(names.iter()));
            counted.iter().find(|service| service["name"] == "jira").unwrap()["credentials"].as_i64().unwrap()
        };
        let before = jiras().await;
        ann.deposits("jira", "hers").await;
        assert!(jiras().await > before, "others may deposit at the same time");
        let jira = ann.does("show_service", json!({ "name": "jira" })).await;
        assert!(services.contains(&jira));
        let secrets: Vec<&Value> =
            jira["fields"].as_array().unwrap().iter().filter(|field| field["secret"] == true).map(|field| &field["name"]).collect();
        assert_eq!(secrets, [&json!("api_token")]);
        for name in ["nowhere", "JIRA"] {
            assert_eq!(ann.run("show_service", json!({ "name": name })).await.refusal(), "not_found");
        }
    }
}
