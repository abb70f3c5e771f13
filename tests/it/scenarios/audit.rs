//! Every operation is recorded: what happened, to what, by whom, from where; chained so that changes show.

use data_encoding::HEXLOWER;
use futures::TryStreamExt as _;
use leasehold::{
    broker::audit::ExportedRecord,
    model::{
        audit::{EventName, OutcomeFilter},
        credential::CredentialStatus,
        organization::{
            Role::{Admin, Member},
            SharingEntry::AllMembers,
        },
        owner::Owner,
        page::PageSize,
    },
    store::{
        admin::Change,
        audit::{AuditFilter, AuditOrder, AuditQuery},
        chain::next_hash,
    },
};
use serde_json::json;

use crate::harness::api::part;
use crate::harness::{Ask, ask, eventually, on_each_database, scenarios};

scenarios! {
    async fn the_life_of_a_lease_is_recorded(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.renew(&lease).await.unwrap();
        ann.read(&lease).await.unwrap();
        ann.revoke_because(&lease, "done").await.unwrap();
        ann.revoke_because(&lease, "again").await.unwrap();

        let records = scene.records_of(&lease).await;

        let events: Vec<_> = records.iter().map(|record| record.event.as_str()).collect();
        assert_eq!(events, ["lease_created", "lease_renewed", "credential_read", "lease_revoked"]);
        for record in &records {
            assert_eq!(record.actor, ann.id.to_string());
            assert_eq!(record.token, Some(ann.token_id.to_string()));
            assert_eq!(record.owner, Some(ann.id.to_string()));
            assert_eq!(record.address.as_deref(), Some("127.0.0.1"));
            assert!(record.request_id.as_ref().is_some_and(|id| !id.is_empty()));
            assert_eq!(record.refusal, None);
        }
        let created = json!({
            "services": ["jira"], "credentials": [own.to_string()], "server_id": "worker-1", "ttl": 3_600
        });
        assert_eq!(json!(records[0].details), created);
        assert_eq!(records[1].details["renewal_count"], 1);
        assert_eq!(records[3].details["reason"], "done");
    }

    async fn a_client_is_named_with_its_token(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let client = ann.client().await;
        let token = client.token(None).await.unwrap().access_token;
        let lease = scene.bearer(&token).borrows(["jira"]).await.lease_id;

        let record = scene.records_of(&lease).await.remove(0);

        let jti = part(&token, 1)["jti"].as_str().map(str::to_owned);
        assert_eq!((record.actor, &record.token), (client.id.to_string(), &jti));
        assert_eq!(record.owner, Some(ann.id.to_string()));
    }

    async fn refusals_are_recorded_with_their_reason(scene; max_leases_per_principal = 1) {
        let (ann, eve) = (scene.person().await, scene.person().await);
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.create(&ask(["jira", "sentry"])).await.unwrap_err();
        ann.create(&ask(["jira"])).await.unwrap_err();
        eve.renew(&lease).await.unwrap_err();
        ann.revoke(&lease).await.unwrap();
        ann.renew(&lease).await.unwrap_err();
        ann.read(&lease).await.unwrap_err();

        let refusals = |records: Vec<crate::harness::Record>| -> Vec<(String, String, Option<String>)> {
            let refused = records.into_iter().filter_map(|r| Some((r.event, r.refusal?, r.target)));
            refused.collect()
        };
        let of = |event: &str, code: &str, target: Option<&String>| (event.to_owned(), code.to_owned(), target.cloned());
        let by_ann = scene.records_by(&ann.id.to_string()).await;
        let denied = by_ann.iter().find(|record| record.event == "lease_denied").expect("a record");
        assert_eq!(denied.details["missing"], json!(["sentry"]));
        assert_eq!(refusals(by_ann), [
            of("lease_denied", "missing_credentials", None),
            of("lease_denied", "quota_exceeded", None),
            of("lease_renew_denied", "lease_revoked", Some(&lease)),
            of("credential_read_denied", "lease_revoked", Some(&lease)),
        ]);
        let by_eve = refusals(scene.records_by(&eve.id.to_string()).await);
        assert_eq!(by_eve, [of("lease_renew_denied", "not_found", Some(&lease))]);
    }

    async fn a_lease_that_ran_out_is_marked_and_recorded_by_the_sweep(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let lease = ann.create(&Ask { ttl: Some(60), ..ask(["jira"]) }).await.unwrap().lease_id;
        scene.passes(60);

        eventually("the sweep marks the lease", async || {
            scene.broker().expire_leases().await.expect("a sweep");
            scene.recorded_state(&lease).await == "expired"
        })
        .await;

        let records = scene.records_of(&lease).await;
        let expired: Vec<_> = records.iter().filter(|record| record.event == "lease_expired").collect();
        assert_eq!(expired.len(), 1);
        assert_eq!((expired[0].actor.as_str(), &expired[0].owner), ("system", &Some(ann.id.to_string())));
    }

    async fn uses_of_a_token_are_counted(scene) {
        let ann = scene.person().await;
        for _ in 0..3 {
            ann.me().await.unwrap();
        }

        eventually("three uses are recorded", async || {
            scene.broker().flush_usage(false).await.expect("a flush");
            let records = scene.records_of(&ann.token_id.to_string()).await;
            let successes = records.iter().filter(|record| record.event == "mcp_auth_success");
            successes.filter_map(|record| record.details["count"].as_i64()).sum::<i64>() == 3
        })
        .await;
    }

    async fn failures_to_show_a_token_are_recorded(scene) {
        let at = scene.now().plus_seconds(60);
        let ann = scene.person().await.with_token("service:*".parse().unwrap(), Some(at), None).await;
        scene.passes(60);
        scene.stranger(None).me().await.unwrap_err();
        scene.stranger(Some("Token abc")).me().await.unwrap_err();
        scene.bearer("mcp_of-my-own-invention").me().await.unwrap_err();
        ann.me().await.unwrap_err();

        eventually("four reasons are recorded", async || {
            scene.broker().flush_usage(true).await.expect("a flush");
            let records = scene.records_by("anonymous").await;
            let failed = records.iter().filter(|record| record.event == "mcp_auth_failed");
            let reasons: Vec<_> = failed.filter_map(|record| record.refusal.as_deref()).collect();
            ["missing_token", "malformed_header", "invalid_token", "token_expired"]
                .iter()
                .all(|reason| reasons.contains(reason))
        })
        .await;
        let records = scene.records_by("anonymous").await;
        assert!(records.iter().all(|record| record.address.as_deref() == Some("127.0.0.1")));
    }

    async fn tokens_are_recorded(scene) {
        let client = scene.person().await.client().await;
        let token = client.token(Some("lease:read")).await.unwrap().access_token;
        client.token(Some("admin:read")).await.unwrap_err();
        client.withdraw(&token).await;

        let jti = part(&token, 1)["jti"].as_str().map(str::to_owned).expect("an id");
        let records = scene.records_of(&jti).await;
        let events: Vec<_> = records.iter().map(|record| record.event.as_str()).collect();
        assert_eq!(events, ["token_created", "token_revoked"]);
        assert!(records.iter().all(|record| record.actor == client.id.to_string()));
        assert_eq!(records[0].details["scope"], "lease:read");
        let of_client = scene.records_of(&client.id.to_string()).await;
        let refusals: Vec<_> = of_client.iter().map(|r| (r.event.as_str(), r.refusal.as_deref())).collect();
        assert_eq!(refusals, [("client_created", None), ("token_denied", Some("invalid_scope"))]);
    }

    async fn administration_is_recorded(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Member).await;
        let jira = team.shares("jira", "old", &[AllMembers]).await;
        scene.rotates(jira, "new").await;
        let off = Change::SetCredentialStatus(jira, CredentialStatus::Inactive);
        scene.change(EventName::CredentialUpdated, jira, off).await;
        scene.change(EventName::CredentialDeleted, jira, Change::DeleteCredential(jira)).await;
        team.admits(&ann, Admin).await;
        team.expels(&ann).await;
        team.admits(&ann, Member).await;

        for (target, expected) in [
            (jira.to_string(), &["credential_created", "credential_rotated", "credential_updated", "credential_deleted"][..]),
            (ann.id.to_string(), &[
                "user_created", "member_added_to_org", "member_role_updated", "member_removed_from_org", "member_added_to_org",
            ]),
            (team.id.to_string(), &["organization_created"]),
            (ann.token_id.to_string(), &["token_created"]),
        ] {
            let records = scene.records_of(&target).await;
            let events: Vec<_> = records.iter().map(|record| record.event.as_str()).collect();
            assert_eq!(events, expected);
            assert!(records.iter().all(|record| record.actor == "stage"));
        }
        let of_ann = scene.records_of(&ann.id.to_string()).await;
        let changed = of_ann.iter().find(|record| record.event == "member_role_updated").expect("a record");
        assert_eq!((&changed.details["previous_role"], &changed.details["role"]), (&json!("member"), &json!("admin")));
        assert_eq!(changed.owner, Some(team.id.to_string()));
    }

    async fn refusals_that_touch_nothing_are_counted(scene) {
        let ann = scene.person().await.with_token("lease:renew service:*".parse().unwrap(), None, None).await;
        let lease = "lse_06gvo2isalsspfga4hms4qhf3k";
        for _ in 0..3 {
            ann.show(lease).await.unwrap_err();
        }
        ann.create(&ask(["jira"])).await.unwrap_err();
        ann.revoke("mcp_a-secret-in-the-wrong-place").await.unwrap_err();
        ann.renew("nonsense").await.unwrap_err();

        eventually("each refusal is recorded", async || {
            scene.broker().flush_usage(true).await.expect("a flush");
            let records = scene.records_by(&ann.id.to_string()).await;
            let count = |operation: &str, code: &str, target: Option<&str>| -> i64 {
                let of = records.iter().filter(|record| {
                    record.event == "operation_refused"
                        && record.details["operation"] == operation
                        && record.refusal.as_deref() == Some(code)
                        && record.target.as_deref() == target
                });
                of.filter_map(|record| record.details["count"].as_i64()).sum()
            };
            count("lease.get", "insufficient_scope", Some(lease)) == 3
                && count("lease.create", "insufficient_scope", None) == 1
                && count("lease.revoke", "insufficient_scope", None) == 1
                && count("lease.renew", "not_found", None) == 1
        })
        .await;
        let records = scene.records_by(&ann.id.to_string()).await;
        let refused = records.iter().find(|record| record.event == "operation_refused").expect("a record");
        assert_eq!((refused.owner.as_deref(), refused.address.as_deref()), (Some(&*ann.id.to_string()), Some("127.0.0.1")));
        assert!(refused.request_id.is_some() && refused.token.is_some());
    }

    async fn reads_and_introspections_are_counted(scene) {
        let ann = scene.person().await;
        let client = ann.client().await;
        let token = client.token(None).await.unwrap().access_token;
        client.introspect(&token).await;
        ann.me().await.unwrap();
        ann.me().await.unwrap();

        eventually("each read is recorded", async || {
            scene.broker().flush_usage(true).await.expect("a flush");
            let count = async |actor: String, operation: &str| -> i64 {
                let records = scene.records_by(&actor).await;
                let of = records.iter().filter(|record| {
                    record.event == "operation_counted" && record.details["operation"] == operation
                });
                of.filter_map(|record| record.details["count"].as_i64()).sum()
            };
            count(ann.id.to_string(), "identity.whoami").await == 2
                && count(client.id.to_string(), "token.introspect").await == 1
        })
        .await;
    }

    async fn records_are_found_by_what_they_are_about(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "hers").await;
        let lease = ann.borrows(["jira"]).await.lease_id;
        ann.renew(&lease).await.unwrap();
        ann.create(&ask(["sentry"])).await.unwrap_err();

        let find = async |filter: AuditFilter| {
            let (order, size) = (AuditOrder::OldestFirst, PageSize::default());
            let query = AuditQuery { filter, order, after: None, size };
            scene.broker().query_audit(query).await.expect("a page").records
        };
        let of_lease = find(AuditFilter { target: Some(lease.clone()), ..AuditFilter::default() }).await;
        let told: Vec<_> = of_lease.iter().map(|entry| (entry.event.as_str(), entry.outcome)).collect();
        assert_eq!(told, [("lease_created", "success"), ("lease_renewed", "success")]);
        let request = of_lease[1].request_id.clone();
        let by_request = AuditFilter { request_id: request, actor: Some(ann.id.to_string()), ..AuditFilter::default() };
        let found = find(by_request).await;
        assert!(found.contains(&of_lease[1]) && found.iter().all(|entry| entry.request_id == of_lease[1].request_id));
        let refused = AuditFilter {
            owner: Some(Owner::User(ann.id)),
            outcome: Some(OutcomeFilter::Refused),
            event: Some(EventName::LeaseDenied),
            ..AuditFilter::default()
        };
        let refused = find(refused).await;
        assert_eq!((refused.len(), refused[0].refusal.as_deref()), (1, Some("missing_credentials")));

        let filter = AuditFilter { target: Some(lease.clone()), ..AuditFilter::default() };
        let lines = scene.broker().export_audit(filter, AuditOrder::OldestFirst);
        let lines: Vec<ExportedRecord> = lines.try_collect().await.expect("records");
        assert_eq!(lines.len(), 2);
        for line in lines {
            let before = HEXLOWER.decode(line.previous.expect("a hash").as_bytes()).expect("hex");
            let hash = next_hash(&before.try_into().expect("32 bytes"), &line.body);
            assert_eq!(HEXLOWER.encode(&hash), line.hash);
        }
    }

    async fn no_secret_is_recorded(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "canary-5e1f").await;
        let client = ann.client().await;
        let token = client.token(None).await.unwrap().access_token;
        let lease = ann.borrows(["jira"]).await.lease_id;
        scene.rotates(own, "canary-5e1f-2").await;
        ann.renew(&lease).await.unwrap();
        ann.read(&lease).await.unwrap();
        ann.create(&ask(["sentry"])).await.unwrap_err();

        let header = ann.authorization.clone().expect("a token");
        let shown = header.trim_start_matches("Bearer ");
        for secret in ["canary-5e1f", shown, &token, &client.secret] {
            let found = scene.with_database(async |database| database.number(MENTIONS, secret).await).await;
            assert_eq!(found, 0);
        }
    }
}

on_each_database! {
    async fn every_start_begins_a_chain_that_names_the_ones_before(installation) {
        let world = installation.opens().await;
        let first = world.closes().await.opens().await;
        let chains = first.with_database(async |database| database.texts(STARTS, "chain_started").await).await;

        assert_eq!(chains.len(), 2);
        let of = |body: &String| serde_json::from_str::<serde_json::Value>(body).expect("JSON");
        let (earlier, later): (Vec<_>, Vec<_>) =
            chains.iter().map(of).partition(|body| body["details"]["seen"] == json!([]));
        let seen = later[0]["details"]["seen"][0].as_str().expect("a chain");
        assert!(seen.starts_with(earlier[0]["chain"].as_str().expect("an id")), "{seen}");
        assert_eq!(first.broker().verify_audit().await.unwrap().faults, Vec::<String>::new());
        first.end().await;
    }
}

const MENTIONS: &str = "SELECT count(*) FROM audit_records WHERE body LIKE '%' || $1 || '%'";
const STARTS: &str = "SELECT body FROM audit_records WHERE event = $1";
