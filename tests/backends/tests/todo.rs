//! The todo application: its tokens and its todos.

use leasehold_backends::{
    Running,
    todo::{ADMIN_TOKEN, CLIENT_ID, CLIENT_SECRET, Options, SCOPES, Todo},
};
use serde_json::{Value, json};

use crate::harness::{Answer, client, frozen, get, seconds, sent};

async fn started() -> Running<Todo> {
    Todo::start(Options { listen: frozen(), ..Options::default() }).await.unwrap()
}

async fn token_at(todo: &Running<Todo>, path: &str, body: &Value) -> Answer {
    let url = format!("{}{path}", todo.url());
    sent(client().post(url).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).json(body)).await
}

async fn token(todo: &Running<Todo>, scope: &str) -> String {
    let body = json!({ "grant_type": "client_credentials", "scope": scope });
    token_at(todo, "/oauth/token", &body).await.text_of("access_token")
}

async fn list(todo: &Running<Todo>, collection: &str, token: &str) -> u16 {
    sent(client().get(format!("{}/api/v1/{collection}/", todo.url())).bearer_auth(token)).await.status
}

#[tokio::test]
async fn tokens_by_json_at_either_address() {
    let todo = started().await;
    for path in ["/oauth/token", "/api/v1/oauth/token"] {
        let body = json!({ "grant_type": "client_credentials", "scope": SCOPES });
        let answer = token_at(&todo, path, &body).await;
        assert_eq!((answer.status, answer.text_of("access_token").len()), (200, 43));
        assert_eq!((&answer.json()["expires_in"], &answer.json()["scope"]), (&json!(3_600), &json!(SCOPES)));
    }
    let empty = token_at(&todo, "/oauth/token", &json!({ "grant_type": "client_credentials" })).await;
    assert_eq!(empty.text_of("scope"), "", "the client's scope is no default");
}

#[tokio::test]
async fn what_the_token_endpoint_refuses() {
    let todo = started().await;
    let url = format!("{}/oauth/token", todo.url());
    let form = [("grant_type", "client_credentials")];
    let asking = || client().post(&url).basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).form(&form);
    assert_eq!(sent(asking()).await.status, 422);
    todo.switches().change(|switches| switches.form_body = true);
    assert_eq!(sent(asking()).await.status, 200);
    for (body, status, detail) in [
        (json!({ "grant_type": "password" }), 400, "Unsupported grant type"),
        (json!({ "grant_type": "client_credentials", "scope": "todos:read x" }), 400, "Invalid scope: x"),
    ] {
        let refused = token_at(&todo, "/oauth/token", &body).await;
        assert_eq!((refused.status, refused.text_of("detail").as_str()), (status, detail));
    }
    let wrong = sent(
        client()
            .post(&url)
            .basic_auth(CLIENT_ID, Some("wrong"))
            .json(&json!({ "grant_type": "client_credentials" })),
    );
    let wrong = wrong.await;
    assert_eq!((wrong.status, wrong.text_of("detail").as_str()), (401, "Invalid client credentials"));
    assert_eq!(wrong.header("www-authenticate"), "Basic");
    let nobody = sent(client().post(&url).json(&json!({}))).await;
    assert_eq!((nobody.status, nobody.text_of("detail").as_str()), (401, "Not authenticated"));
}

#[tokio::test]
async fn a_new_token_evicts_the_one_before() {
    let todo = started().await;
    let (first, second) = (token(&todo, SCOPES).await, token(&todo, SCOPES).await);
    let refused = sent(client().get(format!("{}/api/v1/todos/", todo.url())).bearer_auth(&first)).await;
    assert_eq!((refused.status, refused.text_of("detail").as_str()), (401, "Invalid or expired token"));
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert_eq!(list(&todo, "todos", &second).await, 200);
    let counts = todo.counts();
    assert_eq!((counts.tokens_issued, counts.live_tokens), (2, 1));
    assert_eq!((counts.calls_with(&first), counts.calls_with(&second)), (1, 1));
    todo.switches().change(|switches| switches.one_token_per_client = false);
    let third = token(&todo, SCOPES).await;
    assert_eq!([list(&todo, "todos", &second).await, list(&todo, "todos", &third).await], [200, 200]);
    todo.clock().advance(seconds(3_600));
    assert_eq!(list(&todo, "todos", &third).await, 401);
}

#[tokio::test]
async fn todos() {
    let todo = started().await;
    let (token, root) = (token(&todo, SCOPES).await, format!("{}/api/v1/todos/", todo.url()));
    let created = sent(
        client().post(&root).bearer_auth(&token).json(&json!({ "title": "Milk", "description": "2 l" })),
    )
    .await;
    assert_eq!(
        (created.status, &created.json()["completed"], &created.json()["updated_at"]),
        (200, &json!(false), &Value::Null)
    );
    let one = format!("{root}{}", created.text_of("id"));
    let change = json!({ "completed": true, "description": null });
    let updated = sent(client().put(&one).bearer_auth(&token).json(&change)).await.json();
    assert_eq!((&updated["completed"], &updated["description"]), (&json!(true), &json!("2 l")));
    assert!(updated["updated_at"].is_string());
    assert_eq!(sent(client().get(&root).bearer_auth(&token)).await.json(), json!([updated]));
    let untitled = sent(client().post(&root).bearer_auth(&token).json(&json!({}))).await;
    assert_eq!((untitled.status, &untitled.json()["detail"][0]["loc"]), (422, &json!(["body", "title"])));
    let deleted = sent(client().delete(&one).bearer_auth(&token)).await;
    assert_eq!(deleted.json(), json!({ "message": "Todo deleted successfully" }));
    let missing = sent(client().get(&one).bearer_auth(&token)).await;
    assert_eq!((missing.status, missing.text_of("detail").as_str()), (404, "Todo not found"));
}

#[tokio::test]
async fn without_a_slash_or_a_token() {
    let todo = started().await;
    let redirected =
        sent(client().post(format!("{}/api/v1/todos", todo.url())).json(&json!({ "title": "x" }))).await;
    assert_eq!(
        (redirected.status, redirected.header("location")),
        (307, &*format!("{}/api/v1/todos/", todo.url()))
    );
    let nobody = get(&format!("{}/api/v1/todos/", todo.url())).await;
    assert_eq!((nobody.status, nobody.text_of("detail").as_str()), (403, "Not authenticated"));
    assert_eq!(get(&format!("{}/health", todo.url())).await.json(), json!({ "status": "healthy" }));
}

#[tokio::test]
async fn switches_make_it_stricter() {
    let todo = started().await;
    let reader = token(&todo, "todos:read").await;
    let write = async || {
        let url = format!("{}/api/v1/todos/", todo.url());
        sent(client().post(url).bearer_auth(&reader).json(&json!({ "title": "x" }))).await
    };
    assert_eq!(write().await.status, 200, "scopes are not enforced there");
    todo.switches().change(|switches| switches.enforce_scopes = true);
    let refused = write().await;
    assert_eq!((refused.status, refused.text_of("detail").as_str()), (403, "Insufficient scope"));
    assert_eq!(list(&todo, "todos", &reader).await, 200);
    todo.switches().change(|switches| switches.cookie_only = true);
    assert_eq!([list(&todo, "todos", &reader).await, list(&todo, "oauth-todos", &reader).await], [401, 200]);
}

#[tokio::test]
async fn only_the_admin_makes_clients() {
    let todo = started().await;
    let url = format!("{}/api/v1/oauth/clients?client_name=mcp&scopes=", todo.url());
    assert_eq!(sent(client().post(&url)).await.status, 403);
    let made = sent(client().post(&url).bearer_auth(ADMIN_TOKEN)).await;
    let (id, secret) = (made.text_of("client_id"), made.text_of("client_secret"));
    assert_eq!(
        (id.len(), secret.len(), &made.json()["scopes"]),
        (43, 86, &json!(["todos:read", "todos:write"]))
    );
    let theirs = token(&todo, SCOPES).await;
    let body = json!({ "grant_type": "client_credentials" });
    let request =
        client().post(format!("{}/oauth/token", todo.url())).basic_auth(id, Some(secret)).json(&body);
    assert_eq!(sent(request).await.status, 200);
    assert_eq!(list(&todo, "todos", &theirs).await, 200, "another client's token evicts nobody");
}
