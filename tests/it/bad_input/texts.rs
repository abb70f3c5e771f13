//! Texts that no database or terminal should get, over every way in and on both databases.

use serde_json::{Value, json};

use crate::harness::{Borrower, ListAsk, Refused as _, Scene, api::ask, scenarios};

scenarios! {
    async fn a_zero_byte_in_a_filter_is_named(scene) {
        let operator = scene.operator(EVERYTHING).await;
        for (operation, field) in [
            ("list_users", "email"),
            ("list_organizations", "name"),
            ("query_audit", "actor"),
            ("query_audit", "target"),
            ("query_audit", "request_id"),
            ("export_audit", "actor"),
            ("export_audit", "target"),
            ("export_audit", "request_id"),
            ("find_leases", "server_id"),
            ("list_users", "page_token"),
            ("query_audit", "page_token"),
        ] {
            for text in ["\0", "a\0b"] {
                let refused = operator.run(operation, json!({ field: text })).await.failure();
                let found = (refused.code.as_str(), refused.fields);
                assert_eq!(found, ("invalid_request", vec![field.to_owned()]), "{operation}");
            }
        }
        let ann = scene.person().await;
        let refused = ann.list(&ListAsk { server_id: Some("a\0b"), ..ListAsk::default() }).await.failure();
        assert_eq!((refused.code.as_str(), refused.fields), ("invalid_request", vec!["server_id".to_owned()]));
    }

    async fn an_id_with_a_zero_byte_is_not_there(scene) {
        let operator = scene.operator(EVERYTHING).await;
        for (operation, request) in [
            ("show_user", json!({ "id": "a\0b" })),
            ("show_organization", json!({ "organization_id": "\0" })),
            ("show_member", json!({ "organization_id": "org_1", "user_id": "\0" })),
            ("delete_resource", json!({ "uri": "https://a.example/\0" })),
            ("show_service", json!({ "name": "\0" })),
            ("end_lease", json!({ "id": "lse_\0", "reason": "drill" })),
        ] {
            assert_eq!(operator.run(operation, request).await.refusal(), "not_found", "{operation}");
        }
    }

    async fn a_zero_byte_in_what_is_stored_is_named(scene) {
        let operator = scene.operator(EVERYTHING).await;
        let ann = scene.person().await.with_scopes(EVERYTHING).await;
        let team = scene.team().await.id.to_string();
        let mail = "zero@example.org";
        for (who, operation, request, field) in [
            (&operator, "create_user", json!({ "email": mail, "name": "a\0b" }), "name"),
            (&operator, "create_user", json!({ "email": "a\0b@example.org", "name": "A" }), "email"),
            (&operator, "update_organization", json!({ "organization_id": team, "name": "\0" }), "name"),
            (&operator, "create_resource", json!({ "uri": "https://a.example/\0" }), "uri"),
            (&ann, "create_own_token", json!({ "name": "a\0b", "scopes": ["lease:read"] }), "name"),
            (&ann, "create_own_token", json!({ "name": "a", "scopes": ["lease:\0read"] }), "scopes[0]"),
            (&ann, "create_own_credential", json!({ "service": "todoist", "fields": { "access_token": "\0" } }), "fields.access_token"),
        ] {
            let refused = who.run(operation, request).await.failure();
            assert_eq!((refused.code.as_str(), refused.fields), ("invalid_request", vec![field.to_owned()]), "{operation}");
        }
    }

    async fn names_that_play_tricks_are_refused(scene) {
        let operator = scene.operator(EVERYTHING).await;
        let ann = scene.person().await.with_scopes(EVERYTHING).await;
        for trick in ["Ada\u{202E}nimda", "\u{2066}Ada\u{2069}", "Ada\u{1b}[2J", "Ada\u{85}", "Ada\u{2028}B"] {
            for (who, operation, request, field) in [
                (&operator, "create_user", json!({ "email": "trick@example.org", "name": trick }), "name"),
                (&operator, "create_user", json!({ "email": format!("{trick}@example.org"), "name": "A" }), "email"),
                (&operator, "create_organization", json!({ "name": trick, "owner_id": ann.id.to_string() }), "name"),
                (&ann, "create_own_token", json!({ "name": trick, "scopes": ["lease:read"] }), "name"),
            ] {
                assert_eq!(named(who, operation, request).await, [field], "{operation} {trick:?}");
            }
            let mut asked = ask(["jira"]);
            asked.server_id = trick.to_owned();
            assert_eq!(ann.create(&asked).await.failure().fields, ["server_id"], "{trick:?}");
        }
        let email = format!("name-{:?}@example.org", scene.via);
        operator.does("create_user", json!({ "email": email, "name": "שלום José 太郎" })).await;
    }

    async fn an_outcome_that_no_record_has_is_named(scene) {
        let operator = scene.operator(EVERYTHING).await;
        for wrong in ["foo", "not_foud", "", "Success"] {
            for operation in ["query_audit", "export_audit"] {
                let answer = operator.run(operation, json!({ "outcome": wrong })).await;
                // Nothing said is no filter, where a way in does not tell them apart.
                if !wrong.is_empty() {
                    assert_eq!(answer.failure().fields, ["outcome"], "{operation} {wrong}");
                }
            }
        }
        refusals(&scene).await;
        scene.broker().flush_usage(true).await.expect("records");
        let all = operator.does("query_audit", json!({ "outcome": "refused", "page_size": 1000 })).await;
        let records = all["records"].as_array().expect("records");
        assert!(!records.is_empty());
        for record in records {
            let same = operator.does("query_audit", json!({ "outcome": record["refusal"] })).await;
            assert!(!same["records"].as_array().expect("records").is_empty(), "{record}");
        }
        for outcome in ["success", "refused"] {
            operator.does("query_audit", json!({ "outcome": outcome })).await;
        }
    }

    async fn a_page_token_is_good_for_its_list_alone(scene) {
        let operator = scene.operator(EVERYTHING).await;
        for _ in 0..3 {
            let ann = scene.person().await;
            scene.team().await.admits(&ann, leasehold::model::organization::Role::Member).await;
            ann.deposits("jira", "hers").await;
            ann.borrows(["jira"]).await;
        }
        let lists = ["list_users", "list_organizations", "find_leases", "count_leases", "query_audit"];
        let mut tokens = Vec::new();
        for list in lists {
            let page = operator.does(list, json!({ "page_size": 1 })).await;
            tokens.push(page["next_page_token"].as_str().unwrap_or_else(|| panic!("{list}: {page}")).to_owned());
        }
        for (list, own) in lists.iter().zip(&tokens) {
            operator.does(list, json!({ "page_size": 2, "page_token": own })).await;
            let made_up = ["1", "MQ", &own[..own.len() - 1]].map(str::to_owned);
            for token in tokens.iter().filter(|token| *token != own).chain(&made_up) {
                assert_eq!(named(&operator, list, json!({ "page_token": token })).await, ["page_token"], "{list}");
            }
        }
        for (list, narrowed) in [
            ("list_users", json!({ "active": true })),
            ("list_users", json!({ "order_by": "name" })),
            ("find_leases", json!({ "status": "active" })),
            ("query_audit", json!({ "outcome": "success" })),
        ] {
            let token = &tokens[lists.iter().position(|known| *known == list).expect("a list")];
            let mut request = narrowed;
            request["page_token"] = json!(token);
            assert_eq!(named(&operator, list, request.clone()).await, ["page_token"], "{request}");
        }
    }

    async fn a_page_token_of_own_leases_is_good_as_they_were_narrowed(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        for _ in 0..3 {
            ann.borrows(["jira"]).await;
        }
        let page = ann.list(&ListAsk { page_size: Some(1), ..ListAsk::default() }).await.unwrap();
        let token = page.next_page_token;
        let next = ListAsk { page_token: token.clone(), ..ListAsk::default() };
        assert_eq!(ann.list(&next).await.unwrap().leases.len(), 2);
        let narrowed = ListAsk { status: Some("active"), page_token: token, ..ListAsk::default() };
        assert_eq!(ann.list(&narrowed).await.failure().fields, ["page_token"]);
        let made_up = ListAsk { page_token: Some(page.leases[0].lease_id.clone()), ..ListAsk::default() };
        assert_eq!(ann.list(&made_up).await.failure().fields, ["page_token"]);
    }
}

/// The fields that a refusal names.
async fn named(who: &Borrower, operation: &str, request: Value) -> Vec<String> {
    let refused = who.run(operation, request).await.failure();
    assert_eq!(refused.code, "invalid_request", "{operation}");
    refused.fields
}

/// Refusals of many kinds.
async fn refusals(scene: &Scene) {
    let ann = scene.person().await;
    ann.deposits("jira", "hers").await;
    let lease = ann.borrows(["jira"]).await.lease_id;
    ann.revoke(&lease).await.unwrap();
    assert_eq!(ann.renew(&lease).await.refusal(), "lease_revoked");
    assert_eq!(ann.create(&ask(["notion"])).await.refusal(), "missing_credentials");
    assert_eq!(scene.bearer("nobody's").me().await.refusal(), "unauthenticated");
    assert_eq!(scene.stranger(None).me().await.refusal(), "unauthenticated");
    let client = ann.client().await;
    assert_eq!(client.token(Some("admin:keys")).await.refusal(), "invalid_scope");
    client.is_active(false).await;
    assert_eq!(client.token(None).await.refusal(), "invalid_client");
}

const EVERYTHING: &str = "admin:read admin:write admin:revoke admin:tokens admin:keys credential:write token:write lease:create lease:read service:*";
