//! Which credential is lent: personal before organization, by the rules of sharing, and never past a token's scopes.

use std::collections::BTreeSet;

use leasehold::{
    model::{
        audit::EventName,
        credential::CredentialStatus,
        organization::{
            OrganizationStatus::{Active, Suspended},
            Role::{Admin, Guest, Member, Owner},
            SharingEntry::{AdminsOnly, AllMembers, User},
        },
    },
    store::admin::Change,
};

use crate::harness::{Ask, Refused as _, ask, scenarios};

scenarios! {
    async fn personal_beats_organization(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Member).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        let own = ann.deposits("jira", "her own").await;

        let lease = ann.borrows(["jira"]).await;

        assert_eq!(lease.value("jira"), "her own");
        assert_eq!(lease.credential_scope, "personal");
        assert_eq!(lease.included_org_credentials, []);
        let source = &lease.credential_sources["jira"];
        assert_eq!((source.scope.as_str(), &source.organization_id), ("personal", &None));
        assert_eq!((source.credential_id.as_str(), source.credential_version), (&*own.to_string(), 1));
    }

    async fn all_members_share_what_is_for_all_and_guests_do_not(scene) {
        let team = scene.team().await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        for (role, admitted) in [(Guest, false), (Member, true), (Admin, true), (Owner, true)] {
            let ann = scene.person().await;
            team.admits(&ann, role).await;
            let lease = ann.create(&ask(["jira"])).await;
            match lease {
                Ok(lease) => assert!(admitted && lease.value("jira") == "the team's", "{role}"),
                Err(refused) => assert!(!admitted && refused.code == "missing_credentials", "{role}"),
            }
        }
    }

    async fn strangers_share_in_nothing(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.shares("jira", "the team's", &[AllMembers, AdminsOnly]).await;

        let refused = ann.create(&Ask { organization_id: Some(team.id.to_string()), ..ask(["jira"]) }).await;

        assert_eq!(refused.refusal(), "missing_credentials");
        assert_eq!(ann.me().await.unwrap().available_services, Vec::<String>::new());
    }

    async fn admins_only_is_for_owners_and_admins(scene) {
        let team = scene.team().await;
        team.shares("sentry", "for few", &[AdminsOnly]).await;
        for (role, admitted) in [(Guest, false), (Member, false), (Admin, true), (Owner, true)] {
            let ann = scene.person().await;
            team.admits(&ann, role).await;
            assert_eq!(ann.create(&ask(["sentry"])).await.is_ok(), admitted, "{role}");
        }
    }

    async fn a_named_person_shares_whatever_the_role(scene) {
        let (ann, bob, team) = (scene.person().await, scene.person().await, scene.team().await);
        team.admits(&ann, Guest).await;
        team.admits(&bob, Owner).await;
        team.shares("tray", "for Ann", &[User(ann.id)]).await;

        assert_eq!(ann.borrows(["tray"]).await.value("tray"), "for Ann");
        assert_eq!(bob.create(&ask(["tray"])).await.refusal(), "missing_credentials");
    }

    async fn a_named_person_who_is_no_member_gets_nothing(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.shares("tray", "for Ann", &[User(ann.id)]).await;

        assert_eq!(ann.create(&ask(["tray"])).await.refusal(), "missing_credentials");
    }

    async fn the_entries_of_a_rule_are_alternatives(scene) {
        let team = scene.team().await;
        let (admin, named, neither) = (scene.person().await, scene.person().await, scene.person().await);
        team.admits(&admin, Admin).await;
        team.admits(&named, Member).await;
        team.admits(&neither, Member).await;
        team.shares("sentry", "for some", &[AdminsOnly, User(named.id)]).await;

        assert!(admin.create(&ask(["sentry"])).await.is_ok());
        assert!(named.create(&ask(["sentry"])).await.is_ok());
        assert_eq!(neither.create(&ask(["sentry"])).await.refusal(), "missing_credentials");
    }

    async fn an_empty_rule_admits_nobody(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Owner).await;
        team.shares("jira", "nobody's", &[]).await;

        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "missing_credentials");
    }

    async fn the_second_credential_is_tried_when_the_first_is_out_of_reach(scene) {
        let (ann, bob, team) = (scene.person().await, scene.person().await, scene.team().await);
        team.admits(&ann, Member).await;
        team.admits(&bob, Admin).await;
        team.shares("jira/first", "for admins", &[AdminsOnly]).await;
        team.shares("jira/second", "for all", &[AllMembers]).await;

        assert_eq!(ann.borrows(["jira"]).await.value("jira"), "for all");
        assert_eq!(bob.borrows(["jira"]).await.value("jira"), "for admins");
    }

    async fn the_oldest_membership_wins(scene) {
        let ann = scene.person().await;
        let (younger, older) = (scene.team().await, scene.team().await);
        younger.shares("jira", "the younger's", &[AllMembers]).await;
        older.shares("jira", "the older's", &[AllMembers]).await;
        older.admits(&ann, Member).await;
        scene.passes(1);
        younger.admits(&ann, Owner).await;

        assert_eq!(ann.borrows(["jira"]).await.value("jira"), "the older's");
        // A change of role makes no membership younger.
        scene.passes(1);
        older.admits(&ann, Admin).await;
        assert_eq!(ann.borrows(["jira"]).await.value("jira"), "the older's");
        let teams = ann.me().await.unwrap().organizations;
        assert_eq!(teams.iter().map(|team| &team.id).collect::<Vec<_>>(), [&older.id.to_string(), &younger.id.to_string()]);
    }

    async fn an_organization_in_the_request_narrows_the_choice(scene) {
        let ann = scene.person().await;
        let (first, second) = (scene.team().await, scene.team().await);
        for (team, value) in [(&first, "the first's"), (&second, "the second's")] {
            team.shares("jira", value, &[AllMembers]).await;
            scene.passes(1);
            team.admits(&ann, Member).await;
        }
        first.shares("notion", "only the first's", &[AllMembers]).await;
        ann.deposits("todoist", "her own").await;
        let narrowed = Some(second.id.to_string());

        let lease = ann.create(&Ask { organization_id: narrowed.clone(), ..ask(["jira", "todoist"]) }).await.unwrap();
        let refused = ann.create(&Ask { organization_id: narrowed.clone(), ..ask(["notion"]) }).await;

        assert_eq!((lease.value("jira"), lease.value("todoist")), ("the second's", "her own"));
        assert_eq!(refused.refusal(), "missing_credentials");
        assert_eq!(ann.show(&lease.lease_id).await.unwrap().organization_id, narrowed);
    }

    async fn a_suspended_organization_lends_nothing(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Owner).await;
        team.shares("jira", "the team's", &[AllMembers]).await;

        team.becomes(Suspended).await;
        assert_eq!(ann.create(&ask(["jira"])).await.refusal(), "missing_credentials");
        assert_eq!(ann.me().await.unwrap().available_services, Vec::<String>::new());

        team.becomes(Active).await;
        assert_eq!(ann.borrows(["jira"]).await.value("jira"), "the team's");
    }

    async fn an_inactive_credential_does_not_count(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Member).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        let own = ann.deposits("jira", "her own").await;

        let off = Change::SetCredentialStatus(own, CredentialStatus::Inactive);
        scene.change(EventName::CredentialUpdated, own, off).await;

        assert_eq!(ann.borrows(["jira"]).await.value("jira"), "the team's");
    }

    async fn a_lease_may_be_mixed(scene) {
        let ann = scene.person().await;
        let (first, second) = (scene.team().await, scene.team().await);
        for (team, services) in [(&first, ["jira", "notion"]), (&second, ["sentry", "jira"])] {
            team.admits(&ann, Admin).await;
            scene.passes(1);
            for service in services {
                team.shares(service, &team.name, &[AllMembers]).await;
            }
        }
        ann.deposits("todoist", "her own").await;

        let lease = ann.borrows(["todoist", "sentry", "notion", "jira"]).await;

        assert_eq!(lease.credential_scope, "mixed");
        assert_eq!(lease.services(), ["jira", "notion", "sentry", "todoist"]);
        let included = &lease.included_org_credentials;
        let included: BTreeSet<_> = included.iter().map(|part| (&part.organization_id, part.services.join(" "))).collect();
        let (of_first, of_second) = (first.id.to_string(), second.id.to_string());
        assert_eq!(included, BTreeSet::from([(&of_first, "jira notion".to_owned()), (&of_second, "sentry".to_owned())]));
        assert_eq!(lease.credential_sources["sentry"].organization_name.as_ref(), Some(&second.name));
        assert_eq!(ann.borrows(["jira", "notion"]).await.credential_scope, "organization");
    }

    async fn an_account_is_asked_for_by_name(scene) {
        let ann = scene.person().await;
        ann.deposits("tray/shop-1.example", "the first shop's").await;
        ann.deposits("tray/Shop_2:8080", "the second shop's").await;

        let lease = ann.borrows(["tray/Shop_2:8080", "tray", "tray/shop-1.example"]).await;

        assert_eq!(lease.services(), ["tray", "tray/Shop_2:8080", "tray/shop-1.example"]);
        assert_eq!(lease.value("tray/Shop_2:8080"), "the second shop's");
        assert_eq!(lease.value("tray"), "the first shop's", "the first deposited is the primary one");
        assert_eq!(ann.create(&ask(["tray/shop-3"])).await.refusal(), "missing_credentials");
        assert_eq!(ann.me().await.unwrap().available_services, ["tray"]);
    }

    async fn duplicates_are_merged(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;

        let lease = ann.borrows(["jira", "jira", "jira"]).await;

        assert_eq!(lease.services(), ["jira"]);
        assert_eq!(ann.show(&lease.lease_id).await.unwrap().services, ["jira"]);
    }

    async fn what_is_missing_is_named_and_what_there_is_too(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        ann.deposits("todoist", "her own").await;

        let refused = ann.create(&ask(["sentry", "jira", "notion"])).await.failure();

        assert_eq!(refused.code, "missing_credentials");
        assert_eq!(refused.missing, ["notion", "sentry"]);
        assert_eq!(refused.available, ["jira", "todoist"]);
        assert_eq!(refused.fields.len(), 2, "a reason for each: {:?}", refused.fields);
        assert_eq!(ann.leases().await, [], "nothing was lent");
    }

    async fn a_partial_lease_leaves_out_what_is_missing(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        let partial = |services: [&str; 2]| Ask { allow_partial: true, ..ask(services) };

        let lease = ann.create(&partial(["jira", "sentry"])).await.unwrap();
        let refused = ann.create(&partial(["notion", "sentry"])).await;

        assert_eq!((lease.services(), &*lease.missing_services), (vec!["jira"], &["sentry".to_owned()][..]));
        assert_eq!(ann.show(&lease.lease_id).await.unwrap().services, ["jira"]);
        assert_eq!(refused.refusal(), "missing_credentials", "a lease of nothing is none");
    }

    async fn me_lists_exactly_what_can_be_leased(scene) {
        let ann = scene.person().await;
        let (team, gone) = (scene.team().await, scene.team().await);
        team.admits(&ann, Member).await;
        gone.admits(&ann, Owner).await;
        team.shares("jira", "v", &[AllMembers]).await;
        team.shares("notion", "v", &[AdminsOnly]).await;
        team.shares("sentry", "v", &[User(ann.id)]).await;
        gone.shares("gmail", "v", &[AllMembers]).await;
        gone.becomes(Suspended).await;
        ann.deposits("todoist", "v").await;
        let off = ann.deposits("openai", "v").await;
        let off = Change::SetCredentialStatus(off, CredentialStatus::Inactive);
        scene.change(EventName::CredentialUpdated, "openai", off).await;

        let me = ann.me().await.unwrap();

        assert_eq!(me.user_id, Some(ann.id.to_string()));
        assert_eq!((me.email.as_deref(), me.client_id), (Some(&*ann.email), None));
        assert_eq!(me.available_services, ["jira", "sentry", "todoist"]);
        assert!(me.token_scopes.contains(&"lease:create".to_owned()), "{:?}", me.token_scopes);
        for service in ["gmail", "jira", "notion", "openai", "sentry", "todoist", "unheard-of"] {
            let listed = me.available_services.iter().any(|name| name == service);
            assert_eq!(ann.create(&ask([service])).await.is_ok(), listed, "{service}");
        }
    }

    async fn a_token_borrows_within_its_service_scopes(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "her own").await;
        ann.deposits("todoist", "her own").await;
        let narrow = ann.with_scopes("lease:create lease:read service:jira").await;

        let refused = narrow.create(&ask(["jira", "todoist"])).await.failure();

        assert_eq!((refused.code.as_str(), &*refused.missing), ("missing_credentials", &["todoist".to_owned()][..]));
        assert_eq!(refused.available, ["jira"]);
        assert_eq!(narrow.borrows(["jira"]).await.value("jira"), "her own");
        assert_eq!(narrow.me().await.unwrap().available_services, ["jira"]);
    }

    async fn a_client_of_a_person_borrows_what_the_person_may(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Member).await;
        team.shares("notion", "the team's", &[AllMembers]).await;
        ann.deposits("todoist", "her own").await;

        let client = ann.client().await;
        let program = client.enters().await;

        let lease = program.borrows(["notion", "todoist"]).await;
        assert_eq!((lease.value("notion"), lease.value("todoist")), ("the team's", "her own"));
        let me = program.me().await.unwrap();
        assert_eq!((me.user_id, me.client_id), (Some(ann.id.to_string()), Some(client.id.to_string())));
    }

    async fn a_client_of_an_organization_acts_with_its_role(scene) {
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Owner).await;
        ann.deposits("todoist", "a member's own").await;
        team.shares("jira", "for all", &[AllMembers]).await;
        team.shares("sentry", "for admins", &[AdminsOnly]).await;

        let client = team.client(Member).await;
        let program = client.enters().await;

        let me = program.me().await.unwrap();
        assert_eq!((me.user_id, me.client_id, me.email), (None, Some(client.id.to_string()), None));
        assert_eq!((me.organizations[0].role.as_str(), &*me.available_services), ("member", &["jira".to_owned()][..]));
        assert_eq!(program.borrows(["jira"]).await.credential_scope, "organization");
        for beyond in ["sentry", "todoist"] {
            assert_eq!(program.create(&ask([beyond])).await.refusal(), "missing_credentials", "{beyond}");
        }
        assert!(team.client(Admin).await.enters().await.create(&ask(["sentry"])).await.is_ok());
    }
}
