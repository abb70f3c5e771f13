//! MCP tokens: people mint, rotate and revoke their own; operators anybody's.

use leasehold::model::scope::ScopeSet;
use serde_json::{Value, json};

use crate::harness::{Borrower, Scene, api::Refused, scenarios};

scenarios! {
    async fn a_person_mints_what_neither_exceeds_nor_outlives(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let end = scene.now().plus_seconds(86_400);
        let older = ann.with_token(full(), Some(end), None).await;

        let minted = older.does("create_own_token", json!({ "name": "laptop", "scopes": WORKER })).await;

        let token = &minted["mcp_token"];
        assert_eq!((&token["name"], &token["status"], &token["minted_by"]),
            (&json!("laptop"), &json!("active"), &json!(ann.id.to_string())));
        assert_eq!(token["expires_at"], json!(end.to_string()), "the end of the token it was minted with");
        assert_ne!(token["minted_by_operator"], true);
        assert_eq!(token["minted_with"], json!(older.token_id.to_string()));
        let text = minted["token"].as_str().unwrap();
        assert!(text.starts_with(token["prefix"].as_str().unwrap().trim_end_matches('…')), "{token}");
        let worker = scene.bearer(text);
        assert_eq!(worker.borrows(["jira"]).await.value("jira"), "hers");

        for (request, field) in [
            (json!({ "name": "x", "scopes": ["lease:read"], "expires_at": end.plus_seconds(1).to_string() }), "expires_at"),
            (json!({ "name": "x", "scopes": ["lease:read"], "expires_at": scene.now().to_string() }), "expires_at"),
            (json!({ "name": "x", "scopes": ["lease:fly"] }), "scopes[0]"),
            (json!({ "name": "x", "scopes": [] }), "scopes"),
            (json!({ "name": " ", "scopes": ["lease:read"] }), "name"),
            (json!({ "name": "x", "scopes": ["lease:read"], "max_usages": 0 }), "max_usages"),
        ] {
            let failure = older.run("create_own_token", request.clone()).await.failure();
            assert_eq!(failure.code, "invalid_request", "{request}");
            assert_eq!(failure.fields, vec![field.to_owned()], "{request}");
        }
        for beyond in [json!(["admin:read"]), json!(["lease:read", "token:write"])] {
            let failure = older.run("create_own_token", json!({ "name": "x", "scopes": beyond })).await.failure();
            assert_eq!((failure.code.as_str(), failure.fields), ("forbidden", vec!["scopes".to_owned()]), "{beyond}");
        }
        assert_eq!(worker.run("create_own_token", json!({ "name": "x", "scopes": ["lease:read"] })).await.refusal(), "insufficient_scope");
    }

    async fn what_a_leaked_token_minted_ends_with_it(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let leaked = ann.with_token(full(), None, None).await;
        let sibling = ann.with_token(ScopeSet::worker(), None, None).await;
        let minted = leaked.does("create_own_token", json!({ "name": "hidden", "scopes": WORKER })).await;
        let hidden = scene.bearer(minted["token"].as_str().unwrap());
        let lease = hidden.borrows(["jira"]).await.lease_id;
        // Its finder learns the text of a token that was there before.
        let rotated = leaked.does("rotate_own_token", json!({ "id": sibling.token_id.to_string() })).await;
        let stolen = scene.bearer(rotated["token"].as_str().unwrap());
        assert!(stolen.me().await.is_ok());

        let ended = ann.with_token(full(), None, None).await
            .does("revoke_own_token", json!({ "id": leaked.token_id.to_string() })).await;

        assert_eq!((&ended["tokens_revoked"], &ended["leases_ended"]), (&json!(3), &json!(1)));
        for who in [&hidden, &stolen, &*leaked, &*sibling] {
            assert_eq!(who.me().await.refusal(), "unauthenticated");
        }
        assert_eq!(scene.recorded_after_recheck(&lease).await, "revoked");
        assert!(ann.me().await.is_ok(), "what was there before stays");
    }

    async fn a_rotation_overlaps(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let old = ann.with_token(full(), None, None).await;
        let id = json!(old.token_id.to_string());
        let lease = old.borrows(["jira"]).await.lease_id;

        let rotated = old.does("rotate_own_token", json!({ "id": id, "overlap_seconds": 60 })).await;

        let new = scene.bearer(rotated["token"].as_str().unwrap());
        assert_eq!(new.show(&lease).await.unwrap().status, "active", "the same token, another text");
        assert!(old.renew(&lease).await.is_ok(), "good for a while");
        assert_eq!(old.run("rotate_own_token", json!({ "id": id })).await.refusal(), "forbidden", "an old text makes none");
        assert_eq!(old.run("create_own_token", json!({ "name": "x", "scopes": ["lease:read"] })).await.refusal(), "forbidden");
        scene.passes(61);
        assert_eq!(old.renew(&lease).await.refusal(), "unauthenticated");
        assert!(new.renew(&lease).await.is_ok());
        let shown = new.does("show_own_token", json!({ "id": id })).await;
        assert_eq!((&shown["age_seconds"], &shown["previous_text_until"]), (&json!(61), &Value::Null));

        let at_once = new.does("rotate_own_token", json!({ "id": id, "overlap_seconds": 0 })).await;
        assert_eq!(new.me().await.refusal(), "unauthenticated");
        let newest = scene.bearer(at_once["token"].as_str().unwrap());
        let refused = newest.run("rotate_own_token", json!({ "id": id, "overlap_seconds": 604_801 })).await.failure();
        assert_eq!(refused.fields, vec!["overlap_seconds"]);
        scene.passes(90 * 86_400);
        let due = newest.does("show_own_token", json!({ "id": id })).await;
        assert_eq!(due["rotation_due"], true, "{due}");
    }

    async fn texts_of_wider_tokens_stay_unknown(scene) {
        let ann = scene.person().await;
        let narrow = ann.with_scopes("lease:read token:write").await;
        let wide = ann.with_scopes("lease:read lease:create service:*").await;
        let minter = ann.with_token(full(), None, None).await;
        for id in [wide.token_id, minter.token_id] {
            let refused = narrow.run("rotate_own_token", json!({ "id": id.to_string() })).await;
            assert_eq!(refused.refusal(), "forbidden");
        }
        let short = ann.with_token("lease:read token:write".parse().unwrap(), Some(scene.now().plus_seconds(60)), None).await;
        let plain = ann.with_scopes("lease:read").await;
        assert_eq!(short.run("rotate_own_token", json!({ "id": plain.token_id.to_string() })).await.refusal(), "forbidden", "it would outlive");
        let counted = ann.with_token(full(), None, Some(100)).await;
        let minting = counted.run("create_own_token", json!({ "name": "x", "scopes": ["lease:read"] })).await;
        assert_eq!(minting.refusal(), "forbidden", "nobody would count what it mints");
    }

    async fn own_tokens_are_listed_renamed_and_nobody_elses(scene) {
        let (ann, bob) = (scene.person().await, scene.person().await);
        scene.passes(1);
        let (ann, bob) = (ann.with_token(full(), None, None).await, bob.with_token(full(), None, None).await);
        let listed = ann.does("list_own_tokens", json!({})).await;
        assert_eq!(listed["tokens"].as_array().unwrap().len(), 2);
        let page = ann.does("list_own_tokens", json!({ "page_size": 1, "order_by": "created_at desc" })).await;
        assert_eq!(page["tokens"][0]["id"], json!(ann.token_id.to_string()));
        let rest = json!({ "page_size": 1, "order_by": "created_at desc", "page_token": page["next_page_token"] });
        assert_eq!(ann.does("list_own_tokens", rest).await["next_page_token"], Value::Null);

        let id = json!(ann.token_id.to_string());
        let renamed = ann.does("update_own_token", json!({ "id": id, "name": "desk", "etag": "1" })).await;
        assert_eq!((&renamed["mcp_token"]["name"], &renamed["etag"]), (&json!("desk"), &json!("2")));
        let stale = ann.run("update_own_token", json!({ "id": id, "name": "x", "etag": "1" })).await;
        assert_eq!(stale.refusal(), "precondition_failed");

        for operation in ["show_own_token", "rotate_own_token", "update_own_token", "revoke_own_token"] {
            for foreign in [id.clone(), json!("tok_1"), json!("tok_00000000000000000000000000")] {
                assert_eq!(bob.run(operation, json!({ "id": foreign })).await.refusal(), "not_found", "{operation}");
            }
        }
        let client = scene.client(leasehold::model::owner::Owner::User(ann.id), None, full()).await.enters().await;
        assert_eq!(client.run("list_own_tokens", json!({})).await.refusal(), "forbidden", "programs manage no tokens");
        let revoked = ann.does("revoke_own_token", json!({ "id": id })).await;
        assert_eq!(revoked["tokens_revoked"], 1);
        assert_eq!(ann.me().await.refusal(), "unauthenticated");
        let events: Vec<String> = scene.records_of(id.as_str().unwrap()).await.into_iter().map(|record| record.event).collect();
        let expected = ["token_created", "token_updated", "token_revoked"];
        assert_eq!(events.iter().filter(|event| event.starts_with("token_")).collect::<Vec<_>>(), expected);
    }

    async fn an_operator_mints_for_a_person_with_a_reason(scene) {
        let ann = scene.person().await.with_scopes("token:write").await;
        let operator = scene.operator("admin:read admin:tokens").await;
        let request = json!({ "user_id": ann.id.to_string(), "name": "support", "scopes": ["lease:read"] });
        let refused = operator.run("create_token", request.clone()).await.failure();
        assert_eq!((refused.code.as_str(), refused.fields), ("invalid_request", vec!["reason".to_owned()]));

        let minted = operator.does("create_token", with(&request, "reason", "ticket 7")).await;

        let id = minted["mcp_token"]["id"].clone();
        let seen = ann.does("show_own_token", json!({ "id": id })).await;
        assert_eq!((&seen["minted_by_operator"], &seen["mint_reason"]), (&json!(true), &json!("ticket 7")));
        assert!(scene.bearer(minted["token"].as_str().unwrap()).me().await.is_ok());
        let record = scene.records_of(id.as_str().unwrap()).await.remove(0);
        assert_eq!((record.event.as_str(), &record.details["reason"]), ("token_created", &json!("ticket 7")));
        assert_eq!(record.owner, Some(ann.id.to_string()));

        let unreasoned = operator.run("rotate_token", json!({ "id": id })).await.failure();
        assert_eq!(unreasoned.fields, vec!["reason"]);
        let rotated = operator.does("rotate_token", json!({ "id": id, "reason": "ticket 8", "overlap_seconds": 0 })).await;
        assert!(scene.bearer(rotated["token"].as_str().unwrap()).me().await.is_ok());
        let off = operator.does("update_token", json!({ "id": id, "active": false })).await;
        assert_eq!(off["mcp_token"]["status"], "inactive");
        assert_eq!(scene.bearer(rotated["token"].as_str().unwrap()).me().await.refusal(), "unauthenticated");
        let listed = operator.does("list_tokens", json!({ "owner": ann.id.to_string(), "status": "inactive" })).await;
        assert_eq!(listed["tokens"].as_array().unwrap().len(), 1);
        assert_eq!(operator.does("revoke_mcp_token", json!({ "id": id })).await["tokens_revoked"], 1);
        let over = operator.run("rotate_token", json!({ "id": id, "reason": "x" })).await;
        assert_eq!(over.refusal(), "conflict");
        let nobody = with(&with(&request, "reason", "x"), "user_id", "usr_00000000000000000000000000");
        assert_eq!(operator.run("create_token", nobody).await.refusal(), "not_found");
    }

    async fn nobody_gains_admin_scopes_by_a_text(scene) {
        let (owner, team) = (scene.person().await, scene.team().await);
        team.admits(&owner, leasehold::model::organization::Role::Owner).await;
        let administrator = owner.with_scopes("admin:read admin:tokens admin:write").await;
        let operator = scene.operator("admin:read admin:tokens").await;
        let keeper = scene.operator_with_id("admin:keys").await;

        let minted = operator.does("create_token", json!({ "name": "colleague", "scopes": ["admin:read"] })).await;
        assert_eq!(minted["mcp_token"]["owner"], "system");
        assert_ne!(minted["mcp_token"]["minted_by_operator"], Value::Null);
        for request in [
            json!({ "name": "x", "scopes": ["admin:keys"] }),
            json!({ "name": "x", "scopes": ["lease:read"] }),
            json!({ "name": "x", "scopes": ["admin:write"], "user_id": owner.id.to_string(), "reason": "r" }),
        ] {
            let failure = operator.run("create_token", request.clone()).await.failure();
            assert_eq!(failure.fields, vec!["scopes"], "{request}");
        }
        let failure = operator.run("rotate_token", json!({ "id": keeper })).await.failure();
        assert_eq!(failure.fields, vec!["scopes"]);
        let request = json!({ "name": "x", "scopes": ["lease:read"], "user_id": owner.id.to_string(), "reason": "r" });
        assert_eq!(administrator.run("create_token", request.clone()).await.refusal(), "forbidden", "never for persons");
        let reader = scene.operator("admin:read").await;
        assert_eq!(reader.run("create_token", request).await.refusal(), "insufficient_scope");
    }
}

fn full() -> ScopeSet {
    ScopeSet::everything_of_a_person()
}

fn with(request: &Value, field: &str, value: &str) -> Value {
    let mut request = request.clone();
    request[field] = json!(value);
    request
}

const WORKER: [&str; 5] = ["lease:create", "lease:read", "lease:renew", "lease:revoke", "service:*"];

impl Scene {
    /// The id of an operator's token.
    async fn operator_with_id(&self, scopes: &str) -> String {
        let operator: Borrower = self.operator("admin:read admin:tokens admin:keys").await;
        let request = json!({ "name": scopes, "scopes": scopes.split(' ').collect::<Vec<_>>() });
        operator.does("create_token", request).await["mcp_token"]["id"].as_str().expect("an id").to_owned()
    }

    /// The recorded state of a lease, once the chores have looked at it.
    async fn recorded_after_recheck(&self, lease: &str) -> String {
        crate::harness::eventually("the lease is marked", async || {
            self.recorded_state(lease).await != "active"
        })
        .await;
        self.recorded_state(lease).await
    }
}
