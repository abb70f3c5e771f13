//! The todos themselves. All clients act for the same user, as in the real application.

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Todo, refused, unprocessable};
use crate::stage::{answer, call::Call, clock::rfc3339, random};

/// Todos in the order of their making.
#[derive(Debug)]
pub(crate) struct Todos {
    user: String,
    items: Vec<Value>,
}

impl Default for Todos {
    fn default() -> Self {
        Self { user: random::uuid(), items: Vec::new() }
    }
}

impl Todo {
    /// Below `/api/v1/todos` and `/api/v1/oauth-todos`.
    pub(super) fn todos(&self, call: &Call, collection: &str, rest: &[&str]) -> Response {
        if rest.is_empty() && !call.path.ends_with('/') {
            // Before anybody is asked who they are; clients may lose their token on the way.
            return answer::redirect(
                StatusCode::TEMPORARY_REDIRECT,
                &format!("{}{}/", self.stage.url, call.path),
            );
        }
        if let Some(refusal) = self.refusal(call, collection) {
            return refusal;
        }
        let now = rfc3339(self.stage.clock.now());
        let todos = &mut self.state().todos;
        match (&call.method, rest) {
            (&Method::GET, []) => answer::ok(Value::Array(todos.items.clone())),
            (&Method::POST, []) => todos.create(call, &now),
            (&Method::GET, [id]) => todos.find(id).map_or_else(missing, |todo| answer::ok(todo.clone())),
            (&Method::PUT, [id]) => todos.find(id).map_or_else(missing, |todo| update(todo, call, &now)),
            (&Method::DELETE, [id]) => todos.delete(id),
            _ => refused(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"),
        }
    }

    fn refusal(&self, call: &Call, collection: &str) -> Option<Response> {
        let switches = self.switches.now();
        if switches.cookie_only && collection == "todos" {
            return Some(refused(StatusCode::UNAUTHORIZED, "Not authenticated"));
        }
        let Some(token) = call.bearer() else {
            return Some(refused(StatusCode::FORBIDDEN, "Not authenticated"));
        };
        self.stage.counters.call_with(token);
        let state = self.state();
        let Ok((grant, _)) = state.grants.accept(token, self.stage.clock.now()) else {
            let refusal = refused(StatusCode::UNAUTHORIZED, "Invalid or expired token");
            return Some(answer::with_header(refusal, "www-authenticate", "Bearer"));
        };
        let needed = if call.method == Method::GET { "todos:read" } else { "todos:write" };
        let lacks = switches.enforce_scopes && !grant.scope.split_whitespace().any(|scope| scope == needed);
        lacks.then(|| refused(StatusCode::FORBIDDEN, "Insufficient scope"))
    }
}

impl Todos {
    /// Answers with 200, not with 201.
    fn create(&mut self, call: &Call, now: &str) -> Response {
        let body = call.json().unwrap_or_default();
        let Some(title) = body.get("title").and_then(Value::as_str) else {
            return unprocessable(&["body", "title"], "Field required", "missing");
        };
        let todo = json!({
            "id": random::uuid(), "user_id": self.user, "title": title,
            "description": body.get("description").and_then(Value::as_str),
            "completed": body.get("completed").and_then(Value::as_bool).unwrap_or(false),
            "created_at": now, "updated_at": null,
        });
        self.items.push(todo.clone());
        answer::ok(todo)
    }

    fn delete(&mut self, id: &str) -> Response {
        let before = self.items.len();
        self.items.retain(|todo| todo.get("id") != Some(&json!(id)));
        if self.items.len() == before {
            return missing();
        }
        answer::ok(json!({ "message": "Todo deleted successfully" }))
    }

    fn find(&mut self, id: &str) -> Option<&mut Value> {
        self.items.iter_mut().find(|todo| todo.get("id") == Some(&json!(id)))
    }
}

/// What is left out or null stays: a description can't be taken away.
fn update(todo: &mut Value, call: &Call, now: &str) -> Response {
    let body = call.json().unwrap_or_default();
    if let Some(fields) = todo.as_object_mut() {
        for name in ["title", "description", "completed"] {
            if let Some(value) = body.get(name).filter(|value| !value.is_null()) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
        fields.insert("updated_at".to_owned(), json!(now));
    }
    answer::ok(todo.clone())
}

fn missing() -> Response {
    refused(StatusCode::NOT_FOUND, "Todo not found")
}
