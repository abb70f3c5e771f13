//! Bodies: every operation that takes one. The first byte chooses the operation, the second the caller, the third the
//! content type; the rest is the body.
#![no_main]

use axum::{
    extract::Request,
    http::{Method, header},
};
use data_encoding::BASE64;
use leasehold::api::{Operation, Relation, operations};
use leasehold_fuzz::{WORLD, body, choose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let writes: Vec<&Operation> = operations().filter(|operation| takes_a_body(operation)).collect();
    let Some((chosen, rest)) = choose(data, writes.len()) else { return };
    let Some((caller, rest)) = choose(rest, 2) else { return };
    let Some((content_type, rest)) = choose(rest, CONTENT_TYPES.len()) else { return };
    let operation = writes[chosen];
    let path: Vec<&str> =
        operation.path.split('/').map(|part| if part.starts_with('{') { NOBODY } else { part }).collect();
    let mut request = Request::builder()
        .method(operation.method.clone())
        .uri(path.join("/"))
        .header(header::AUTHORIZATION, authorization(operation, caller == 0));
    if let Some(content_type) = CONTENT_TYPES[content_type] {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    WORLD.ask_http(request.body(body(rest)).expect("a request"));
});

/// A new signing key needs no body and always succeeds: a million of them would show nothing but a long list.
fn takes_a_body(operation: &Operation) -> bool {
    operation.method != Method::GET && operation.name != "rotate_signing_key"
}

fn authorization(operation: &Operation, operator: bool) -> String {
    let tokens = &WORLD.tokens;
    if operation.relation == Relation::Client {
        let pair = format!("{}:{}", tokens.client_id, tokens.client_secret.expose());
        return format!("Basic {}", BASE64.encode(pair.as_bytes()));
    }
    let token = if operator { &tokens.admin_token } else { &tokens.mcp_token };
    format!("Bearer {}", token.expose())
}

const CONTENT_TYPES: &[Option<&str>] = &[
    Some("application/json"),
    Some("application/x-www-form-urlencoded"),
    Some("application/json; charset=utf-8"),
    Some("text/plain"),
    None,
];
/// The form of an id, and the row of nobody.
const NOBODY: &str = "usr_069bq1c8m5vk3f5k9t4m2s6g8c";
