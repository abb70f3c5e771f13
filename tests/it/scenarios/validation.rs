//! Credentials that are tried at their services: stand-ins on this machine, where the installations here may go.

use std::fs;

use leasehold::model::organization::Role::Admin;
use leasehold_backends::{
    Action, EchoFault, Fault, anything, anything::Anything, jira, jira::Jira, notion, notion::Notion,
    orderdesk, todoist, todoist::Todoist,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Installation, Person, Refused, Scene, on_each_database, play_on};

const OWN: &str = "credential:write lease:create lease:renew service:* admin:read admin:write";
const EMAIL: &str = "jira@dev-team.local";
/// Encodings change it.
const TOKEN: &str = "canary jira/token+secret=1";

async fn person(scene: &Scene) -> Person {
    scene.person().await.with_scopes(OWN).await
}

fn reaching_this_machine(installation: Installation) -> Installation {
    Installation { allow_private: true, ..installation }
}

async fn a_jira() -> leasehold_backends::Running<Jira> {
    let accounts = vec![(EMAIL.to_owned(), TOKEN.to_owned())];
    Jira::start(jira::Options { accounts, ..Default::default() }).await.expect("a stand-in")
}

fn fields(url: &str, token: &str) -> Value {
    json!({ "url": url, "email": EMAIL, "api_token": token })
}

fn deposit(url: &str, token: &str) -> Value {
    json!({ "service": "jira", "fields": fields(url, token), "validate": true })
}

on_each_database! {
    async fn a_service_is_asked_before_anything_is_stored(installation) {
        let jira = a_jira().await;
        play_on(reaching_this_machine(installation), async |scene: Scene| {
            jira.reset();
            let ann = person(&scene).await;
            let refused = ann.run("create_own_credential", deposit(jira.url(), "canary-wrong")).await.failure();
            assert_eq!((refused.code.as_str(), refused.fields), ("invalid_request", vec!["fields".to_owned()]));
            let listed = ann.does("list_own_credentials", json!({})).await;
            assert_eq!(listed.get("credentials").and_then(Value::as_array).map_or(0, Vec::len), 0);

            let malformed = json!({ "service": "jira", "fields": {}, "validate": true });
            ann.run("create_own_credential", malformed).await.failure();
            assert_eq!(jira.requests().len(), 1, "what is malformed is not tried");

            let made = ann.does("create_own_credential", deposit(jira.url(), TOKEN)).await;
            assert_eq!((&made["validation"], made.get("validation_detail")), (&json!("works"), None));
            let asked = jira.requests().len();
            let again = ann.run("create_own_credential", deposit(jira.url(), "canary-wrong")).await;
            assert_eq!((again.refusal().as_str(), jira.requests().len()), ("conflict", asked), "nobody is asked in vain");
            let id = made["id"].clone();
            let rotation = |token: &str| json!({ "id": id, "fields": fields(jira.url(), token), "validate": true });
            let refused = ann.run("rotate_own_credential", rotation("canary-wrong")).await.failure();
            assert_eq!(refused.fields, ["fields"]);
            let shown = ann.does("show_own_credential", json!({ "id": id })).await;
            assert_eq!((&shown["credential"]["version"], shown["credential"].get("validation")), (&json!(1), None));
            let rotated = ann.does("rotate_own_credential", rotation(TOKEN)).await;
            assert_eq!((&rotated["version"], &rotated["validation"]), (&json!(2), &json!("works")));

            let asked = jira.requests().len();
            let rotated = ann.does("rotate_own_credential", json!({ "id": id, "fields": fields(jira.url(), "x") })).await;
            assert_eq!((rotated.get("validation"), jira.requests().len()), (None, asked), "only when it is wanted");

            let records = scene.records_of(id.as_str().unwrap()).await;
            let noted: Vec<_> = records.iter().filter_map(|record| record.details.get("validation")).collect();
            assert_eq!(noted, ["works", "works"]);
        })
        .await;
    }

    async fn what_nobody_knows_is_stored_and_told(installation) {
        let jira = a_jira().await;
        let shop = orderdesk::OrderDesk::start(orderdesk::Options::default()).await.expect("a stand-in");
        play_on(reaching_this_machine(installation), async |scene: Scene| {
            let ann = person(&scene).await;
            let stored = async |account: &str, service: &str, fields: Value| {
                let deposit = json!({ "service": service, "account": account, "fields": fields, "validate": true });
                let made = ann.does("create_own_credential", deposit).await;
                let detail = made["validation_detail"].as_str().unwrap_or_default().to_owned();
                (made["validation"].as_str().unwrap().to_owned(), detail)
            };
            let told = |outcome: &str, detail: &str| (outcome.to_owned(), detail.to_owned());

            jira.faults().add(Fault::status(503));
            let jira_fields = fields(jira.url(), TOKEN);
            assert_eq!(stored("a", "jira", jira_fields.clone()).await, told("unknown", "the service answered 503"));
            jira.faults().add(Fault::new(Action::CloseBeforeResponse));
            let (outcome, detail) = stored("b", "jira", jira_fields.clone()).await;
            assert!(outcome == "unknown" && detail.contains("connection"), "{detail}");
            jira.faults().add(Fault::new(Action::Redirect("http://127.0.0.1:1/".to_owned())));
            assert_eq!(stored("c", "jira", jira_fields.clone()).await, told("unknown", "the service answered 302"));
            assert_eq!(stored("d", "jira", jira_fields).await, told("works", ""));

            let base = format!("{}/api/v2", shop.url());
            let store = json!({ "store_id": "12345", "api_key": "stand-in-orderdesk-api-key", "base_url": base });
            assert_eq!(stored("a", "orderdesk", store.clone()).await, told("works", ""));
            shop.faults().add(Fault::new(Action::HtmlBody));
            let odd = told("unknown", "the service answered something else than it should");
            assert_eq!(stored("b", "orderdesk", store).await, odd);

            let base = "http://127.0.0.1:1";
            for (service, fields) in [
                ("bearer", json!({ "token": "t" })),
                ("signed", json!({ "base_url": base, "audience": "a" })),
                ("todo", json!({ "base_url": base, "client_id": "c", "client_secret": "s" })),
                ("google", json!({ "refresh_token": "r" })),
            ] {
                assert_eq!(stored("a", service, fields).await, told("untried", ""), "{service}");
            }
        })
        .await;
    }

    async fn built_in_services_are_asked_as_they_want_it(installation) {
        let todoist = Todoist::start(todoist::Options::default()).await.expect("a stand-in");
        let notion = Notion::start(notion::Options::default()).await.expect("a stand-in");
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text, url, stand_in) in [
            ("todoist", include_str!("../../../catalog/todoist.toml"), "https://api.todoist.com", todoist.url()),
            ("notion", include_str!("../../../catalog/notion.toml"), "https://api.notion.com", notion.url()),
        ] {
            assert!(text.contains(url), "{name}");
            fs::write(folder.path().join(format!("{name}.toml")), text.replace(url, stand_in)).expect("a file");
        }
        let installation = Installation { services: Some(folder.path().to_owned()), ..installation };
        play_on(reaching_this_machine(installation), async |scene: Scene| {
            let ann = person(&scene).await;
            for (service, token) in [
                ("todoist", todoist::TOKEN),
                ("notion", notion::TOKEN),
            ] {
                let deposit = |token: &str| json!({ "service": service, "fields": { "access_token": token }, "validate": true });
                assert_eq!(ann.run("create_own_credential", deposit("wrong")).await.failure().fields, ["fields"]);
                assert_eq!(ann.does("create_own_credential", deposit(token)).await["validation"], "works", "{service}");
            }
        })
        .await;
    }

    async fn an_access_token_that_ran_out_is_no_refusal_where_it_is_refreshed(installation) {
        let api = Anything::start(anything::Options::default()).await.expect("a stand-in");
        play_on(reaching_this_machine(installation), async |scene: Scene| {
            let ann = person(&scene).await;
            let mut fields =
                json!({ "api_address": format!("{}/web_api", api.url()), "store_id": "1", "access_token": "a" });
            let store = |fields: &Value| json!({ "service": "tray", "fields": fields, "validate": true });
            api.faults().add(Fault::status(401).times(2));
            assert_eq!(ann.run("create_own_credential", store(&fields)).await.failure().fields, ["fields"]);
            fields["refresh_token"] = json!("r");
            let made = ann.does("create_own_credential", store(&fields)).await;
            assert_eq!(made["validation"], "unknown");
            assert!(made["validation_detail"].as_str().unwrap().contains("refresh token"), "{made}");
        })
        .await;
    }

    async fn what_is_stored_is_tried_when_somebody_asks(installation) {
        let jira = a_jira().await;
        play_on(reaching_this_machine(installation), async |scene: Scene| {
            jira.reset();
            let (ann, bob) = (person(&scene).await, person(&scene).await);
            let made = ann.does("create_own_credential", deposit(jira.url(), TOKEN)).await;
            let id = made["id"].clone();
            let asked = json!({ "id": id });

            assert_eq!(ann.does("validate_own_credential", asked.clone()).await, json!({ "outcome": "works" }));
            jira.faults().add(Fault::status(403));
            let refused = ann.does("validate_own_credential", asked.clone()).await;
            assert_eq!(refused, json!({ "outcome": "refused", "status": 403 }));
            jira.faults().add(Fault::status(500));
            let unknown = ann.does("validate_own_credential", asked.clone()).await;
            assert_eq!(unknown, json!({ "outcome": "unknown", "detail": "the service answered 500" }));
            let shown = ann.does("show_own_credential", asked.clone()).await;
            assert_eq!(shown["etag"], "1", "nothing changed");
            assert_eq!(bob.run("validate_own_credential", asked.clone()).await.refusal(), "not_found");
            let reader = ann.with_scopes("lease:create").await;
            assert_eq!(reader.run("validate_own_credential", asked.clone()).await.refusal(), "insufficient_scope");

            let operator = scene.operator("admin:read admin:write").await;
            assert_eq!(operator.run("validate_credential", asked.clone()).await.failure().fields, ["reason"]);
            let because = json!({ "id": id, "reason": "ticket 7" });
            assert_eq!(operator.does("validate_credential", because).await["outcome"], "works");
            let records = scene.records_of(id.as_str().unwrap()).await;
            let tried: Vec<_> = records.iter().filter(|record| record.event == "credential_validated").collect();
            let outcomes: Vec<_> = tried.iter().map(|record| record.details["validation"].clone()).collect();
            assert_eq!(outcomes, ["works", "refused", "unknown", "works"]);
            assert_eq!((&tried[1].details["status"], &tried[3].details["reason"]), (&json!(403), &json!("ticket 7")));
            assert!(tried.iter().all(|record| record.owner == Some(ann.id.to_string())));

            let team = scene.team().await;
            team.admits(&ann, Admin).await;
            let mut shared = deposit(jira.url(), TOKEN);
            shared["owner"] = json!(team.id.to_string());
            shared["sharing"] = json!(["all_members"]);
            let made = ann.does("create_credential", shared).await;
            assert_eq!(made["validation"], "works");
            assert_eq!(ann.does("validate_credential", json!({ "id": made["id"] })).await["outcome"], "works");
            assert_eq!(bob.run("validate_credential", json!({ "id": made["id"] })).await.refusal(), "not_found");
        })
        .await;
    }

    async fn a_service_that_repeats_secrets_is_not_repeated(installation) {
        let (jira, api) = (a_jira().await, Anything::start(anything::Options::default()).await.expect("a stand-in"));
        let folder = services();
        let installation = Installation { services: Some(folder.path().to_owned()), ..installation };
        play_on(reaching_this_machine(installation), async |scene: Scene| {
            let ann = person(&scene).await;
            let mut told = Vec::new();
            for (account, code) in [("a", 401), ("b", 400), ("c", 200)] {
                let echo = Fault::new(Action::EchoSecrets(EchoFault { code }));
                let in_query = json!({ "key": TOKEN, "base_url": api.url() });
                for (service, faults, fields) in
                    [("jira", jira.faults(), fields(jira.url(), TOKEN)), ("echoing", api.faults(), in_query)]
                {
                    let mut asked = json!({ "service": service, "account": account, "fields": fields });
                    let made = ann.does("create_own_credential", asked.clone()).await;
                    faults.add(echo.clone().times(3));
                    told.push(ann.does("validate_own_credential", json!({ "id": made["id"] })).await.to_string());
                    asked["validate"] = json!(true);
                    asked["account"] = json!(format!("{account}2"));
                    match ann.run("create_own_credential", asked.clone()).await {
                        Ok(made) => told.push(made.to_string()),
                        Err(failure) => assert_eq!((failure.fields, code), (vec!["fields".to_owned()], 401)),
                    }
                    asked["account"] = json!(format!("{account}3"));
                    told.push(over_http(&scene, &ann, &asked).await);
                }
            }
            told.push(scene.everything_recorded().await);
            assert!(told.iter().any(|text| text.contains("the service refuses this credential (status 401)")));
            for text in told {
                for secret in [TOKEN, "canary", "jira%2Ftoken", "jira/token", "secret%3D1"] {
                    assert!(!text.contains(secret), "{secret}: {text}");
                }
            }
        })
        .await;
    }
}

/// A service of one's own, which sends its key in the query.
fn services() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let field = |name: &str, kind: &str| {
        format!(
            "[[fields]]\nname = \"{name}\"\nkind = \"{kind}\"\nsecret = {}\nrequired = true\nexample = \"e\"\n\
             description = \"d\"\n",
            name == "key"
        )
    };
    let text = format!(
        "title = \"Echoing\"\naccount = \"A\"\nhosts = [\"{{base_url}}\"]\n{}{}[[authentication]]\nquery = \"key\"\n\
         value = \"{{key}}\"\n[validation]\nurl = \"{{base_url}}/echo\"\n",
        field("key", "text"),
        field("base_url", "url")
    );
    fs::write(folder.path().join("echoing.toml"), text).expect("a file");
    folder
}

/// The whole text of an answer.
async fn over_http(scene: &Scene, person: &Person, deposit: &Value) -> String {
    let request = reqwest::Client::new().post(format!("{}/api/credentials", scene.url));
    let header = person.authorization.clone().expect("a token");
    let answer = request.header("authorization", header).json(deposit).send().await.expect("an answer");
    answer.text().await.expect("a text")
}
