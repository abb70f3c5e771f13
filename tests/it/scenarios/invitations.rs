//! Invitations: a link is good once, for a week, for whom it was made, and while whoever made it may offer the role.

use leasehold::{
    broker::{Code, Origin},
    model::organization::Role::{Admin, Member, Owner},
};
use serde_json::{Value, json};

use super::organizations::administrator;
use crate::harness::{Answer, Borrower, Person, Refused, Scene, Team, eventually, scenarios};

scenarios! {
    async fn an_invited_user_accepts_once(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, guest(&scene).await);
        let sent = ann.does("create_invitation", offer(&team, &bob.email.to_uppercase(), "member")).await;
        let (invitation, link) = (&sent["invitation"], sent["link"].as_str().expect("a link"));
        assert_eq!((&invitation["email"], &invitation["role"], &invitation["status"]), (&json!(bob.email), &json!("member"), &json!("open")));
        assert_eq!(invitation["invited_by"], json!(ann.id.to_string()));
        assert!(link.contains("/invitations#lhi_"), "the secret stands behind the #");
        let secret = link.rsplit('#').next().unwrap().to_owned();
        let listed = ann.does("list_invitations", json!({ "organization_id": team.id.to_string() })).await;
        assert_eq!(listed["invitations"], json!([invitation]));
        assert!(!listed.to_string().contains(&secret), "shown once");

        let (first, second) = tokio::join!(accept(&bob, link), accept(&bob, &secret));

        let done: Vec<_> = [first, second].into_iter().filter_map(Result::ok).collect();
        assert_eq!(done.len(), 1);
        assert_eq!((&done[0]["role"], &done[0]["user_id"]), (&json!("member"), &json!(bob.id.to_string())));
        assert_eq!(accept(&bob, link).await.refusal(), "not_found");
        let listed = ann.does("list_invitations", json!({ "organization_id": team.id.to_string() })).await;
        assert_eq!(listed["invitations"], json!([]));

        let id = invitation["id"].as_str().unwrap();
        let records = scene.records_of(id).await;
        let events: Vec<&str> = records.iter().map(|record| record.event.as_str()).collect();
        assert_eq!(events, ["organization_invitation_sent", "organization_invitation_accepted"]);
        assert_eq!(records[1].actor, bob.id.to_string());
        let everything = format!("{records:?}");
        assert!(!everything.contains(&secret));
    }

    async fn an_invitation_is_for_one_person(scene) {
        let ((ann, team), bob, eve) = (administrator(&scene, Admin).await, guest(&scene).await, guest(&scene).await);
        let link = invite(&ann, &team, &bob.email, "guest").await;
        assert_eq!(accept(&eve, &link).await.refusal(), "forbidden");
        assert_eq!(accept(&scene.operator("credential:write").await, &link).await.refusal(), "forbidden");
        let worker = bob.with_scopes("lease:create lease:read lease:renew lease:revoke service:*").await;
        assert_eq!(accept(&worker, &link).await.refusal(), "insufficient_scope", "an agent with a worker's token joins nothing");
        assert_eq!(accept(&scene.stranger(None), &link).await.refusal(), "unauthenticated");
        accept(&bob, &link).await.unwrap();
    }

    async fn an_invitation_runs_out_and_is_sent_again(scene; requests_per_second = 1000) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, guest(&scene).await);
        let sent = ann.does("create_invitation", offer(&team, &bob.email, "member")).await;
        let (old, id) = (sent["link"].as_str().unwrap().to_owned(), sent["invitation"]["id"].clone());
        scene.passes(7 * 86_400);
        let which = json!({ "organization_id": team.id.to_string(), "invitation_id": id });
        assert_eq!(ann.does("show_invitation", which.clone()).await["status"], "expired");
        assert_eq!(accept(&bob, &old).await.refusal(), "not_found");

        let mut stale = which.clone();
        stale["etag"] = json!("7");
        assert_eq!(ann.run("resend_invitation", stale).await.refusal(), "precondition_failed");
        let again = ann.does("resend_invitation", which).await;
        assert_eq!((&again["invitation"]["status"], &again["etag"]), (&json!("open"), &json!("2")));
        assert_eq!(accept(&bob, &old).await.refusal(), "not_found", "the old link is good for nothing");
        accept(&bob, again["link"].as_str().unwrap()).await.unwrap();
    }

    async fn what_ran_out_is_swept_after_a_week(scene) {
        let (ann, team) = administrator(&scene, Admin).await;
        let bob = guest(&scene).await;
        invite(&ann, &team, &bob.email, "member").await;
        scene.passes(14 * 86_400 + 1);
        eventually("the sweep removes it", async || {
            scene.broker().prune().await.expect("a sweep");
            let listed = ann.does("list_invitations", json!({ "organization_id": team.id.to_string() })).await;
            listed["invitations"] == json!([])
        })
        .await;
        invite(&ann, &team, &bob.email, "member").await;
    }

    async fn an_invitation_is_taken_back(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, guest(&scene).await);
        let sent = ann.does("create_invitation", offer(&team, &bob.email, "member")).await;
        let which = json!({ "organization_id": team.id.to_string(), "invitation_id": sent["invitation"]["id"] });
        assert_eq!(ann.does("revoke_invitation", which.clone()).await, json!({}));
        assert_eq!(ann.run("revoke_invitation", which).await.refusal(), "not_found");
        assert_eq!(accept(&bob, sent["link"].as_str().unwrap()).await.refusal(), "not_found");
    }

    async fn an_invitation_falls_with_whoever_made_it(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, guest(&scene).await);
        let sent = ann.does("create_invitation", offer(&team, &bob.email, "admin")).await;
        let operator = scene.operator("admin:read admin:write").await;
        team.admits(&ann, Member).await;

        assert_eq!(accept(&bob, sent["link"].as_str().unwrap()).await.refusal(), "not_found");
        let which = json!({ "organization_id": team.id.to_string(), "invitation_id": sent["invitation"]["id"] });
        assert_eq!(operator.does("show_invitation", which.clone()).await["status"], "unvouched");
        let again = operator.does("resend_invitation", which).await;
        assert_eq!(again["invitation"]["status"], "open");
        assert_eq!(accept(&bob, again["link"].as_str().unwrap()).await.unwrap()["role"], "admin");
    }

    async fn a_suspended_organization_admits_nobody(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, guest(&scene).await);
        let operator = scene.operator("admin:read admin:write").await;
        let sent = ann.does("create_invitation", offer(&team, &bob.email, "member")).await;
        let become_now = async |status: &str| {
            let change = json!({ "organization_id": team.id.to_string(), "status": status });
            operator.does("update_organization", change).await;
        };
        become_now("suspended").await;
        assert_eq!(accept(&bob, sent["link"].as_str().unwrap()).await.refusal(), "not_found");
        let which = json!({ "organization_id": team.id.to_string(), "invitation_id": sent["invitation"]["id"] });
        assert_eq!(operator.does("show_invitation", which).await["status"], "unvouched");
        become_now("active").await;
        assert_eq!(accept(&bob, sent["link"].as_str().unwrap()).await.unwrap()["role"], "member");
    }

    async fn nobody_offers_more_than_the_own_role(scene) {
        let (ann, team) = administrator(&scene, Admin).await;
        assert_eq!(ann.run("create_invitation", offer(&team, "x@example.org", "owner")).await.refusal(), "forbidden");
        let operator = scene.operator("admin:read admin:write").await;
        let sent = operator.does("create_invitation", offer(&team, "x@example.org", "owner")).await;
        let which = json!({ "organization_id": team.id.to_string(), "invitation_id": sent["invitation"]["id"] });
        for operation in ["resend_invitation", "revoke_invitation"] {
            assert_eq!(ann.run(operation, which.clone()).await.refusal(), "forbidden", "{operation}");
        }
        let mere = scene.person().await.with_scopes("admin:read admin:write").await;
        team.admits(&mere, Member).await;
        assert_eq!(mere.run("create_invitation", offer(&team, "y@example.org", "guest")).await.refusal(), "forbidden");
    }

    async fn an_address_is_invited_once_and_members_never(scene) {
        let ((ann, team), bob) = (administrator(&scene, Owner).await, guest(&scene).await);
        invite(&ann, &team, &bob.email, "member").await;
        for (email, role) in [(bob.email.as_str(), "guest"), (ann.email.as_str(), "guest"), ("nobody", "guest")] {
            let failure = ann.run("create_invitation", offer(&team, email, role)).await.failure();
            assert_eq!((failure.code.as_str(), failure.fields), ("invalid_request", vec!["email".to_owned()]), "{email}");
        }
        team.admits(&bob, Member).await;
        let failure = ann.run("create_invitation", offer(&team, &bob.email, "guest")).await.failure();
        assert_eq!(failure.fields, vec!["email".to_owned()]);
    }

    async fn membership_by_another_way_uses_the_invitation_up(scene) {
        let ((ann, team), bob) = (administrator(&scene, Admin).await, guest(&scene).await);
        let link = invite(&ann, &team, &bob.email, "member").await;
        ann.does("add_member", json!({ "organization_id": team.id.to_string(), "user_id": bob.id.to_string(), "role": "guest" })).await;
        assert_eq!(accept(&bob, &link).await.refusal(), "not_found");
    }

    async fn an_invitation_of_another_organization_is_not_there(scene) {
        let ((ann, team), other) = (administrator(&scene, Admin).await, scene.team().await);
        let operator = scene.operator("admin:read admin:write").await;
        let sent = operator.does("create_invitation", offer(&other, "x@example.org", "guest")).await;
        for organization in [&team, &other] {
            let which = json!({ "organization_id": organization.id.to_string(), "invitation_id": sent["invitation"]["id"] });
            for operation in ["show_invitation", "resend_invitation", "revoke_invitation"] {
                assert_eq!(ann.run(operation, which.clone()).await.refusal(), "not_found", "{operation}");
            }
        }
    }

    async fn somebody_unknown_becomes_a_user_where_an_operator_vouched(scene) {
        let team = scene.team().await;
        let operator = scene.operator("admin:read admin:write admin:tokens").await;
        let email = format!("New-{}-{:?}@example.org", team.id, scene.via);
        let mut new = offer(&team, &email, "member");
        new["registers_because"] = json!("hired today");
        let sent = operator.does("create_invitation", new).await;
        let (link, origin) = (sent["link"].as_str().unwrap(), origin());

        let (first, second) = tokio::join!(
            scene.broker().register_by_invitation(&origin, link, "New"),
            scene.broker().register_by_invitation(&origin, link, "Newer"),
        );

        let mut done: Vec<_> = [first, second].into_iter().filter_map(Result::ok).collect();
        assert_eq!(done.len(), 1);
        let made = done.pop().unwrap();
        assert_eq!(made.member.email, email.to_lowercase());
        let me = scene.bearer(made.text.expose()).me().await.unwrap();
        assert_eq!(me.organizations.iter().map(|own| own.id.clone()).collect::<Vec<_>>(), vec![team.id.to_string()]);
        assert_eq!(scene.broker().register_by_invitation(&origin, link, "X").await.unwrap_err().code, Code::NotFound);
        let mut events = Vec::new();
        for target in [made.member.user_id.to_string(), made.token.id.to_string(), sent["invitation"]["id"].as_str().unwrap().to_owned()] {
            events.extend(scene.records_of(&target).await.into_iter().map(|record| (record.event, record.actor)));
        }
        for event in ["user_created", "member_added_to_org", "token_created", "organization_invitation_accepted"] {
            assert!(events.contains(&(event.to_owned(), "anonymous".to_owned())), "{event}: {events:?}");
        }
    }

    async fn nobody_but_a_minting_operator_lets_an_invitation_make_its_user(scene) {
        let ((ann, team), bob) = (administrator(&scene, Owner).await, guest(&scene).await);
        let mut new = offer(&team, "new@example.org", "guest");
        new["registers_because"] = json!("because");
        assert_eq!(ann.run("create_invitation", new.clone()).await.refusal(), "forbidden");
        let writer = scene.operator("admin:read admin:write").await;
        assert_eq!(writer.run("create_invitation", new.clone()).await.refusal(), "insufficient_scope");
        let minter = scene.operator("admin:read admin:write admin:tokens").await;
        let mut empty = new.clone();
        empty["registers_because"] = json!("");
        assert_eq!(minter.run("create_invitation", empty).await.failure().fields, vec!["registers_because".to_owned()]);

        // Sent again by somebody who may not mint tokens, it makes nobody any more.
        let sent = minter.does("create_invitation", new).await;
        let which = json!({ "organization_id": team.id.to_string(), "invitation_id": sent["invitation"]["id"] });
        let again = ann.does("resend_invitation", which).await;
        assert_eq!(again["invitation"].get("registers_because"), None);
        let refused = scene.broker().register_by_invitation(&origin(), again["link"].as_str().unwrap(), "New").await;
        assert_eq!(refused.unwrap_err().code, Code::Unauthenticated);

        // Whoever is a user already shows a token.
        let mut known = offer(&team, &bob.email, "guest");
        known["registers_because"] = json!("because");
        let link = minter.does("create_invitation", known).await["link"].as_str().unwrap().to_owned();
        let refused = scene.broker().register_by_invitation(&origin(), &link, "Bob").await;
        assert_eq!(refused.unwrap_err().code, Code::Conflict);
        accept(&bob, &link).await.unwrap();
    }
}

/// Somebody who can accept.
async fn guest(scene: &Scene) -> Person {
    scene.person().await.with_scopes("lease:create lease:read credential:write service:*").await
}

fn offer(team: &Team, email: &str, role: &str) -> Value {
    json!({ "organization_id": team.id.to_string(), "email": email, "role": role })
}

async fn invite(administrator: &Borrower, team: &Team, email: &str, role: &str) -> String {
    let sent = administrator.does("create_invitation", offer(team, email, role)).await;
    sent["link"].as_str().expect("a link").to_owned()
}

async fn accept(person: &Borrower, link: &str) -> Answer<Value> {
    person.run("accept_invitation", json!({ "link": link })).await
}

fn origin() -> Origin {
    Origin { address: Some("192.0.2.7".to_owned()), request_id: "register".to_owned() }
}
