//! HTTP Basic as OAuth clients use it: both halves are form-encoded first (RFC 6749, section 2.3.1; RFC 7617).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::model::secret::{SecretBytes, SecretText};

use super::types::ClientCredentials;

impl ClientCredentials {
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

/// Undoes `application/x-www-form-urlencoded` on one value.
fn form_decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
