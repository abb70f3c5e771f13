//! HTTP Basic as OAuth clients use it: both halves are form-encoded first (RFC 6749, section 2.3.1; RFC 7617).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    keyring::digest::TokenDigest,
    model::secret::{SecretBytes, SecretText},
};

use super::types::ClientCredentials;

impl ClientCredentials {
    /// The digest that the secret is stored by, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        TokenDigest::of(self.client_secret.expose()).to_string()
    }

    /// Reads what follows `Basic `; none when it is not an id and a secret.
    #[must_use]
    pub fn from_basic(encoded: &str) -> Option<Self> {
        let decoded = STANDARD.decode(encoded.trim()).map(SecretBytes::new).ok()?;
        let mut halves = decoded.expose().splitn(2, |byte| *byte == b':');
        let (id, secret) = halves.next().zip(halves.next())?;
        let client_secret = SecretText::new(form_decoded(secret)?);
        Some(Self { client_id: form_decoded(id)?, client_secret, basic: true })
    }
}

/// Undoes `application/x-www-form-urlencoded` on one value. A `%` that begins no pair of digits stands for itself, since
/// some clients send their secret as it is.
fn form_decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match (byte, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, beyond @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = beyond;
                hex(*high)? << 4 | hex(*low)?
            }
            (other, _) => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
