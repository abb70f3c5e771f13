//! Refreshing: one at a time, early enough, and never the end of a grant unless the service says so.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use leasehold_backends::{Action, EchoFault, Ended, Fault, Rotation, StatusFault, oauth, tray::StoreStatus};

use leasehold::model::id::CredentialId;
use serde_json::{Value, json};

use super::upstreams::{Upstreams, scene};
use crate::harness::{Person, Refused as _, Scene, Transport, ask, on_each_database};

on_each_database! {
    async fn a_token_is_made_and_nothing_else_is_lent(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        let credential = upstreams.connects(&ann).await;

        let lease = ann.borrows(["acme"]).await;

        let mut lent: Vec<_> = lease.credentials["acme"].keys().map(String::as_str).collect();
        lent.sort_unstable();
        assert_eq!(lent, ["access_token", "token_expires_at", "token_type"]);
        let expires_at = lease.credential_expires_at["acme"];
        assert_eq!(expires_at, ann.scene.now().plus_seconds(3_600));
        assert!(lease.renew_after < expires_at);
        assert_eq!(upstreams.oauth.counts().refreshes, 1);
        assert_eq!(ann.borrows(["acme"]).await.credentials, lease.credentials, "it is shared");
        let events: Vec<_> = ann.scene.records_of(&credential.to_string()).await;
        let events: Vec<_> = events.iter().map(|record| record.event.as_str()).collect();
        assert_eq!(events, ["credential_created", "upstream_token_refreshed"]);
        world.end().await;
    }

    async fn a_client_shares_one_token_among_its_leases(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.gives_client(&ann).await;

        let asked = ask(["todo"]);
        let leases = join_all((0..20).map(|_| ann.create(&asked))).await;
        let tokens: Vec<_> =
            leases.iter().map(|lease| lease.as_ref().expect("a lease").credentials["todo"]["access_token"].clone()).collect();

        assert!(tokens.iter().all(|token| *token == tokens[0]));
        assert_eq!(upstreams.todo.counts().tokens_issued, 1);
        let lent = &leases[0].as_ref().expect("a lease").credentials["todo"];
        for kept in ["client_id", "client_secret", "token_path"] {
            assert!(!lent.contains_key(kept), "{kept}");
        }
        world.end().await;
    }

    async fn what_is_lent_has_a_fifth_of_its_life_left(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.connects(&ann).await;
        let first = ann.borrows(["acme"]).await;

        upstreams.passes(&ann.scene, 3_600 * 4 / 5 - 10);
        assert_eq!(ann.borrows(["acme"]).await.credentials, first.credentials);
        upstreams.passes(&ann.scene, 20);
        let later = ann.borrows(["acme"]).await;
        assert_ne!(later.credentials, first.credentials);

        let read = ann.read(&first.lease_id).await.unwrap();
        assert_eq!(read.credentials, later.credentials, "the first lease has the new token too");
        let renewed = ann.renew(&first.lease_id).await.unwrap();
        assert_eq!(renewed.renewal_count, 1, "reading costs no renewal");
        assert_eq!(upstreams.oauth.counts().refreshes, 2);
        world.end().await;
    }

    async fn a_renewal_brings_a_token_that_outlives_it(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.connects(&ann).await;
        let lease = ann.borrows(["acme"]).await;

        upstreams.passes(&ann.scene, 3_300);

        let renewed = ann.renew(&lease.lease_id).await.unwrap();
        let credentials = renewed.credentials.expect("the new token");
        assert_ne!(credentials, lease.credentials);
        assert!(renewed.renew_after > ann.scene.now());
        world.end().await;
    }

    async fn many_readers_at_the_end_share_one_refresh(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.connects(&ann).await;
        let lease = ann.borrows(["acme"]).await;
        ann.renew(&lease.lease_id).await.unwrap();
        upstreams.passes(&ann.scene, 3_599);

        let reads = join_all((0..100).map(|_| ann.read(&lease.lease_id))).await;

        let tokens: Vec<_> = reads.into_iter().map(|read| read.expect("values").credentials).collect();
        assert!(tokens.iter().all(|read| *read == tokens[0] && *read != lease.credentials));
        let counts = upstreams.oauth.counts();
        assert_eq!((counts.refreshes, counts.refresh_reuses), (2, 0));
        world.end().await;
    }

    async fn while_a_service_is_away_the_present_token_serves(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        let credential = upstreams.connects(&ann).await;
        let first = ann.borrows(["acme"]).await;
        ann.renew(&first.lease_id).await.unwrap();
        upstreams.oauth.faults().add(Fault { times: None, ..Fault::status(503).on("POST", "/token") });

        upstreams.passes(&ann.scene, 3_500);
        assert_eq!(ann.borrows(["acme"]).await.credentials, first.credentials);
        upstreams.passes(&ann.scene, 99);
        assert_eq!(ann.read(&first.lease_id).await.unwrap().credentials, first.credentials);
        upstreams.passes(&ann.scene, 2);
        assert_eq!(ann.create(&ask(["acme"])).await.refusal(), "upstream_unavailable");
        let asked = upstreams.oauth.counts().refresh_calls;
        assert_eq!(ann.create(&ask(["acme"])).await.refusal(), "upstream_unavailable");
        assert_eq!(upstreams.oauth.counts().refresh_calls, asked, "it is left alone for a while");

        upstreams.oauth.faults().clear();
        upstreams.passes(&ann.scene, 3_600);
        assert_ne!(ann.borrows(["acme"]).await.credentials, first.credentials);
        let events = ann.scene.records_of(&credential.to_string()).await;
        assert_eq!(events.iter().filter(|record| record.event == "upstream_refresh_failed").count(), 1);
        world.end().await;
    }

    async fn a_lost_answer_is_asked_for_once_more(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        for (rotation, refused) in [(Rotation::Strict, true), (Rotation::Grace(60), false), (Rotation::None, false)] {
            upstreams.oauth.switches().change(|switches| switches.rotation = rotation);
            let ann = scene(&world).person().await;
            let credential = upstreams.connects(&ann).await;
            let before = upstreams.oauth.counts().refresh_calls;
            upstreams.oauth.faults().add(Fault::new(Action::CloseAfterCommit).on("POST", "/token"));

            let taken = ann.create(&ask(["acme"])).await;

            assert_eq!(upstreams.oauth.counts().refresh_calls - before, 2, "{rotation:?}");
            if refused {
                assert_eq!(taken.refusal(), "missing_credentials");
                let shown = shown(&ann, credential).await;
                assert_eq!(shown["status"], "needs_reauth");
                assert!(shown["status_reason"].as_str().expect("a reason").contains("refresh outcome lost"), "{shown}");
                upstreams.passes(&ann.scene, 86_400);
                ann.scene.broker().refresh_due_tokens().await.unwrap();
                assert_eq!(ann.create(&ask(["acme"])).await.refusal(), "missing_credentials");
                assert_eq!(upstreams.oauth.counts().refresh_calls - before, 2, "it never loops");
            } else {
                taken.expect("a lease");
            }
        }
        world.end().await;
    }

    async fn only_a_refused_grant_is_the_end(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        let credential = upstreams.connects(&ann).await;
        let lease = ann.borrows(["acme"]).await;
        for (status, body) in [
            (401, json!({ "error": "invalid_client" })),
            (400, json!({ "error": "invalid_request" })),
            (429, json!({})),
            (500, json!({ "error": "invalid_grant" })),
            (200, json!({ "error": "server_error" })),
        ] {
            upstreams.passes(&ann.scene, 3_500);
            let fault = Action::Status(StatusFault { code: status, body, headers: BTreeMap::new() });
            upstreams.oauth.faults().add(Fault::new(fault).on("POST", "/token"));
            let _ = ann.create(&ask(["acme"])).await;
            upstreams.passes(&ann.scene, 3_600);
            ann.borrows(["acme"]).await;
        }

        upstreams.oauth.withdraw("alice");
        upstreams.passes(&ann.scene, 3_500);
        assert_eq!(ann.create(&ask(["acme"])).await.refusal(), "missing_credentials");
        assert_eq!(ann.renew(&lease.lease_id).await.refusal(), "lease_expired");
        let events = ann.scene.records_of(&credential.to_string()).await;
        assert_eq!(events.last().expect("a record").event, "credential_needs_reauth");
        world.end().await;
    }

    async fn a_reported_token_is_replaced_once_for_all(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let bob = scene(&world).person().await;
        bob.deposits("jira", "stored").await;
        let stored = bob.borrows(["jira"]).await;
        let told = bob.report(&stored.lease_id, "jira", 1).await.unwrap();
        assert!(!told.changed, "a stored value has no successor");
        for via in Transport::ALL {
            let ann = Scene::new(Arc::clone(&world), via).person().await;
            upstreams.gives_client(&ann).await;
            let (first, second) = (ann.borrows(["todo"]).await, ann.borrows(["todo"]).await);
            let version = first.credential_sources["todo"].credential_version;
            let issued = upstreams.todo.counts().tokens_issued;
            upstreams.todo.end(Ended::Access);

            let ids = [&first.lease_id, &second.lease_id];
            let reports = join_all((0..50).map(|at| ann.report(ids[at % 2], "todo", version))).await;

            let reports: Vec<_> = reports.into_iter().map(|report| report.expect("an answer")).collect();
            assert!(reports.iter().all(|report| report.changed && report.credentials == reports[0].credentials));
            assert_eq!(upstreams.todo.counts().tokens_issued, issued + 1, "{via:?}");
            let newer = reports[0].credential_versions["todo"];
            let soon = ann.report(&first.lease_id, "todo", newer).await.unwrap();
            assert!(!soon.changed, "it was made a moment ago");
            upstreams.passes(&ann.scene, 31);
            assert!(ann.report(&first.lease_id, "todo", newer).await.unwrap().changed);
            assert_eq!(ann.report(&first.lease_id, "todo", 99).await.refusal(), "invalid_request");
            assert_eq!(ann.report(&first.lease_id, "jira", 1).await.refusal(), "invalid_request");
            assert_eq!(bob.report(&first.lease_id, "todo", newer).await.refusal(), "not_found");
        }
        world.end().await;
    }

    async fn a_report_of_a_dead_connection_ends_the_entitlement(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.connects(&ann).await;
        let lease = ann.borrows(["acme"]).await;
        let version = lease.credential_sources["acme"].credential_version;
        upstreams.oauth.withdraw("alice");

        assert_eq!(ann.report(&lease.lease_id, "acme", version).await.refusal(), "entitlement_lost");
        assert_eq!(ann.create(&ask(["acme"])).await.refusal(), "missing_credentials");
        world.end().await;
    }

    async fn no_secret_of_a_service_is_repeated(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        let credential = upstreams.connects(&ann).await;
        upstreams.oauth.switches().change(|switches| switches.awkward_tokens = true);
        ann.borrows(["acme"]).await;
        for (path, code) in [("/token", 400), ("/token", 500), ("/token", 200), ("/token", 401)] {
            let echo = Action::EchoSecrets(EchoFault { code });
            upstreams.oauth.faults().add(Fault::new(echo).on("POST", path));
            upstreams.passes(&ann.scene, 3_601);
            let told = ann.create(&ask(["acme"])).await;
            let shown = format!("{told:?} {:?}", shown(&ann, credential).await);
            let records = format!("{:?}", ann.scene.records_of(&credential.to_string()).await);
            let secrets = [oauth::CLIENT_SECRET, "stand-in+oauth%2Fclient%2Bsecret%3D1", "stand-in%20oauth%2Fclient"];
            for secret in secrets {
                assert!(!shown.contains(secret) && !records.contains(secret), "{code}: {shown} {records}");
            }
            assert!(!shown.contains("Refused:"), "{shown}");
            upstreams.passes(&ann.scene, 3_600);
        }
        world.end().await;
    }

    async fn a_store_that_is_switched_off_is_asked_no_more(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        for (status, words) in [
            (StoreStatus::Blocked, "blocked"),
            (StoreStatus::Inactive, "inactive"),
            (StoreStatus::Cancelled, "cancelled"),
        ] {
            upstreams.tray.set_status("391250", StoreStatus::Active);
            let ann = scene(&world).person().await;
            let credential = upstreams.gives_store(&ann, "391250").await;
            let lease = ann.borrows(["tray"]).await;
            upstreams.tray.set_status("391250", status);
            upstreams.passes(&ann.scene, 3_500);
            ann.scene.broker().refresh_due_tokens().await.unwrap();

            upstreams.passes(&ann.scene, 3 * 3_600);
            assert_eq!(ann.create(&ask(["tray"])).await.refusal(), "missing_credentials");
            let shown = shown(&ann, credential).await;
            assert_eq!(shown["status"], "upstream_disabled");
            assert!(shown["status_reason"].as_str().expect("a reason").contains(words), "{shown}");
            let asked = upstreams.tray.counts().refresh_calls;
            upstreams.passes(&ann.scene, 86_400);
            ann.scene.broker().refresh_due_tokens().await.unwrap();
            assert_eq!(upstreams.tray.counts().refresh_calls, asked);
            assert_ne!(lease.lease_id, "");
        }
        world.end().await;
    }

    async fn a_month_old_connection_is_kept_alive_by_the_chore(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let ann = scene(&world).person().await;
        upstreams.gives_store(&ann, "391250").await;
        ann.borrows(["tray"]).await;
        let asked = upstreams.tray.counts().refresh_calls;

        for _ in 0..90 {
            upstreams.passes(&ann.scene, 86_400);
            ann.scene.broker().refresh_due_tokens().await.unwrap();
        }

        let refreshes = upstreams.tray.counts().refresh_calls - asked;
        assert!((4..=6).contains(&refreshes), "{refreshes} in ninety days");
        ann.borrows(["tray"]).await;
        assert_eq!(upstreams.tray.counts().refresh_reuses, 0);
        world.end().await;
    }
}

/// A credential as its owner sees it.
async fn shown(person: &Person, credential: CredentialId) -> Value {
    let owner = person.with_scopes("credential:write").await;
    let shown = owner.does("show_own_credential", json!({ "id": credential.to_string() })).await;
    shown["credential"].clone()
}
