//! Requests that cannot be read, to every route: what is answered is among what the API description lists.

use leasehold::api::{Operation, Relation, operations};
use reqwest::{Method, RequestBuilder, header};
use serde_json::Value;

use super::http_requests::Front;
use crate::harness::OAuthClient;

#[tokio::test]
async fn a_body_of_another_kind_is_answered_as_described() {
    let caller = Caller::comes().await;
    for operation in operations() {
        let request = caller.asks(operation, "").header(header::CONTENT_TYPE, "text/plain").body("x");
        caller.is_answered(operation, request, reads_a_body(operation).then_some(415)).await;
    }
    caller.leaves().await;
}

#[tokio::test]
async fn a_body_too_large_is_answered_as_described() {
    let caller = Caller::comes().await;
    for operation in operations().filter(|operation| reads_a_body(operation)) {
        let request = caller.asks(operation, "").header(header::CONTENT_TYPE, "application/json");
        let request = request.body(vec![b' '; (1 << 20) + 1]);
        caller.is_answered(operation, request, Some(413)).await;
    }
    caller.leaves().await;
}

#[tokio::test]
async fn a_query_that_is_no_text_is_answered_as_described() {
    let caller = Caller::comes().await;
    for operation in operations() {
        let reads_a_query = operation.path.starts_with("/api/");
        caller.is_answered(operation, caller.asks(operation, "?a=%ff"), reads_a_query.then_some(400)).await;
    }
    caller.leaves().await;
}

fn reads_a_body(operation: &Operation) -> bool {
    operation.method != Method::GET
}

/// Whoever an operation wants, as far as its head is looked at, with the description in hand.
struct Caller {
    front: Front,
    client: OAuthClient,
    description: Value,
}

impl Caller {
    async fn comes() -> Self {
        let front = Front::opens().await;
        let client = front.ann.client().await;
        let description = front.client.get(format!("{}/openapi.json", front.world.url)).send().await.unwrap();
        Self { client, description: description.json().await.unwrap(), front }
    }

    async fn leaves(self) {
        self.front.world.end().await;
    }

    fn asks(&self, operation: &Operation, query: &str) -> RequestBuilder {
        let names: Vec<&str> = operation.path_parameters().collect();
        let path = names
            .iter()
            .fold(operation.path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), "x"));
        let url = format!("{}{path}{query}", self.front.world.url);
        let request = self.front.client.request(operation.method.clone(), url);
        match operation.relation {
            Relation::Anonymous => request,
            Relation::Client => request.basic_auth(self.client.id, Some(&self.client.secret)),
            Relation::Own | Relation::Organization | Relation::Operator => {
                request.header(header::AUTHORIZATION, self.front.ann.authorization.clone().expect("a header"))
            }
        }
    }

    async fn is_answered(&self, operation: &Operation, request: RequestBuilder, expected: Option<u16>) {
        let status = request.send().await.expect("an answer").status().as_u16();
        let method = operation.method.as_str().to_lowercase();
        let described = &self.description["paths"][operation.path][method]["responses"];
        assert!(
            described[status.to_string()].is_object(),
            "{}: {status}, not in {described}",
            operation.name
        );
        assert!(expected.is_none_or(|expected| status == expected), "{}: {status}", operation.name);
    }
}
