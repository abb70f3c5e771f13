//! Users, as operators run them.

use serde_json::{Value, json};

use crate::harness::{api::Refused, scenarios};

scenarios! {
    async fn an_operator_makes_finds_and_changes_users(scene) {
        let operator = scene.operator("admin:read admin:write").await;
        let written = format!("Ada-{:?}@Example.ORG", scene.via);
        let email = written.to_lowercase();

        let made = operator.does("create_user", json!({ "email": written, "name": "Ada" })).await;
        let id = made["id"].clone();
        assert_eq!((&made["email"], &made["active"], &made["etag"]), (&json!(email), &json!(true), &json!("1")));
        assert_eq!(operator.does("show_user", json!({ "id": id })).await, made);
        let found = operator.does("list_users", json!({ "email": written })).await;
        assert_eq!(found["users"], json!([made]));

        let renamed = operator.does("update_user", json!({ "id": id, "name": "Ada L.", "etag": "1" })).await;
        assert_eq!((&renamed["user"]["name"], &renamed["etag"]), (&json!("Ada L."), &json!("2")));
        let stale = operator.run("update_user", json!({ "id": id, "name": "Eva", "etag": "1" })).await;
        assert_eq!(stale.refusal(), "precondition_failed");

        let same = operator.does("update_user", json!({ "id": id, "name": "Ada L.", "email": written, "active": true })).await;
        assert_eq!(same["etag"], "2", "what changes nothing raises nothing");
        let stale = operator.run("update_user", json!({ "id": id, "name": "Ada L.", "etag": "1" })).await;
        assert_eq!(stale.refusal(), "precondition_failed");
        operator.does("update_user", json!({ "id": id, "active": false })).await;

        let records = scene.records_of(id.as_str().unwrap()).await;
        let told: Vec<_> = records
            .into_iter()
            .filter(|record| record.event.starts_with("user_"))
            .map(|record| (record.event, record.owner, Value::Object(record.details)))
            .collect();
        let owner = Some(id.as_str().unwrap().to_owned());
        let expected = [
            ("user_created", json!({ "email": email, "name": "Ada" })),
            ("user_updated", json!({ "name": "Ada L." })),
            ("user_updated", json!({ "active": false, "leases_ended": 0 })),
        ];
        assert_eq!(told, expected.map(|(event, details)| (event.to_owned(), owner.clone(), details)));
    }

    async fn bad_users_are_refused_field_by_field(scene) {
        let operator = scene.operator("admin:read admin:write").await;
        for (request, fields) in [
            (json!({ "email": "nobody", "name": " A" }), vec!["email", "name"]),
            (json!({ "email": "a b@c", "name": "A" }), vec!["email"]),
            (json!({ "name": "A" }), vec!["email"]),
            (json!({}), vec!["email", "name"]),
            (json!({ "email": "a@b.example", "name": "A", "admin": true }), vec!["admin"]),
        ] {
            let failure = operator.run("create_user", request.clone()).await.failure();
            assert_eq!((failure.code.as_str(), failure.fields), ("invalid_request", fields.into_iter().map(str::to_owned).collect()), "{request}");
        }
        let email = format!("twin-{:?}@example.org", scene.via);
        operator.does("create_user", json!({ "email": email, "name": "One" })).await;
        for email in [email.clone(), email.to_uppercase()] {
            let twin = operator.run("create_user", json!({ "email": email, "name": "Two" })).await;
            assert_eq!(twin.refusal(), "conflict", "{email}");
        }
        for order in ["page_size", "colour"] {
            let failure = operator.run("list_users", json!({ "order_by": order })).await.failure();
            assert_eq!(failure.fields, vec!["order_by"]);
        }
        let failure = operator.run("list_users", json!({ "page_token": "x" })).await.failure();
        assert_eq!(failure.fields, vec!["page_token"]);
    }

    async fn lists_go_on_where_the_page_ended(scene) {
        let operator = scene.operator("admin:read admin:write").await;
        for name in ["c", "a", "b"] {
            let email = format!("{name}-{:?}@page.example", scene.via);
            operator.does("create_user", json!({ "email": email, "name": name })).await;
        }
        for order in ["created_at", "email", "name desc"] {
            let all = operator.does("list_users", json!({ "order_by": order, "page_size": 1000 })).await;
            let (mut walked, mut token) = (Vec::new(), Value::Null);
            loop {
                let mut request = json!({ "order_by": order, "page_size": 2 });
                if !token.is_null() {
                    request["page_token"] = token.clone();
                }
                let page = operator.does("list_users", request).await;
                walked.extend(page["users"].as_array().expect("users").clone());
                token = page["next_page_token"].clone();
                if token.is_null() {
                    break;
                }
            }
            assert_eq!(json!(walked), all["users"], "{order}");
        }
    }

    async fn a_user_switched_off_loses_every_lease(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.borrows(["jira"]).await;
        let operator = scene.operator("admin:write").await;

        let off = operator.does("update_user", json!({ "id": ann.id.to_string(), "active": false })).await;

        assert_eq!(off["leases_ended"], 2);
        assert_eq!(ann.renew(&lease).await.refusal(), "unauthenticated");
        operator.does("update_user", json!({ "id": ann.id.to_string(), "active": true })).await;
        assert_eq!(ann.renew(&lease).await.refusal(), "lease_revoked", "what ended stays ended");
    }

    async fn only_operators_with_the_scope_may(scene) {
        let ann = scene.person().await.with_scopes("admin:read admin:write").await;
        let reader = scene.operator("admin:read").await;
        let new = json!({ "email": "x@example.org", "name": "X" });
        assert_eq!(ann.run("create_user", new.clone()).await.refusal(), "forbidden");
        assert_eq!(ann.run("list_users", json!({})).await.refusal(), "forbidden");
        assert_eq!(reader.run("create_user", new.clone()).await.refusal(), "insufficient_scope");
        assert_eq!(scene.stranger(None).run("create_user", new).await.refusal(), "unauthenticated");
        for id in ["usr_1", "org_1", "", "usr_00000000000000000000000000"] {
            let refused = reader.run("show_user", json!({ "id": id })).await.failure();
            let expected: &[&str] = if id.is_empty() { &["not_found", "invalid_request"] } else { &["not_found"] };
            assert!(expected.contains(&refused.code.as_str()), "{id}: {refused:?}");
        }
    }

    async fn an_operator_borrows_nothing(scene) {
        let operator = scene.operator("admin:read lease:create service:*").await;
        let me = operator.me().await.unwrap();
        assert_eq!((me.user_id, me.available_services.len(), me.organizations.len()), (None, 0, 0));
        let refused = operator.create(&crate::harness::api::ask(["jira"])).await;
        assert_eq!(refused.refusal(), "missing_credentials");
    }
}
