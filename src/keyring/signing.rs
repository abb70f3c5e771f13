//! Signing keys: ES256 (ECDSA on P-256 with SHA-256, RFC 7518, section 3.4).
//!
//! Owns key pairs, signatures over tokens and over plain bytes, and public keys. Key pairs stay parsed, because
//! parsing one costs as much as a signature. It must not know which key is current, nor for how long one is
//! published: that is the broker's.

use std::{borrow::Cow, fmt};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde::Serialize;

use super::jwt::ACCESS_TOKEN_TYPE;
use crate::{
    entropy::system_random,
    model::{
        id::SigningKeyId,
        secret::{SecretBytes, SecretText},
    },
};

/// Bytes of a signature: *r* and *s*, 32 each, big-endian.
pub const SIGNATURE_LEN: usize = 64;
/// Bytes of a public key: an uncompressed point (SEC 1, section 2.3.3): `0x04`, *x*, *y*.
pub const PUBLIC_KEY_LEN: usize = 65;

/// A key pair that signs.
pub struct SigningKey {
    id: SigningKeyId,
    pair: EcdsaKeyPair,
    public: VerifyingKey,
    /// The encoded header of an access token, the same for each.
    access_token_header: String,
}

/// The public half of a [`SigningKey`].
#[derive(Clone)]
pub struct VerifyingKey {
    id: SigningKeyId,
    point: [u8; PUBLIC_KEY_LEN],
    /// The same point, as the token library wants it.
    decoding: DecodingKey,
}

/// A public key as `/oauth/jwks` shows it (RFC 7517, RFC 7518 section 6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    /// Key type: `EC`.
    pub kty: &'static str,
    /// Curve: `P-256`.
    pub crv: &'static str,
    /// The point's *x*, base64url.
    pub x: String,
    /// The point's *y*, base64url.
    pub y: String,
    /// The key's id.
    pub kid: SigningKeyId,
    /// Use: `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Algorithm: `ES256`.
    pub alg: &'static str,
}

/// Signing failed, or a key is unusable. Tells nothing of the key.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The bytes are no P-256 key.
    #[error("not a usable P-256 key")]
    Key,
    /// The claims or the header have no JSON form.
    #[error("the token's content has no JSON form")]
    Content(#[from] serde_json::Error),
    /// The system gave no randomness.
    #[error("no signature could be made: the system gave no random bytes")]
    Randomness,
}

impl SigningKey {
    /// Makes a key pair, and its PKCS#8 document, which is to be sealed and stored.
    ///
    /// The randomness is the operating system's: `ring` takes no other.
    ///
    /// # Errors
    /// [`SigningError::Randomness`] when the system gives no random bytes.
    pub fn generate(id: SigningKeyId) -> Result<(Self, SecretBytes), SigningError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &system_random())
            .map_err(|_| SigningError::Randomness)?;
        let document = SecretBytes::new(document.as_ref().to_vec());
        Ok((Self::from_pkcs8(id, &document)?, document))
    }

    /// Reads a stored key pair.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the document is not that of a P-256 key pair.
    pub fn from_pkcs8(id: SigningKeyId, document: &SecretBytes) -> Result<Self, SigningError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.expose(), &system_random())
                .map_err(|_| SigningError::Key)?;
        let public = VerifyingKey::from_point(id, pair.public_key().as_ref())?;
        Ok(Self { id, pair, public, access_token_header: encode_header(ACCESS_TOKEN_TYPE, id)? })
    }

    /// The key's id, the `kid` of its tokens.
    #[must_use]
    pub const fn id(&self) -> SigningKeyId {
        self.id
    }

    /// The public half.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// A signed token (RFC 7515, compact form) of the given `typ`, e.g. [`ACCESS_TOKEN_TYPE`].
    ///
    /// # Errors
    /// [`SigningError::Content`] when the claims do not serialize, [`SigningError::Randomness`] when the system gives
    /// no random bytes.
    pub fn sign_jwt<C: Serialize>(&self, typ: &str, claims: &C) -> Result<SecretText, SigningError> {
        let header = if typ == ACCESS_TOKEN_TYPE {
            Cow::Borrowed(self.access_token_header.as_str())
        } else {
            Cow::Owned(encode_header(typ, self.id)?)
        };
        let claims = serde_json::to_vec(claims)?;
        let len = header.len() + BASE64URL_NOPAD.encode_len(claims.len()) + ENCODED_SIGNATURE_LEN + 2;
        let mut token = String::with_capacity(len);
        token.push_str(&header);
        token.push('.');
        BASE64URL_NOPAD.encode_append(&claims, &mut token);
        let signature = self.sign_bytes(token.as_bytes())?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(&signature, &mut token);
        Ok(SecretText::new(token))
    }

    /// A signature over plain bytes, for audit checkpoints. The bytes must not have the form of a token's signed part
    /// (`header.claims` in base64url); anything with a space or a line break in it does not.
    ///
    /// # Errors
    /// [`SigningError::Randomness`] when the system gives no random bytes.
    pub fn sign_bytes(&self, bytes: &[u8]) -> Result<[u8; SIGNATURE_LEN], SigningError> {
        let signature = self.pair.sign(&system_random(), bytes).map_err(|_| SigningError::Randomness)?;
        signature.as_ref().try_into().map_err(|_| SigningError::Key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

impl VerifyingKey {
    /// Reads a stored public key: [`PUBLIC_KEY_LEN`] bytes. A point off the curve verifies nothing.
    ///
    /// # Errors
    /// [`SigningError::Key`] when the bytes are not an uncompressed P-256 point.
    pub fn from_point(id: SigningKeyId, point: &[u8]) -> Result<Self, SigningError> {
        let point: [u8; PUBLIC_KEY_LEN] = point.try_into().map_err(|_| SigningError::Key)?;
        if point.first() != Some(&UNCOMPRESSED) {
            return Err(SigningError::Key);
        }
        Ok(Self { id, point, decoding: DecodingKey::from_ec_der(&point) })
    }

    /// The key's id, the `kid` of its tokens.
    #[must_use]
    pub const fn id(&self) -> SigningKeyId {
        self.id
    }

    /// The uncompressed point, as it is stored.
    #[must_use]
    pub const fn point(&self) -> &[u8; PUBLIC_KEY_LEN] {
        &self.point
    }

    /// The key, as it is published.
    #[must_use]
    pub fn jwk(&self) -> PublicJwk {
        let (_, coordinates) = self.point.split_at(1);
        let (x, y) = coordinates.split_at(COORDINATE_LEN);
        PublicJwk {
            kty: "EC",
            crv: "P-256",
            x: BASE64URL_NOPAD.encode(x),
            y: BASE64URL_NOPAD.encode(y),
            kid: self.id,
            usage: "sig",
            alg: "ES256",
        }
    }

    pub(super) const fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    /// Whether the signature is this key's over these bytes.
    #[must_use]
    pub fn verify_bytes(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point).verify(bytes, signature).is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id)
    }
}

fn encode_header(typ: &str, id: SigningKeyId) -> Result<String, SigningError> {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(typ.to_owned());
    header.kid = Some(id.to_string());
    Ok(BASE64URL_NOPAD.encode(&serde_json::to_vec(&header)?))
}

/// First byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;
const COORDINATE_LEN: usize = 32;
/// 64 bytes in base64url, unpadded.
const ENCODED_SIGNATURE_LEN: usize = 86;

#[cfg(test)]
mod tests;
