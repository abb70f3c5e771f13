//! Verification of signed tokens (RFC 7515, RFC 7519, RFC 9068).
//!
//! Owns the checks that a token's form and signature allow: algorithm, type, key and signature. It must not judge the
//! claims: times belong to the injected clock, issuer and audience to the broker.

use std::{borrow::Cow, sync::LazyLock};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, Validation,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{ErrorKind, new_error},
    signature::{Error as SignatureError, Verifier},
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

use super::signing::VerifyingKey;
use crate::model::id::SigningKeyId;

/// The `typ` of an access token (RFC 9068, section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// A token is not accepted. To a caller all are alike; the difference is for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not three parts of base64url, or its header is no JSON object.
    #[error("the token is malformed")]
    Malformed,
    /// Its `alg` is missing or is not `ES256`.
    #[error("the token's algorithm is not ES256")]
    Algorithm,
    /// It demands extensions that nobody here knows (`crit`).
    #[error("the token demands unknown header extensions")]
    Critical,
    /// Its `typ` is missing or is not the expected one.
    #[error("the token is of another type")]
    Type,
    /// It names no key.
    #[error("the token names no key")]
    KeyMissing,
    /// It names a key that is not among those given.
    #[error("the token names an unknown key")]
    KeyUnknown,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// The signature is right, but the claims do not have the expected form.
    #[error("the token's claims do not have the expected form")]
    Claims,
    /// The process uses `jsonwebtoken` with another provider of cryptography.
    #[error("another provider of token cryptography was installed before")]
    Provider,
}

/// The claims of a token of type `typ` that one of the keys signed. Nothing is checked about the claims themselves,
/// expiry included. Types compare as media types do: in any case, with or without `application/`.
///
/// # Errors
/// [`JwtError`]: the first check that failed, in the order of its variants.
pub fn verify<C: DeserializeOwned>(keys: &[VerifyingKey], typ: &str, token: &str) -> Result<C, JwtError> {
    let header = decode_header(token)?;
    let kid = TokenHeader::parse(&header)?.check(typ)?;
    let key = keys.iter().find(|key| key.id() == kid).ok_or(JwtError::KeyUnknown)?;
    if !*PROVIDER_INSTALLED {
        return Err(JwtError::Provider);
    }
    let verified = jsonwebtoken::decode(token, key.decoding(), &VALIDATION);
    verified.map(|data| data.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => JwtError::Signature,
        // The deciding part of the header has been read above, so that as a rule the claims are what fails here.
        ErrorKind::Json(_) => JwtError::Claims,
        _ => JwtError::Malformed,
    })
}

/// What of a header decides. Read here, and not by the library, which cannot tell an unknown algorithm (`none` is
/// one to it) from a broken header.
#[derive(Deserialize)]
struct TokenHeader<'a> {
    #[serde(borrow)]
    alg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    crit: Option<IgnoredAny>,
}

impl<'a> TokenHeader<'a> {
    fn parse(json: &'a [u8]) -> Result<Self, JwtError> {
        serde_json::from_slice(json).map_err(|_| JwtError::Malformed)
    }

    fn check(self, typ: &str) -> Result<SigningKeyId, JwtError> {
        if self.alg.as_deref() != Some(ALGORITHM) {
            return Err(JwtError::Algorithm);
        }
        if self.crit.is_some() {
            return Err(JwtError::Critical);
        }
        if !self.typ.is_some_and(|found| is_type(&found, typ)) {
            return Err(JwtError::Type);
        }
        self.kid.ok_or(JwtError::KeyMissing)?.parse().map_err(|_| JwtError::KeyUnknown)
    }
}

fn decode_header(token: &str) -> Result<Vec<u8>, JwtError> {
    let (header, rest) = token.split_once('.').ok_or(JwtError::Malformed)?;
    if rest.split('.').count() != 2 {
        return Err(JwtError::Malformed);
    }
    BASE64URL_NOPAD.decode(header.as_bytes()).map_err(|_| JwtError::Malformed)
}

fn is_type(found: &str, expected: &str) -> bool {
    let (prefix, rest) = found.split_at_checked(MEDIA_TYPE_PREFIX.len()).unwrap_or_default();
    let bare = if prefix.eq_ignore_ascii_case(MEDIA_TYPE_PREFIX) { rest } else { found };
    bare.eq_ignore_ascii_case(expected)
}

// === impl CryptoProvider ===

struct Es256Verifier(Vec<u8>);

impl Verifier<Vec<u8>> for Es256Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0)
            .verify(message, signature)
            .map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Es256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    // Signing keeps its parsed key pair in `SigningKey`, which this hook cannot reach.
    signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: |algorithm, key| {
        if *algorithm != Algorithm::ES256 || key.family() != AlgorithmFamily::Ec {
            return Err(new_error(ErrorKind::UnsupportedAlgorithm));
        }
        Ok(Box::new(Es256Verifier(key.try_get_as_bytes()?.to_vec())))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Whether ours is the provider of this process, which takes one only.
static PROVIDER_INSTALLED: LazyLock<bool> = LazyLock::new(|| PROVIDER.install_default().is_ok());

static VALIDATION: LazyLock<Validation> = LazyLock::new(|| {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
});

const ALGORITHM: &str = "ES256";
const MEDIA_TYPE_PREFIX: &str = "application/";
