//! Connecting an account through a browser: the whole chain of redirects, and what must not get through it.

use leasehold::model::organization::Role;
use leasehold_backends::{oauth, tray};
use reqwest::{Client, Response, StatusCode, header, redirect::Policy};
use serde_json::{Value, json};

use super::upstreams::{Upstreams, scene};
use crate::harness::{Borrower, Person, Refused as _, Scene, ask, on_each_database};

/// A browser: it keeps cookies, goes where it is sent by hand, and says that it navigates.
struct Browser {
    client: Client,
    cookie: std::sync::Mutex<Option<String>>,
}

impl Browser {
    fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).no_proxy().build().expect("a client");
        Self { client, cookie: std::sync::Mutex::default() }
    }

    async fn get(&self, url: &str) -> Response {
        self.sent(self.client.get(url)).await
    }

    async fn post(&self, url: &str) -> Response {
        self.sent(self.client.post(url)).await
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> Response {
        let cookie = self.cookie.lock().expect("no panic").clone();
        let request = match cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        };
        let response = request.header("sec-fetch-mode", "navigate").send().await.expect("an answer");
        if let Some(set) = response.headers().get(header::SET_COOKIE) {
            let text = set.to_str().expect("text");
            assert!(
                text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Path=/connect")
            );
            let pair = text.split(';').next().expect("a pair").to_owned();
            *self.cookie.lock().expect("no panic") = Some(pair);
        }
        response
    }

    /// Opens a link, goes on, consents with `more` in the service's address; answers the last page.
    async fn consents(&self, link: &str, more: &str) -> (StatusCode, String) {
        let first = self.get(link).await;
        assert_eq!(first.status(), 200, "{}", first.text().await.unwrap_or_default());
        let service = location(&self.post(link).await);
        let back = location(&self.get(&format!("{service}{more}")).await);
        let last = self.get(&back).await;
        (last.status(), last.text().await.expect("a page"))
    }
}

fn location(response: &Response) -> String {
    assert!(response.status().is_redirection(), "{}", response.status());
    response.headers()[header::LOCATION].to_str().expect("text").to_owned()
}

/// The broker's applications at the stand-ins.
async fn registers(scene: &Scene) {
    let operator = scene.operator("admin:write admin:read").await;
    for (service, id, secret) in [
        ("acme", oauth::CLIENT_ID, oauth::CLIENT_SECRET),
        ("tray", tray::CONSUMER_KEY, tray::CONSUMER_SECRET),
    ] {
        let asked =
            json!({ "owner": "system", "service": service, "client_id": id, "client_secret": secret });
        let answered = operator.does("put_application", asked).await;
        assert!(!answered.to_string().contains(secret), "{answered}");
    }
}

async fn connecting(person: &Person) -> Borrower {
    person.with_scopes("credential:connect credential:write lease:create service:*").await.borrower
}

async fn link(borrower: &Borrower, asked: Value) -> (String, String) {
    let made = borrower.does("create_connect_link", asked).await;
    (made["link"]["id"].as_str().expect("an id").to_owned(), made["url"].as_str().expect("a URL").to_owned())
}

on_each_database! {
    async fn an_account_is_connected_confirmed_and_lent(installation) {
        let upstreams = Upstreams::start().await;
        upstreams.oauth.switches().change(|switches| switches.require_pkce = true);
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        registers(&scene).await;
        let person = scene.person().await;
        let ann = connecting(&person).await;
        let (id, url) = link(&ann, json!({ "service": "acme", "account": "work" })).await;
        let browser = Browser::new();

        let page = browser.get(&url).await;
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
        assert_eq!(page.headers()["cache-control"], "no-store");
        let text = page.text().await.expect("a page");
        assert!(text.contains(&person.email) && text.contains("Acme") && text.contains("for their own use"), "{text}");
        let (status, last) = browser.consents(&url, "&account=alice").await;
        assert_eq!(status, 200, "{last}");
        assert!(last.contains("alice@example.test"), "{last}");

        assert_eq!(ann.create(&ask(["acme/work"])).await.refusal(), "missing_credentials", "it is pending");
        let shown = ann.does("show_connect_link", json!({ "id": id })).await;
        assert_eq!((&shown["state"], &shown["identity"]), (&json!("connected"), &json!("alice@example.test")));
        let credential = shown["credential_id"].as_str().expect("a credential").to_owned();
        let wrong = ann.run("confirm_connect_link", json!({ "id": id, "identity": "bob@example.test" })).await;
        assert_eq!(wrong.refusal(), "conflict");
        let activated = ann.run("update_own_credential", json!({ "id": credential, "status": "active" })).await;
        assert_eq!(activated.refusal(), "invalid_request", "only a confirmation makes it borrowable");
        ann.does("confirm_connect_link", json!({ "id": id, "identity": "alice@example.test" })).await;

        let lease = ann.borrows(["acme/work"]).await;
        assert!(lease.credentials["acme/work"].contains_key("access_token"));
        upstreams.passes(&scene, 3_500);
        assert_ne!(ann.borrows(["acme/work"]).await.credentials, lease.credentials, "it is refreshed");
        assert_eq!(browser.get(&url).await.status(), 404, "a link is good once");
        let events: Vec<_> = scene.records_of(&credential).await.into_iter().map(|record| record.event).collect();
        assert_eq!(events[..2], ["credential_connected", "credential_confirmed"]);
        world.end().await;
    }

    async fn a_store_is_connected_through_its_own_host(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        registers(&scene).await;
        let person = scene.person().await;
        let ann = connecting(&person).await;
        let host = upstreams.tray.store_host("391250");
        for envelope in [tray::Envelope::Created, tray::Envelope::Okay] {
            upstreams.tray.switches().change(|switches| {
                switches.envelope = envelope;
                switches.slash_at_end = true;
            });
            let account = format!("store-{envelope:?}").to_lowercase();
            let asked = json!({ "service": "tray", "account": account, "fields": { "store_host": host } });
            let (id, url) = link(&ann, asked).await;

            let (status, last) = Browser::new().consents(&url, "").await;

            assert_eq!(status, 200, "{last}");
            let shown = ann.does("show_connect_link", json!({ "id": id })).await;
            let identity = shown["identity"].as_str().expect("an identity");
            assert!(identity.contains("store 391250"), "{identity}");
            ann.does("confirm_connect_link", json!({ "id": id, "identity": identity })).await;
            let service = format!("tray/{account}");
            let lease = ann.borrows([service.as_str()]).await;
            let lent = &lease.credentials[&service];
            assert_eq!(lent["api_address"], json!(upstreams.tray.api_address("391250")));
            // The service tells its dates by the second.
            let lives = lease.credential_expires_at[&service].micros_since(scene.now());
            assert!((3 * 3_600 - 1) * 1_000_000 < lives && lives <= 3 * 3_600 * 1_000_000, "{lives}");
            for kept in ["refresh_token", "consumer_key", "consumer_secret", "client_secret"] {
                assert!(!lent.contains_key(kept), "{kept}");
            }
        }
        world.end().await;
    }

    async fn nobody_else_goes_on(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        registers(&scene).await;
        let ann = connecting(&scene.person().await).await;
        let (id, url) = link(&ann, json!({ "service": "acme" })).await;
        let (first, second) = (Browser::new(), Browser::new());

        // What only looks at the link does not use it up.
        let preview = second.client.get(&url).send().await.expect("an answer");
        assert_eq!(preview.status(), 200);
        assert_eq!(first.get(&url).await.status(), 200);
        assert_eq!(second.get(&url).await.status(), 404, "it belongs to the first browser");
        assert_eq!(second.post(&url).await.status(), 404);
        let service = location(&first.post(&url).await);
        let back = location(&first.get(&format!("{service}&account=alice")).await);
        assert_eq!(second.get(&back).await.status(), 404, "what comes back belongs to that browser too");
        let forged = back.replace("state=", "state=0");
        assert_eq!(first.get(&forged).await.status(), 404);
        assert_eq!(first.get(&back).await.status(), 200);
        assert_eq!(first.get(&back).await.status(), 404, "once");
        assert_eq!(upstreams.oauth.counts().tokens_issued, 1);

        let bob = connecting(&scene.person().await).await;
        for (operation, asked) in [
            ("show_connect_link", json!({ "id": id })),
            ("confirm_connect_link", json!({ "id": id, "identity": "alice@example.test" })),
            ("cancel_connect_link", json!({ "id": id })),
        ] {
            assert_eq!(bob.run(operation, asked).await.refusal(), "not_found", "{operation}");
        }
        let unknown = url.replace("lhc_", "lhc_0");
        assert_eq!(first.get(&unknown).await.status(), 404);
        upstreams.passes(&scene, 601);
        let (_, late) = link(&ann, json!({ "service": "acme", "account": "late" })).await;
        upstreams.passes(&scene, 601);
        assert_eq!(first.get(&late).await.status(), 404, "ten minutes");
        world.end().await;
    }

    async fn nothing_comes_of_a_refusal(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        registers(&scene).await;
        let ann = connecting(&scene.person().await).await;
        for (more, words) in [("&account=nobody", "was not allowed"), ("&account=alice", "refuses the client")] {
            if more.contains("alice") {
                let fault = leasehold_backends::Fault::new(leasehold_backends::Action::EchoSecrets(
                    leasehold_backends::EchoFault { code: 401 },
                ));
                upstreams.oauth.faults().add(fault.on("POST", "/token"));
            }
            let (id, url) = link(&ann, json!({ "service": "acme" })).await;
            let (status, page) = Browser::new().consents(&url, more).await;
            assert_eq!(status, 409, "{page}");
            assert!(page.contains(words), "{page}");
            let shown = ann.does("show_connect_link", json!({ "id": id })).await;
            assert_eq!(shown["state"], "failed");
            let told = format!("{page} {shown} {:?}", scene.records_of(&id).await);
            assert!(!told.contains("stand-in oauth") && !told.contains("Refused:"), "{told}");
        }
        let listed = ann.does("list_own_credentials", json!({})).await;
        assert_eq!(listed["credentials"], json!([]));
        world.end().await;
    }

    async fn another_account_does_not_take_the_place_of_one(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        registers(&scene).await;
        let ann = connecting(&scene.person().await).await;
        let (id, url) = link(&ann, json!({ "service": "acme" })).await;
        Browser::new().consents(&url, "&account=alice").await;
        let confirmed = ann.does("confirm_connect_link", json!({ "id": id, "identity": "alice@example.test" })).await;
        let credential = confirmed["credential_id"].clone();
        let before = ann.borrows(["acme"]).await;
        let again = ann.run("create_connect_link", json!({ "service": "acme" })).await;
        assert_eq!(again.refusal(), "conflict", "there is one");

        let asked = json!({ "service": "acme", "credential_id": credential });
        let (_, url) = link(&ann, asked.clone()).await;
        let (status, page) = Browser::new().consents(&url, "&account=bob").await;
        assert_eq!(status, 409, "{page}");
        assert!(page.contains("bob@example.test") && page.contains("alice@example.test"), "{page}");
        assert_eq!(ann.borrows(["acme"]).await.credentials, before.credentials, "nothing changed");

        upstreams.oauth.withdraw("alice");
        upstreams.passes(&scene, 3_601);
        assert_eq!(ann.create(&ask(["acme"])).await.refusal(), "missing_credentials");
        let (_, url) = link(&ann, asked).await;
        let (status, page) = Browser::new().consents(&url, "&account=alice").await;
        assert_eq!(status, 200, "{page}");
        assert_ne!(ann.borrows(["acme"]).await.credentials, before.credentials, "it is back");
        world.end().await;
    }

    async fn a_code_is_sent_to_no_other_host(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        registers(&scene).await;
        let ann = connecting(&scene.person().await).await;
        let host = upstreams.tray.store_host("391250");
        for (from, to) in [
            (upstreams.tray.api_address("391250"), "http://127.0.0.1:9/s/391250/web_api".to_owned()),
            (host.clone(), upstreams.tray.store_host("123456")),
        ] {
            let (_, url) = link(&ann, json!({ "service": "tray", "fields": { "store_host": host } })).await;
            let browser = Browser::new();
            browser.get(&url).await;
            let service = location(&browser.post(&url).await);
            let back = location(&browser.get(&service).await);
            let mut forged: reqwest::Url = back.parse().expect("a URL");
            let pairs: Vec<(String, String)> = forged.query_pairs().into_owned().collect();
            forged.query_pairs_mut().clear().extend_pairs(
                pairs.into_iter().map(|(name, value)| (name, if value == from { to.clone() } else { value })),
            );
            let last = browser.get(forged.as_str()).await;
            assert_eq!(last.status(), 409, "{}", last.text().await.unwrap_or_default());
        }
        assert_eq!(upstreams.tray.counts().tokens_issued, 0);
        world.end().await;
    }

    async fn an_organizations_administrators_connect_for_it(installation) {
        let upstreams = Upstreams::start().await;
        let world = upstreams.serve(installation).await;
        let scene = scene(&world);
        registers(&scene).await;
        let team = scene.team().await;
        let (admin, member) = (scene.person().await, scene.person().await);
        team.admits(&admin, Role::Admin).await;
        team.admits(&member, Role::Member).await;
        let asked = json!({ "service": "acme", "owner": team.id.to_string(), "sharing": ["all_members"] });
        let refused = connecting(&member).await.run("create_connect_link", asked.clone()).await;
        assert_eq!(refused.refusal(), "forbidden");
        let ann = connecting(&admin).await;
        let (id, url) = link(&ann, asked).await;
        let browser = Browser::new();
        let page = browser.get(&url).await.text().await.expect("a page");
        assert!(page.contains("for the organization") && page.contains(&team.name), "{page}");
        browser.consents(&url, "&account=carol").await;
        ann.does("confirm_connect_link", json!({ "id": id, "identity": "carol@example.test" })).await;
        let lease = member.borrows(["acme"]).await;
        assert_eq!(lease.credential_scope, "organization");
        world.end().await;
    }
}
