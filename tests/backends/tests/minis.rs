//! Todoist, Jira and Notion: what validating a credential meets.

use leasehold_backends::{
    jira::{self, Jira},
    notion::{self, Notion},
    todoist::{self, Todoist},
};
use serde_json::{Value, json};

use crate::harness::{client, get, sent};

#[tokio::test]
async fn todoist() {
    let todoist = Todoist::start(todoist::Options::default()).await.unwrap();
    let url = format!("{}/api/v1/projects", todoist.url());
    let projects = sent(client().get(&url).bearer_auth(todoist::TOKEN)).await.json();
    assert_eq!((&projects["results"][0]["name"], &projects["next_cursor"]), (&json!("Inbox"), &Value::Null));
    assert_eq!(sent(client().get(&url).bearer_auth("wrong")).await.status, 401);
    let gone = get(&format!("{}/rest/v2/projects", todoist.url())).await;
    assert_eq!((gone.status, gone.text.as_str()), (410, "This endpoint is deprecated"));
}

#[tokio::test]
async fn jira() {
    let jira = Jira::start(jira::Options::default()).await.unwrap();
    let url = format!("{}/rest/api/3/myself", jira.url());
    let myself = sent(client().get(&url).basic_auth(jira::EMAIL, Some(jira::API_TOKEN))).await.json();
    assert_eq!(myself["emailAddress"], jira::EMAIL);
    assert_eq!(sent(client().get(&url).basic_auth(jira::EMAIL, Some("wrong"))).await.status, 401);
    assert_eq!(sent(client().get(&url).bearer_auth(jira::API_TOKEN)).await.status, 401);
}

#[tokio::test]
async fn notion() {
    let notion = Notion::start(notion::Options::default()).await.unwrap();
    let url = format!("{}/v1/users/me", notion.url());
    let asking = |token: &str| client().get(&url).bearer_auth(token);
    let me = sent(asking(notion::TOKEN).header("Notion-Version", "2022-06-28")).await.json();
    assert_eq!((&me["object"], &me["type"]), (&json!("user"), &json!("bot")));
    let unversioned = sent(asking(notion::TOKEN)).await;
    assert_eq!((unversioned.status, unversioned.text_of("code").as_str()), (400, "missing_version"));
    assert_eq!(
        sent(asking("wrong").header("Notion-Version", "2022-06-28")).await.text_of("code"),
        "unauthorized"
    );
}
