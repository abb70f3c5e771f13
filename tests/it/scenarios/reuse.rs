//! `reuse`: a live lease of the same kind will do, and workers that ask at once share one.

use futures::future::join_all;

use crate::harness::{Ask, Person, Refused as _, Scene, ask, scenarios};

scenarios! {
    async fn a_live_lease_of_the_same_kind_is_shared(scene) {
        let ann = a_person(&scene).await;
        let first = ann.create(&shared(["todoist", "jira"])).await.unwrap();
        scene.passes(60);

        let second = ann.create(&shared(["jira", "todoist"])).await.unwrap();

        assert_eq!((first.fresh, first.reused), (true, false));
        assert_eq!((second.fresh, second.reused), (false, true));
        assert_eq!((&second.lease_id, second.expires_at), (&first.lease_id, first.expires_at));
        assert_eq!((second.value("jira"), second.value("todoist")), ("her jira", "her todoist"));
        assert_eq!(ann.show(&first.lease_id).await.unwrap().renewal_count, 0, "sharing renews nothing");
    }

    async fn a_lease_is_shared_only_by_those_who_ask_for_it(scene) {
        let ann = a_person(&scene).await;
        let first = ann.borrows(["jira"]).await;

        // Whoever did not ask to share may revoke the lease at any moment: nobody else is given it.
        let second = ann.create(&shared(["jira"])).await.unwrap();
        assert!(second.fresh && second.lease_id != first.lease_id);
        assert!(ann.borrows(["jira"]).await.fresh);
        assert_eq!(ann.create(&shared(["jira"])).await.unwrap().lease_id, second.lease_id);
    }

    async fn those_who_ask_at_once_unite(scene) {
        let ann = a_person(&scene).await;
        let asked = shared(["jira"]);

        let answers = join_all((0..10).map(|_| ann.create(&asked))).await;

        let grants: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(grants.iter().all(|grant| grant.lease_id == grants[0].lease_id && grant.value("jira") == "her jira"));
        assert_eq!(grants.iter().filter(|grant| grant.fresh).count(), 1);
        assert_eq!(ann.leases().await.len(), 1);
    }

    async fn a_narrower_token_shares_no_wider_lease(scene) {
        let ann = a_person(&scene).await;
        let narrow = ann.with_scopes("lease:create service:todoist").await;
        let partial = Ask { allow_partial: true, ..shared(["jira", "todoist"]) };
        let keyed = Ask { idempotency_key: Some("once".to_owned()), ..partial.clone() };
        let whole = ann.create(&keyed).await.unwrap();

        let part = narrow.create(&partial).await.unwrap();

        assert_ne!(part.lease_id, whole.lease_id);
        assert_eq!(part.credentials.keys().collect::<Vec<_>>(), ["todoist"]);
        assert_eq!(narrow.create(&keyed).await.refusal(), "idempotency_key_reused");
    }

    async fn a_part_is_not_taken_for_the_whole(scene) {
        let ann = a_person(&scene).await;
        let narrow = ann.with_scopes("lease:create service:todoist").await;
        let partial = Ask { allow_partial: true, ..shared(["jira", "todoist"]) };
        let part = narrow.create(&partial).await.unwrap();

        let whole = ann.create(&shared(["jira", "todoist"])).await.unwrap();

        assert!(whole.fresh && whole.lease_id != part.lease_id);
        assert_eq!((whole.value("jira"), whole.value("todoist")), ("her jira", "her todoist"));
    }

    async fn handing_out_again_is_recorded(scene) {
        let ann = a_person(&scene).await;
        let lease = ann.create(&shared(["jira"])).await.unwrap().lease_id;
        ann.create(&shared(["jira"])).await.unwrap();

        let events: Vec<_> = scene.records_of(&lease).await.iter().map(|record| record.event.clone()).collect();

        assert_eq!(events, ["lease_created", "credential_read"]);
    }

    async fn at_least_half_its_life_must_be_left(scene) {
        let ann = a_person(&scene).await;
        let first = ann.create(&shared(["jira"])).await.unwrap().lease_id;
        scene.passes(1_800);
        assert_eq!(ann.create(&shared(["jira"])).await.unwrap().lease_id, first);
        scene.passes(1);

        let second = ann.create(&shared(["jira"])).await.unwrap();

        assert!(second.fresh && second.lease_id != first);
        // A renewal gives the first its life back, but the newest is found.
        ann.renew(&first).await.unwrap();
        assert!(ann.create(&shared(["jira"])).await.unwrap().reused);
    }

    async fn a_renewal_must_be_left(scene; max_renewals = 1) {
        let ann = a_person(&scene).await;
        let first = ann.create(&shared(["jira"])).await.unwrap().lease_id;
        ann.renew(&first).await.unwrap();

        let second = ann.create(&shared(["jira"])).await.unwrap();

        assert!(second.fresh && second.lease_id != first);
    }

    async fn whatever_differs_is_another_kind(scene) {
        let (ann, team) = (a_person(&scene).await, scene.team().await);
        let first = ann.create(&shared(["jira"])).await.unwrap().lease_id;

        for other in [
            Ask { ttl: Some(3_599), ..shared(["jira"]) },
            Ask { server_id: "worker-2".to_owned(), ..shared(["jira"]) },
            Ask { organization_id: Some(team.id.to_string()), ..shared(["jira"]) },
            shared(["jira", "todoist"]),
            shared(["todoist"]),
        ] {
            let grant = ann.create(&other).await.unwrap();
            assert!(grant.fresh && grant.lease_id != first, "{other:?}");
        }
        let said = Ask { ttl: Some(3_600), client_info: Some("me".to_owned()), ..shared(["jira"]) };
        assert_eq!(ann.create(&said).await.unwrap().lease_id, first, "these make no difference");
    }

    async fn what_ended_is_not_shared(scene) {
        let ann = a_person(&scene).await;
        let first = ann.create(&shared(["jira"])).await.unwrap().lease_id;
        ann.revoke(&first).await.unwrap();

        let second = ann.create(&shared(["jira"])).await.unwrap();

        assert!(second.fresh && second.lease_id != first);
    }

    async fn nobody_shares_with_somebody_else(scene) {
        let ann = a_person(&scene).await;
        let program = ann.client().await.enters().await;

        let (hers, its) = (ann.create(&shared(["jira"])).await.unwrap(), program.create(&shared(["jira"])).await.unwrap());

        assert!(hers.fresh && its.fresh && hers.lease_id != its.lease_id);
    }

    async fn a_better_credential_makes_another_lease(scene) {
        use leasehold::model::organization::{Role::Member, SharingEntry::AllMembers};
        let (ann, team) = (scene.person().await, scene.team().await);
        team.admits(&ann, Member).await;
        team.shares("jira", "the team's", &[AllMembers]).await;
        let first = ann.create(&shared(["jira"])).await.unwrap();
        assert_eq!(first.value("jira"), "the team's");

        team.expels(&ann).await;
        ann.deposits("jira", "her own").await;

        let second = ann.create(&shared(["jira"])).await.unwrap();
        assert!(second.fresh && second.value("jira") == "her own");
    }
}

async fn a_person(scene: &Scene) -> Person {
    let ann = scene.person().await;
    ann.deposits("jira", "her jira").await;
    ann.deposits("todoist", "her todoist").await;
    ann
}

fn shared<const N: usize>(services: [&str; N]) -> Ask {
    Ask { reuse: true, ..ask(services) }
}
