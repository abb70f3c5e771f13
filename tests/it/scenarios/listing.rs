//! Lists of own leases: what they show, how they are narrowed and paged.

use crate::harness::{Ask, ListAsk, Refused as _, api::Page, ask, scenarios};

scenarios! {
    async fn own_leases_are_listed_newest_first(scene) {
        let (ann, eve) = (scene.person().await, scene.person().await);
        for person in [&ann, &eve] {
            person.deposits("jira", "own").await;
        }
        eve.borrows(["jira"]).await;
        let first = ann.borrows(["jira"]).await.lease_id;
        scene.passes(1);
        let second = ann.borrows(["jira"]).await.lease_id;

        let page = ann.list(&ListAsk::default()).await.unwrap();

        assert_eq!(ids(&page), [&second, &first]);
        assert_eq!(page.next_page_token, None);
        assert_eq!(page.leases[0], ann.show(&second).await.unwrap());
    }

    async fn lists_are_narrowed(scene) {
        let ann = scene.person().await;
        for service in ["jira", "todoist", "tray/shop-1"] {
            ann.deposits(service, "own").await;
        }
        let here = |services: &[&str]| Ask { server_id: "here".to_owned(), ..ask(services) };
        let active = ann.create(&here(&["jira", "todoist"])).await.unwrap().lease_id;
        let revoked = ann.create(&here(&["tray/shop-1"])).await.unwrap().lease_id;
        let expired = ann.create(&Ask { ttl: Some(60), ..ask(["jira"]) }).await.unwrap().lease_id;
        ann.revoke(&revoked).await.unwrap();
        scene.passes(60);

        for (narrowed, expected) in [
            (ListAsk { status: Some("active"), ..ListAsk::default() }, vec![&active]),
            (ListAsk { status: Some("revoked"), ..ListAsk::default() }, vec![&revoked]),
            (ListAsk { status: Some("expired"), ..ListAsk::default() }, vec![&expired]),
            (ListAsk { service: Some("todoist"), ..ListAsk::default() }, vec![&active]),
            (ListAsk { service: Some("tray"), ..ListAsk::default() }, vec![&revoked]),
            (ListAsk { server_id: Some("worker-1"), ..ListAsk::default() }, vec![&expired]),
            (ListAsk { status: Some("active"), service: Some("tray"), ..ListAsk::default() }, vec![]),
        ] {
            assert_eq!(ids(&ann.list(&narrowed).await.unwrap()), expected, "{narrowed:?}");
        }
    }

    async fn lists_are_paged_without_gap_or_repetition(scene) {
        let ann = scene.person().await;
        ann.deposits("jira", "own").await;
        for _ in 0..7 {
            ann.borrows(["jira"]).await;
            scene.passes(1);
        }
        let whole = ann.list(&ListAsk::default()).await.unwrap();

        let (mut seen, mut page_token) = (Vec::new(), None);
        loop {
            let page = ann.list(&ListAsk { page_size: Some(3), page_token, ..ListAsk::default() }).await.unwrap();
            seen.extend(page.leases);
            page_token = page.next_page_token;
            if page_token.is_none() {
                break;
            }
            // What comes meanwhile is newer, and no part of the pages to come.
            ann.borrows(["jira"]).await;
        }

        assert_eq!(seen, whole.leases);
    }

    async fn wrong_filters_are_named(scene) {
        let ann = scene.person().await;
        for (wrong, field) in [
            (ListAsk { service: Some("No Service"), ..ListAsk::default() }, "service"),
            (ListAsk { page_size: Some(-1), ..ListAsk::default() }, "page_size"),
            (ListAsk { page_size: Some(1_001), ..ListAsk::default() }, "page_size"),
            (ListAsk { page_token: Some("next".to_owned()), ..ListAsk::default() }, "page_token"),
        ] {
            let refused = ann.list(&wrong).await.failure();
            assert_eq!((refused.code.as_str(), &*refused.fields), ("invalid_request", &[field.to_owned()][..]));
        }
    }
}

fn ids(page: &Page) -> Vec<&String> {
    page.leases.iter().map(|lease| &lease.lease_id).collect()
}
