//! Clients and resource servers, as administrators run them.

use leasehold::model::organization::{
    Role::{Admin, Member},
    SharingEntry::AllMembers,
};
use serde_json::{Value, json};

use crate::harness::{OAuthClient, Person, Refused, Scene, Team, TokenAsk, eventually, scenarios};

const SCOPES: &str = "lease:create lease:read lease:renew service:* admin:read admin:write";

async fn team(scene: &Scene) -> (Team, Person) {
    let team = scene.team().await;
    let admin = scene.person().await;
    team.admits(&admin, Admin).await;
    (team, admin.with_scopes(SCOPES).await)
}

fn request(owner: &impl ToString, role: Option<&str>, scopes: &[&str]) -> Value {
    json!({ "owner": owner.to_string(), "name": "Nightly sync", "role": role, "scopes": scopes })
}

/// The client that an answer tells of, to play with.
fn client(scene: &Scene, answer: &Value) -> OAuthClient {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    OAuthClient {
        id: text(&answer["client"]["id"]).parse().unwrap(),
        secret: text(&answer["client_secret"]),
        scene: scene.clone(),
    }
}

scenarios! {
    async fn an_admin_registers_a_client_that_borrows(scene) {
        let (team, admin) = team(&scene).await;
        team.shares("jira", "shared", &[AllMembers]).await;

        let made = admin.does("create_client", request(&team.id, Some("member"), &["lease:create", "service:jira"])).await;

        let worker = client(&scene, &made);
        assert_eq!(worker.enters().await.borrows(["jira"]).await.value("jira"), "shared");
        let id = made["client"]["id"].clone();
        let shown = admin.does("show_client", json!({ "id": id })).await;
        assert_eq!(shown, made["client"]);
        assert_eq!((&shown["role"], &shown["scopes"]), (&json!("member"), &json!(["lease:create", "service:jira"])));
        assert_eq!(shown["secrets"].as_array().unwrap().len(), 1);
        let listed = admin.does("list_clients", json!({ "owner": team.id.to_string(), "active": true })).await;
        assert_eq!(listed["clients"], json!([shown]));
        assert!(!format!("{shown} {listed}").contains(&worker.secret));
        let records = scene.records_of(id.as_str().unwrap()).await;
        assert_eq!((records[0].event.as_str(), records[0].owner.clone()), ("client_created", Some(team.id.to_string())));
        assert!(!format!("{records:?}").contains(&worker.secret));
    }

    async fn a_secret_is_rotated_with_overlap(scene) {
        let (team, admin) = team(&scene).await;
        let made = admin.does("create_client", request(&team.id, Some("member"), &["lease:create"])).await;
        let old = client(&scene, &made);
        let id = made["client"]["id"].clone();
        for wrong in [-1, 30 * 86_400 + 1] {
            let refused = admin.run("rotate_client_secret", json!({ "id": id, "overlap_seconds": wrong })).await;
            assert_eq!(refused.failure().fields, ["overlap_seconds"]);
        }

        let rotated = admin.does("rotate_client_secret", json!({ "id": id, "overlap_seconds": 600, "etag": "1" })).await;

        let new = client(&scene, &rotated);
        assert_ne!(old.secret, new.secret);
        assert_eq!(rotated["etag"], "2");
        let secrets = rotated["client"]["secrets"].as_array().unwrap();
        assert_eq!(secrets.len(), 2);
        assert!(secrets[0].get("expires_at").is_none() && secrets[1].get("expires_at").is_some());
        assert!(old.token(None).await.is_ok() && new.token(None).await.is_ok());
        scene.passes(600);
        assert_eq!(old.token(None).await.refusal(), "invalid_client");
        assert!(new.token(None).await.is_ok());
        let stale = admin.run("rotate_client_secret", json!({ "id": id, "etag": "1" })).await;
        assert_eq!(stale.refusal(), "precondition_failed");
        let at_once = admin.does("rotate_client_secret", json!({ "id": id, "overlap_seconds": 0 })).await;
        assert_eq!(new.token(None).await.refusal(), "invalid_client");
        assert!(client(&scene, &at_once).token(None).await.is_ok());
    }

    async fn a_client_switched_off_or_deleted_loses_every_lease(scene) {
        let (team, admin) = team(&scene).await;
        team.shares("jira", "shared", &[AllMembers]).await;
        let scopes = ["lease:create", "lease:renew", "service:jira"];
        let made = admin.does("create_client", request(&team.id, Some("member"), &scopes)).await;
        let (id, program) = (made["client"]["id"].clone(), client(&scene, &made));
        let worker = program.enters().await;
        let lease = worker.borrows(["jira"]).await.lease_id;

        let off = admin.does("update_client", json!({ "id": id, "active": false })).await;
        assert_eq!(off["leases_ended"], 1);
        assert_eq!(worker.renew(&lease).await.refusal(), "unauthenticated");
        assert_eq!(program.token(None).await.refusal(), "invalid_client");
        admin.does("update_client", json!({ "id": id, "active": true })).await;
        let worker = program.enters().await;
        assert_eq!(worker.renew(&lease).await.refusal(), "lease_revoked");

        eventually("the lease is marked", async || scene.recorded_state(&lease).await == "revoked").await;
        worker.borrows(["jira"]).await;
        let narrowed = admin.does("update_client", json!({ "id": id, "scopes": ["lease:renew", "service:jira"] })).await;
        assert_eq!(narrowed["client"]["scopes"], json!(["lease:renew", "service:jira"]));
        assert_eq!(worker.me().await.refusal(), "unauthenticated", "tokens of other scopes are refused");
        let worker = program.enters().await;
        assert_eq!(worker.create(&crate::harness::ask(["jira"])).await.refusal(), "insufficient_scope");

        let gone = admin.does("delete_client", json!({ "id": id })).await;
        assert_eq!(gone["leases_ended"], 1);
        assert_eq!(worker.me().await.refusal(), "unauthenticated");
        assert_eq!(program.token(None).await.refusal(), "invalid_client");
        assert_eq!(admin.run("show_client", json!({ "id": id })).await.refusal(), "not_found");
    }

    async fn nobody_makes_a_client_that_may_do_more(scene) {
        let (team, admin) = team(&scene).await;
        let narrow = admin.with_scopes("admin:read admin:write lease:create service:jira").await;
        let wide = request(&team.id, Some("member"), &["lease:create", "service:*"]);
        let failure = narrow.run("create_client", wide.clone()).await.failure();
        assert_eq!((failure.code.as_str(), failure.fields), ("forbidden", vec!["scopes".to_owned()]));
        let above = request(&team.id, Some("owner"), &["lease:create"]);
        let failure = narrow.run("create_client", above.clone()).await.failure();
        assert_eq!((failure.code.as_str(), failure.fields), ("forbidden", vec!["role".to_owned()]));

        let operator = scene.operator("admin:read admin:write").await;
        let made = operator.does("create_client", wide).await;
        let id = made["client"]["id"].clone();
        let taken = narrow.run("rotate_client_secret", json!({ "id": id })).await;
        assert_eq!(taken.failure().fields, ["scopes"], "its secret would be as good as its scopes");
        narrow.does("update_client", json!({ "id": id, "active": false, "name": "Off" })).await;
        let raised = narrow.run("update_client", json!({ "id": id, "role": "owner" })).await;
        assert_eq!(raised.failure().fields, ["role"]);
        let owners = operator.does("create_client", above).await["client"]["id"].clone();
        for (operation, request) in [
            ("update_client", json!({ "id": owners, "role": "member" })),
            ("delete_client", json!({ "id": owners })),
            ("rotate_client_secret", json!({ "id": owners })),
        ] {
            assert_eq!(narrow.run(operation, request).await.refusal(), "forbidden", "{operation}");
        }
    }

    async fn a_client_of_a_person_or_of_the_broker_takes_more(scene) {
        let ann = scene.person().await;
        let writer = scene.operator("admin:read admin:write").await;
        let minter = scene.operator("admin:read admin:write admin:tokens").await;
        let for_ann = request(&ann.id, None, &["lease:create", "service:*"]);
        assert_eq!(writer.run("create_client", for_ann.clone()).await.refusal(), "insufficient_scope");
        assert_eq!(minter.run("create_client", for_ann.clone()).await.failure().fields, ["reason"]);
        let mut reasoned = for_ann;
        reasoned["reason"] = json!("her laptop's worker");
        let made = minter.does("create_client", reasoned).await;
        ann.deposits("jira", "hers").await;
        assert_eq!(client(&scene, &made).enters().await.borrows(["jira"]).await.value("jira"), "hers");
        let id = made["client"]["id"].clone();
        assert_eq!(writer.run("rotate_client_secret", json!({ "id": id })).await.refusal(), "insufficient_scope");
        assert_eq!(minter.run("delete_client", json!({ "id": id })).await.failure().fields, ["reason"]);
        let own = ann.with_scopes("admin:read admin:write admin:tokens").await;
        assert_eq!(own.run("show_client", json!({ "id": id })).await.refusal(), "not_found");

        let beyond = request(&"system", None, &["admin:keys"]);
        assert_eq!(minter.run("create_client", beyond).await.failure().fields, ["scopes"]);
        let made = minter.does("create_client", request(&"system", None, &["admin:read"])).await;
        let automation = client(&scene, &made).enters().await;
        automation.does("list_clients", json!({})).await;
        assert_eq!(own.run("list_clients", json!({ "owner": "system" })).await.refusal(), "forbidden");
    }

    async fn clients_are_checked_field_by_field(scene) {
        let (team, admin) = team(&scene).await;
        for (request, fields) in [
            (json!({ "owner": team.id.to_string(), "name": " x", "scopes": ["lease:fly", "lease:create", "mcp:*"] }), vec!["name", "role", "scopes[0]", "scopes[2]"]),
            (request(&team.id, Some("member"), &[]), vec!["scopes"]),
            (json!({ "owner": team.id.to_string(), "name": "x", "role": "emperor", "scopes": ["lease:create"] }), vec!["role"]),
        ] {
            let failure = admin.run("create_client", request.clone()).await.failure();
            assert_eq!(failure.code, "invalid_request", "{request}");
            assert_eq!(failure.fields, fields, "{request}");
        }
        let (_, stranger) = self::team(&scene).await;
        let made = admin.does("create_client", request(&team.id, Some("member"), &["lease:create"])).await;
        let id = made["client"]["id"].clone();
        let member = scene.person().await;
        team.admits(&member, Member).await;
        let member = member.with_scopes(SCOPES).await;
        for (operation, request) in [
            ("create_client", request(&team.id, Some("member"), &["lease:create"])),
            ("list_clients", json!({ "owner": team.id.to_string() })),
            ("show_client", json!({ "id": id })),
            ("update_client", json!({ "id": id, "name": "x" })),
            ("rotate_client_secret", json!({ "id": id })),
            ("delete_client", json!({ "id": id })),
        ] {
            assert_eq!(stranger.run(operation, request.clone()).await.refusal(), "not_found", "{operation}");
            assert_eq!(member.run(operation, request).await.refusal(), "forbidden", "{operation}");
        }
    }

    async fn resource_servers_come_and_go(scene) {
        let operator = scene.operator("admin:read admin:write").await;
        let uri = format!("https://orders-{:?}.example/mcp?x=1", scene.via).to_lowercase();
        let program = scene.person().await.client().await;
        let ask = TokenAsk { resource: Some(uri.clone()), ..program.ask() };
        assert_eq!(scene.way_in().token(&ask).await.refusal(), "invalid_target");

        let made = operator.does("create_resource", json!({ "uri": uri })).await;
        assert_eq!(made["uri"], json!(uri));
        assert_eq!(operator.run("create_resource", json!({ "uri": uri })).await.refusal(), "conflict");
        assert!(scene.way_in().token(&ask).await.is_ok());
        let listed = operator.does("list_resources", json!({ "order_by": "uri desc" })).await;
        assert!(listed["resources"].as_array().unwrap().contains(&made));

        operator.does("delete_resource", json!({ "uri": uri })).await;
        assert_eq!(scene.way_in().token(&ask).await.refusal(), "invalid_target");
        for gone in [uri.as_str(), "not a uri"] {
            assert_eq!(operator.run("delete_resource", json!({ "uri": gone })).await.refusal(), "not_found");
        }
        for wrong in ["/relative", "https://a.example/#part", "https://u:p@a.example/", &scene.url.clone()] {
            assert_eq!(operator.run("create_resource", json!({ "uri": wrong })).await.failure().fields, ["uri"], "{wrong}");
        }
        let (_, admin) = team(&scene).await;
        assert_eq!(admin.run("list_resources", json!({})).await.refusal(), "forbidden");
    }
}
