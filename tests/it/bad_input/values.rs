//! Values out of bounds, over every way in: the field is named, and nothing happens.

use crate::harness::{Answer, Ask, Person, Refused as _, Scene, ask, scenarios};

scenarios! {
    async fn no_services(scene) {
        let ann = a_person(&scene).await;
        let none: [&str; 0] = [];
        names(ann.create(&ask(none)).await, &["services"]);
        leaves_nothing(&ann).await;
    }

    async fn ungrammatical_services(scene) {
        let ann = a_person(&scene).await;
        let long = "a".repeat(65);
        for wrong in ["", " ", "Jira", "jira ", "ji.ra", "tray/", "/x", "tray/a/b", "tray/a b", "trày", "a\nb", &long] {
            names(ann.create(&ask(["jira", wrong])).await, &["services[1]"]);
        }
        leaves_nothing(&ann).await;
    }

    async fn unknown_services(scene) {
        let ann = a_person(&scene).await;
        let refused = ann.create(&ask(["jira", "no-such-service"])).await.failure();
        assert_eq!((refused.code.as_str(), &*refused.missing), ("missing_credentials", &["no-such-service".to_owned()][..]));
        leaves_nothing(&ann).await;
    }

    async fn ten_thousand_services(scene) {
        let ann = a_person(&scene).await;
        names(ann.create(&ask((0..10_000).map(|n| format!("s{n}")))).await, &["services"]);
        names(ann.create(&ask(vec!["jira"; 10_000])).await, &["services"]);
        leaves_nothing(&ann).await;
    }

    async fn sixty_four_services_and_one_more(scene) {
        let ann = a_person(&scene).await;
        let services = |count: usize| Ask {
            allow_partial: true,
            ..ask((1..count).map(|n| format!("s{n}")).chain(["jira".to_owned()]))
        };
        names(ann.create(&services(65)).await, &["services"]);
        assert_eq!(ann.create(&services(64)).await.unwrap().services(), ["jira"]);
    }

    async fn a_ttl_out_of_bounds(scene) {
        let ann = a_person(&scene).await;
        let lease = ann.borrows(["jira"]).await;
        for ttl in [0, 59, 86_401, -1, i64::MAX, i64::MIN] {
            names(ann.create(&Ask { ttl: Some(ttl), ..ask(["jira"]) }).await, &["ttl"]);
            names(ann.renew_for(&lease.lease_id, ttl).await, &["ttl"]);
        }
        let shown = ann.show(&lease.lease_id).await.unwrap();
        assert_eq!((shown.renewal_count, shown.expires_at), (0, lease.expires_at));
        assert_eq!(ann.leases().await.len(), 1);
    }

    async fn a_server_id_out_of_bounds(scene) {
        let ann = a_person(&scene).await;
        let named = |server_id: String| Ask { server_id, ..ask(["jira"]) };
        for wrong in [String::new(), "ä".repeat(101), "a\u{7}b".to_owned(), "line\nbreak".to_owned()] {
            names(ann.create(&named(wrong)).await, &["server_id"]);
        }
        assert!(ann.create(&named("ä".repeat(100))).await.is_ok(), "characters are counted, not bytes");
    }

    async fn an_organization_that_is_no_id(scene) {
        let ann = a_person(&scene).await;
        let user = ann.id.to_string();
        for wrong in ["1", "org_", &user, "org_069BQ1C8M5VK3F5K9T4M2S6G8C"] {
            let asked = Ask { organization_id: Some(wrong.to_owned()), ..ask(["jira"]) };
            names(ann.create(&asked).await, &["organization_id"]);
        }
    }

    async fn a_text_too_long(scene) {
        let ann = a_person(&scene).await;
        names(ann.create(&Ask { client_info: Some("ä".repeat(501)), ..ask(["jira"]) }).await, &["client_info"]);
        assert!(ann.create(&Ask { client_info: Some("ä".repeat(500)), ..ask(["jira"]) }).await.is_ok());
        let lease = ann.borrows(["jira"]).await.lease_id;
        names(ann.revoke_because(&lease, &"ä".repeat(501)).await, &["reason"]);
        assert!(ann.renew(&lease).await.is_ok());
    }

    async fn everything_wrong_at_once(scene) {
        let ann = a_person(&scene).await;
        let asked = Ask {
            services: vec!["Jira".to_owned(), "ok".to_owned(), String::new()],
            ttl: Some(1),
            organization_id: Some("x".to_owned()),
            server_id: String::new(),
            ..Ask::default()
        };

        let mut refused = ann.create(&asked).await.failure();

        refused.fields.sort();
        assert_eq!(refused.fields, ["organization_id", "server_id", "services[0]", "services[2]", "ttl"]);
    }
}

/// Somebody who could borrow `jira`.
async fn a_person(scene: &Scene) -> Person {
    let ann = scene.person().await;
    ann.deposits("jira", "hers").await;
    ann
}

fn names<T>(answer: Answer<T>, fields: &[&str]) {
    let refused = answer.failure();
    assert_eq!(
        (refused.code.as_str(), refused.fields),
        ("invalid_request", fields.iter().map(ToString::to_string).collect())
    );
}

async fn leaves_nothing(person: &Person) {
    assert_eq!(person.leases().await, []);
}
