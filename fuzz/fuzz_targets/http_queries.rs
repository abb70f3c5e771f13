//! Paths and queries: every operation that is read with GET, asked by an operator or a person. The first byte chooses
//! the operation, the second the caller; what a line holds stands for each name in the path, the last line is the query.
#![no_main]

use axum::{
    body::Body,
    extract::Request,
    http::{Method, Uri, header},
};
use leasehold::api::{Operation, operations};
use leasehold_fuzz::{WORLD, choose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let reads: Vec<&Operation> = operations().filter(|operation| operation.method == Method::GET).collect();
    let Some((chosen, rest)) = choose(data, reads.len()) else { return };
    let Some((caller, rest)) = choose(rest, 2) else { return };
    let tokens = &WORLD.tokens;
    let token = if caller == 0 { &tokens.admin_token } else { &tokens.mcp_token };
    let mut lines: Vec<String> = rest.split(|byte| *byte == b'\n').map(encoded).collect();
    let query = lines.pop().unwrap_or_default();
    let mut lines = lines.into_iter();
    let path: Vec<String> = reads[chosen]
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { lines.next().unwrap_or_default() } else { part.to_owned() })
        .collect();
    let Ok(uri) = format!("{}?{query}", path.join("/")).parse::<Uri>() else { return };
    let request = Request::get(uri).header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    WORLD.ask_http(request.body(Body::empty()).expect("a request"));
});

/// Bytes that cannot stand in a target are written as escapes; escapes of the input's own stay.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'!' | b'$'..=b'>' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}
