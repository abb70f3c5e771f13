//! The todo application (yata): client credentials as JSON, one live token per client, and todos.

mod clients;
mod options;
mod todos;
mod token;

use std::{
    io,
    sync::{Mutex, MutexGuard},
};

use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

pub use options::{ADMIN_TOKEN, CLIENT_ID, CLIENT_SECRET, Options, SCOPES, TodoSwitches};

use crate::{
    grants::Grants,
    stage::{
        Backend, Ended, Running, Stage, Switches, answer, call::Call, lock, running, switches::Switchboard,
    },
};
use clients::Client;
use todos::Todos;

/// The stand-in.
#[derive(Debug)]
pub struct Todo {
    stage: Stage,
    clients: Vec<(String, String)>,
    switches: Switches<TodoSwitches>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    clients: Vec<Client>,
    grants: Grants,
    todos: Todos,
}

impl Todo {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(options: Options) -> io::Result<Running<Self>> {
        let Options { listen, clients, switches } = options;
        let state = Mutex::new(State::of(&clients));
        running::start(listen, |stage| Self { stage, clients, switches: Switches::new(switches), state })
            .await
    }

    /// Its switches.
    #[must_use]
    pub const fn switches(&self) -> &Switches<TodoSwitches> {
        &self.switches
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn of(clients: &[(String, String)]) -> Self {
        let clients = clients.iter().map(|(id, secret)| Client::new(id, secret, SCOPES)).collect();
        Self { clients, grants: Grants::default(), todos: Todos::default() }
    }
}

impl Backend for Todo {
    fn answer(&self, call: &Call) -> Response {
        match (&call.method, call.segments().as_slice()) {
            (&Method::GET, []) => answer::ok(json!({ "message": "Yata Todo API" })),
            (&Method::GET, ["health"]) => answer::ok(json!({ "status": "healthy" })),
            (&Method::POST, ["oauth", "token"] | ["api", "v1", "oauth", "token"]) => self.token(call),
            (&Method::POST, ["api", "v1", "oauth", "clients"]) => self.create_client(call),
            (_, ["api", "v1", collection @ ("todos" | "oauth-todos"), rest @ ..]) => {
                self.todos(call, collection, rest)
            }
            _ => refused(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    fn reset(&self) {
        *self.state() = State::of(&self.clients);
    }

    fn switches(&self) -> &dyn Switchboard {
        &self.switches
    }

    fn live_tokens(&self) -> usize {
        self.state().grants.live(self.stage.clock.now())
    }

    /// There are no grants behind its tokens: either ends all of them.
    fn end(&self, _tokens: Ended) {
        self.state().grants.end_where(|_| true);
    }
}

/// An error in the form of the framework that the application uses.
fn refused(status: StatusCode, detail: &str) -> Response {
    answer::json(status, json!({ "detail": detail }))
}

/// A field of the body that is missing or wrong.
fn unprocessable(place: &[&str], message: &str, kind: &str) -> Response {
    let detail: Value = json!([{ "loc": place, "msg": message, "type": kind }]);
    answer::json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "detail": detail }))
}
