//! `Idempotency-Key`: a request repeated finds the lease of the first one.

use futures::future::join_all;
use leasehold::{model::audit::EventName, store::admin::Change};

use crate::harness::{Ask, Person, Refused as _, Scene, ask, scenarios};

scenarios! {
    async fn a_repeated_request_finds_its_lease(scene) {
        let ann = a_person(&scene).await;
        let first = ann.create(&keyed("k-1")).await.unwrap();
        scene.passes(60);

        let second = ann.create(&keyed("k-1")).await.unwrap();

        assert!(first.fresh && !second.fresh && !second.reused);
        assert_eq!((&second.lease_id, second.expires_at), (&first.lease_id, first.expires_at));
        assert_eq!(second.value("jira"), "her own");
        assert_ne!(ann.create(&keyed("k-2")).await.unwrap().lease_id, first.lease_id);
    }

    async fn the_lease_is_answered_as_it_stands(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "old").await;
        let first = ann.create(&keyed("k")).await.unwrap();
        scene.passes(600);
        let renewed = ann.renew(&first.lease_id).await.unwrap();
        scene.rotates(own, "new").await;

        let second = ann.create(&keyed("k")).await.unwrap();

        assert_eq!((second.expires_at, second.value("jira")), (renewed.expires_at, "new"));
    }

    async fn another_request_with_the_same_key_is_refused(scene) {
        let ann = a_person(&scene).await;
        let first = ann.create(&keyed("k")).await.unwrap();

        for other in [
            Ask { ttl: Some(60), ..keyed("k") },
            Ask { server_id: "worker-2".to_owned(), ..keyed("k") },
            Ask { services: vec!["todoist".to_owned()], ..keyed("k") },
            Ask { reuse: true, ..keyed("k") },
            Ask { allow_partial: true, ..keyed("k") },
            Ask { client_info: Some("other".to_owned()), ..keyed("k") },
        ] {
            assert_eq!(ann.create(&other).await.refusal(), "idempotency_key_reused", "{other:?}");
        }
        assert_eq!(ann.create(&keyed("k")).await.unwrap().lease_id, first.lease_id);
    }

    async fn the_same_request_in_other_words_is_the_same(scene) {
        let ann = a_person(&scene).await;
        let first = ann.create(&Ask { services: texts(["jira", "todoist"]), ..keyed("k") }).await.unwrap();

        let asked = Ask { services: texts(["todoist", "jira", "jira"]), ttl: Some(3_600), ..keyed("k") };

        assert_eq!(ann.create(&asked).await.unwrap().lease_id, first.lease_id);
    }

    async fn a_lease_that_ended_is_not_given_again(scene) {
        let ann = a_person(&scene).await;
        let revoked = ann.create(&keyed("revoked")).await.unwrap().lease_id;
        ann.create(&Ask { ttl: Some(60), ..keyed("expired") }).await.unwrap();
        ann.revoke(&revoked).await.unwrap();
        scene.passes(60);

        assert_eq!(ann.create(&keyed("revoked")).await.refusal(), "lease_ended");
        assert_eq!(ann.create(&Ask { ttl: Some(60), ..keyed("expired") }).await.refusal(), "lease_ended");
    }

    async fn a_lease_lost_is_a_lease_that_ended(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "her own").await;
        ann.create(&keyed("k")).await.unwrap();

        scene.change(EventName::CredentialDeleted, own, Change::DeleteCredential(own)).await;
        ann.deposits("jira", "another").await;

        assert_eq!(ann.create(&keyed("k")).await.refusal(), "lease_ended");
    }

    async fn what_is_missing_now_does_not_matter_to_a_request_granted_before(scene) {
        let ann = scene.person().await;
        let own = ann.deposits("jira", "her own").await;
        ann.create(&keyed("k")).await.unwrap();

        scene.change(EventName::CredentialDeleted, own, Change::DeleteCredential(own)).await;

        assert_eq!(ann.create(&keyed("k")).await.refusal(), "lease_ended");
        assert_eq!(ann.create(&keyed("k-2")).await.refusal(), "missing_credentials");
    }

    async fn a_key_is_free_again_after_a_day(scene) {
        let ann = a_person(&scene).await;
        let long = Ask { ttl: Some(86_400), ..keyed("k") };
        let first = ann.create(&long).await.unwrap().lease_id;
        scene.passes(86_399);
        assert_eq!(ann.create(&long).await.unwrap().lease_id, first);
        scene.passes(2);

        let second = ann.create(&long).await.unwrap();

        assert!(second.fresh && second.lease_id != first);
        assert_eq!(ann.create(&long).await.unwrap().lease_id, second.lease_id);
    }

    async fn everybody_has_keys_of_their_own(scene) {
        let (ann, bob) = (a_person(&scene).await, a_person(&scene).await);

        let (hers, his) = (ann.create(&keyed("k")).await.unwrap(), bob.create(&keyed("k")).await.unwrap());

        assert!(hers.fresh && his.fresh && hers.lease_id != his.lease_id);
    }

    async fn repetitions_at_once_make_one_lease(scene) {
        let ann = a_person(&scene).await;
        let asked = keyed("k");

        let answers = join_all((0..10).map(|_| ann.create(&asked))).await;

        let grants: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert!(grants.iter().all(|grant| grant.lease_id == grants[0].lease_id));
        assert_eq!(grants.iter().filter(|grant| grant.fresh).count(), 1);
        assert_eq!(ann.leases().await.len(), 1);
    }

    async fn a_refused_request_uses_no_key(scene) {
        let ann = scene.person().await;
        assert_eq!(ann.create(&keyed("k")).await.refusal(), "missing_credentials");

        ann.deposits("jira", "her own").await;

        assert!(ann.create(&keyed("k")).await.unwrap().fresh);
    }

    async fn a_key_has_a_form(scene) {
        let ann = a_person(&scene).await;
        assert!(ann.create(&keyed(&"k".repeat(255))).await.is_ok());
        for wrong in [&*"k".repeat(256), "two words"] {
            let refused = ann.create(&keyed(wrong)).await.failure();
            assert_eq!((refused.code.as_str(), refused.fields.len()), ("invalid_request", 1), "{wrong}");
        }
    }
}

async fn a_person(scene: &Scene) -> Person {
    let ann = scene.person().await;
    ann.deposits("jira", "her own").await;
    ann.deposits("todoist", "her own").await;
    ann
}

fn keyed(key: &str) -> Ask {
    Ask { idempotency_key: Some(key.to_owned()), ..ask(["jira"]) }
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}
