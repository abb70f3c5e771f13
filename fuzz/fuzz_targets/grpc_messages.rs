//! gRPC: every call, with any message. The first byte chooses the call, the second the caller; the rest is the message.
#![no_main]

use axum::{
    extract::Request,
    http::{StatusCode, header},
};
use leasehold::api::operations;
use leasehold_fuzz::{WORLD, body, choose};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let calls: Vec<&str> = operations().filter_map(|operation| operation.rpc).collect();
    let Some((chosen, rest)) = choose(data, calls.len()) else { return };
    let Some((caller, message)) = choose(rest, 2) else { return };
    let tokens = &WORLD.tokens;
    let token = if caller == 0 { &tokens.admin_token } else { &tokens.mcp_token };
    let length = u32::try_from(message.len()).expect("a short message");
    let mut framed = vec![0];
    framed.extend(length.to_be_bytes());
    framed.extend(message);
    let request = Request::post(format!("/leasehold.v1.{}", calls[chosen]))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    let (status, _) = WORLD.ask_grpc(request.body(body(&framed)).expect("a request"));
    assert_eq!(status, StatusCode::OK);
});
