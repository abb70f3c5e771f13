//! The value of an `Authorization` header, up to the caller it names: nobody but who holds a token gets in.
#![no_main]

use leasehold_fuzz::WORLD;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let admitted = WORLD.authenticate(data);
    let tokens = &WORLD.tokens;
    let shown = data.split_once(' ').map_or("", |(_, token)| token.trim());
    let real = [&tokens.mcp_token, &tokens.admin_token].iter().any(|token| token.expose() == shown);
    assert!(!admitted || real, "admitted without a token");
});
