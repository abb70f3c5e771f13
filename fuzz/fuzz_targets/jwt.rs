//! Access tokens. Half of the inputs are a whole token; half are a header and claims that get a good signature, to
//! reach what is read after it.
#![no_main]

use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use leasehold::{
    keyring::{
        jwt::{ACCESS_TOKEN_TYPE, JwtError, verify},
        signing::{SigningKey, VerifyingKey},
    },
    model::{
        id::{ClientId, Id as _, RANDOM_BYTES, SigningKeyId, TokenId},
        instant::Instant,
        owner::Owner,
        scope::ScopeSet,
    },
};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

/// As the broker has them.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what matters is how they are read")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    client_id: ClientId,
    iat: i64,
    exp: i64,
    jti: TokenId,
    scope: ScopeSet,
    owner: Owner,
    epoch: i64,
    role: Option<String>,
}

struct Keys {
    signing: SigningKey,
    verifying: Vec<VerifyingKey>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let id = SigningKeyId::from_parts(Instant::from_micros(1_772_323_200_000_000), [7; RANDOM_BYTES]);
    let (signing, _) = SigningKey::generate(id).expect("a key");
    Keys { verifying: vec![signing.verifying_key().clone()], signing }
});

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    if first % 2 == 0 {
        let Ok(token) = std::str::from_utf8(rest) else { return };
        let read: Result<Claims, _> = verify(&KEYS.verifying, ACCESS_TOKEN_TYPE, token);
        assert!(read.is_err(), "a token that nobody signed");
        return;
    }
    // The id of the key is made anew by each process: `KID` stands for it.
    let text = String::from_utf8_lossy(rest).replace("KID", &KEYS.signing.id().to_string());
    let (header, claims) = text.split_once('\n').unwrap_or((HEADER, &text));
    let header = header.replace("KID", &KEYS.signing.id().to_string());
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = KEYS.signing.sign_bytes(signed.as_bytes()).expect("a signature");
    let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature));
    let read: Result<Claims, _> = verify(&KEYS.verifying, ACCESS_TOKEN_TYPE, &token);
    assert!(!matches!(read, Err(JwtError::Signature)), "a good signature is taken for a bad one");
});

const HEADER: &str = r#"{"alg":"ES256","typ":"at+jwt","kid":"KID"}"#;
