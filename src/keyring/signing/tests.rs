//! Signatures and tokens: round trips, and every way of forging one that the field knows.

use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{
    keyring::jwt::{JwtError, verify},
    model::{
        id::{Id, RANDOM_BYTES},
        instant::Instant,
    },
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
}

fn id(number: u8) -> SigningKeyId {
    SigningKeyId::from_parts(Instant::from_micros(0), [number; RANDOM_BYTES])
}

fn key(number: u8) -> SigningKey {
    SigningKey::generate(id(number)).unwrap().0
}

/// Long expired: times are not this room's to judge.
fn claims() -> Claims {
    Claims { sub: "cli_1".to_owned(), exp: 1 }
}

fn check(keys: &[&SigningKey], token: &str) -> Result<Claims, JwtError> {
    let keys: Vec<_> = keys.iter().map(|key| key.verifying_key().clone()).collect();
    verify(&keys, ACCESS_TOKEN_TYPE, token)
}

fn encode(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// A token with any header, rightly signed.
fn signed(key: &SigningKey, header: &Value) -> String {
    let message = format!("{}.{}", encode(header), encode(&json!(claims())));
    let signature = key.sign_bytes(message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
}

#[test]
fn a_token_comes_back_as_it_was() {
    let (a, b) = (key(1), key(2));
    for signer in [&a, &b] {
        let token = signer.sign_jwt(ACCESS_TOKEN_TYPE, &claims()).unwrap();
        assert_eq!(check(&[&a, &b], token.expose()), Ok(claims()));
    }
}

#[test]
fn a_stored_key_is_the_same_key() {
    let (key, document) = SigningKey::generate(id(1)).unwrap();
    let again = SigningKey::from_pkcs8(id(1), &document).unwrap();
    assert_eq!(again.verifying_key().point(), key.verifying_key().point());
    let token = again.sign_jwt(ACCESS_TOKEN_TYPE, &claims()).unwrap();
    assert_eq!(check(&[&key], token.expose()), Ok(claims()));
    let public = VerifyingKey::from_point(id(1), key.verifying_key().point()).unwrap();
    assert_eq!(verify(&[public], ACCESS_TOKEN_TYPE, token.expose()), Ok(claims()));
}

#[test]
fn the_header_names_algorithm_type_and_key_and_nothing_else() {
    let key = key(1);
    for typ in [ACCESS_TOKEN_TYPE, "JWT"] {
        let token = key.sign_jwt(typ, &claims()).unwrap();
        let header = token.expose().split('.').next().unwrap();
        let header: Value =
            serde_json::from_slice(&BASE64URL_NOPAD.decode(header.as_bytes()).unwrap()).unwrap();
        assert_eq!(header, json!({ "alg": "ES256", "typ": typ, "kid": id(1) }));
    }
}

#[test]
fn a_foreign_token_verifies() {
    // The key, the claims and the signature of RFC 7515, appendix A.3, as plain signed bytes.
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let x = decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    let y = decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let message = concat!(
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    );
    let signature =
        decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
    let key = VerifyingKey::from_point(id(1), &[&[4], x.as_slice(), &y].concat()).unwrap();
    assert!(key.verify_bytes(message.as_bytes(), &signature));
    assert!(!key.verify_bytes(b"", &signature));
    let jwk = key.jwk();
    assert_eq!((decode(&jwk.x), decode(&jwk.y)), (x, y));
}

#[test]
fn each_forgery_is_refused_for_its_reason() {
    let key = key(1);
    let kid = id(1);
    for (header, error) in [
        (json!({ "alg": "none", "typ": "at+jwt", "kid": kid }), JwtError::Algorithm),
        (json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }), JwtError::Algorithm),
        (json!({ "alg": "es256", "typ": "at+jwt", "kid": kid }), JwtError::Algorithm),
        (json!({ "typ": "at+jwt", "kid": kid }), JwtError::Algorithm),
        (json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid, "crit": ["b64"] }), JwtError::Critical),
        (json!({ "alg": "ES256", "typ": "JWT", "kid": kid }), JwtError::Type),
        (json!({ "alg": "ES256", "kid": kid }), JwtError::Type),
        (json!({ "alg": "ES256", "typ": "at+jwt" }), JwtError::KeyMissing),
        (json!({ "alg": "ES256", "typ": "at+jwt", "kid": id(2) }), JwtError::KeyUnknown),
        (json!({ "alg": "ES256", "typ": "at+jwt", "kid": "../1" }), JwtError::KeyUnknown),
        (json!({ "alg": "ES256", "typ": "at+jwt", "kid": 1 }), JwtError::Malformed),
        (json!("ES256"), JwtError::Malformed),
    ] {
        assert_eq!(check(&[&key], &signed(&key, &header)), Err(error), "{header}");
    }
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/at+JWT"] {
        let header = json!({ "alg": "ES256", "typ": typ, "kid": kid });
        assert_eq!(check(&[&key], &signed(&key, &header)), Ok(claims()), "{typ}");
    }
}

#[test]
fn an_unsigned_or_hmac_signed_token_is_refused() {
    let key = key(1);
    let unsigned = json!({ "alg": "none", "typ": "at+jwt", "kid": id(1) });
    let token = format!("{}.{}.", encode(&unsigned), encode(&json!(claims())));
    assert_eq!(check(&[&key], &token), Err(JwtError::Algorithm));

    // The classic confusion: the public key taken for an HMAC secret.
    let symmetric = json!({ "alg": "HS256", "typ": "at+jwt", "kid": id(1) });
    let message = format!("{}.{}", encode(&symmetric), encode(&json!(claims())));
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.verifying_key().point());
    let tag = ring::hmac::sign(&secret, message.as_bytes());
    let token = format!("{message}.{}", BASE64URL_NOPAD.encode(tag.as_ref()));
    assert_eq!(check(&[&key], &token), Err(JwtError::Algorithm));
}

#[test]
fn another_key_of_the_same_id_is_refused() {
    let (real, impostor) = (key(1), key(1));
    let token = impostor.sign_jwt(ACCESS_TOKEN_TYPE, &claims()).unwrap();
    assert_eq!(check(&[&real], token.expose()), Err(JwtError::Signature));
    assert_eq!(check(&[], token.expose()), Err(JwtError::KeyUnknown));
}

#[test]
fn no_cut_token_and_no_changed_character_is_accepted() {
    let key = key(1);
    let token = key.sign_jwt(ACCESS_TOKEN_TYPE, &claims()).unwrap();
    let token = token.expose();
    for len in 0..token.len() {
        assert!(check(&[&key], &token[..len]).is_err(), "cut to {len}");
    }
    for at in 0..token.len() {
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert!(check(&[&key], &changed).is_err(), "changed at {at}");
    }
    for wrong in [format!("{token}.x"), format!("{token}="), format!(" {token}"), "..".to_owned()] {
        assert_eq!(check(&[&key], &wrong), Err(JwtError::Malformed), "{wrong}");
    }
}

#[test]
fn claims_of_another_form_are_refused_after_the_signature() {
    let key = key(1);
    let token = key.sign_jwt(ACCESS_TOKEN_TYPE, &json!({ "sub": 1 })).unwrap();
    assert_eq!(check(&[&key], token.expose()), Err(JwtError::Claims));
    let times = json!({ "sub": "a", "exp": 9, "nbf": 4_000_000_000_u64, "aud": ["x"], "iss": "y" });
    let token = key.sign_jwt(ACCESS_TOKEN_TYPE, &times).unwrap();
    assert_eq!(check(&[&key], token.expose()), Ok(Claims { sub: "a".to_owned(), exp: 9 }));
}

#[test]
fn bytes_are_signed_and_checked() {
    let (key, other) = (key(1), key(2));
    let signature = key.sign_bytes(b"a checkpoint").unwrap();
    assert!(key.verifying_key().verify_bytes(b"a checkpoint", &signature));
    assert!(!key.verifying_key().verify_bytes(b"a checkpoinT", &signature));
    assert!(!key.verifying_key().verify_bytes(b"a checkpoint", &signature[1..]));
    assert!(!other.verifying_key().verify_bytes(b"a checkpoint", &signature));
}

#[test]
fn the_published_key_has_the_members_of_the_rfc() {
    let key = key(1);
    let jwk = key.verifying_key().jwk();
    let expected = json!({
        "kty": "EC", "crv": "P-256", "x": jwk.x, "y": jwk.y, "kid": id(1), "use": "sig", "alg": "ES256",
    });
    assert_eq!(serde_json::to_value(&jwk).unwrap(), expected);
    assert_eq!((jwk.x.len(), jwk.y.len()), (43, 43));
}

#[test]
fn wrong_documents_and_points_are_refused() {
    let (key, document) = SigningKey::generate(id(1)).unwrap();
    let cut = SecretBytes::new(document.expose()[1..].to_vec());
    assert!(matches!(SigningKey::from_pkcs8(id(1), &cut), Err(SigningError::Key)));
    let point = key.verifying_key().point();
    assert!(VerifyingKey::from_point(id(1), &point[1..]).is_err());
    assert!(VerifyingKey::from_point(id(1), &[2; PUBLIC_KEY_LEN]).is_err());
    let off_curve = VerifyingKey::from_point(id(1), &[4; PUBLIC_KEY_LEN]).unwrap();
    assert!(!off_curve.verify_bytes(b"x", &key.sign_bytes(b"x").unwrap()));
}

#[test]
fn debug_shows_ids_alone() {
    let key = key(1);
    assert_eq!(format!("{key:?}"), format!("SigningKey({})", id(1)));
    assert_eq!(format!("{:?}", key.verifying_key()), format!("VerifyingKey({})", id(1)));
}

proptest! {
    #[test]
    fn every_claim_survives(sub in ".{0,80}", exp: i64) {
        let key = key(1);
        let claims = Claims { sub, exp };
        let token = key.sign_jwt(ACCESS_TOKEN_TYPE, &claims).unwrap();
        prop_assert_eq!(check(&[&key], token.expose()), Ok(claims));
    }

    #[test]
    fn no_text_panics(token in "[A-Za-z0-9_.-]{0,60}|.{0,60}") {
        prop_assert!(check(&[], &token).is_err());
    }
}
