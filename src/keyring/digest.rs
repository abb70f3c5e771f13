//! Digests: what the broker keeps of a machine's secret, and keyed digests.
//!
//! Owns SHA-256 and HMAC-SHA256 and their constant-time comparison. Plain SHA-256 is right for secrets of 256 random
//! bits alone, which nobody can guess; what a human chose needs Argon2 and does not come here.

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use ring::{digest, hmac};
use subtle::{Choice, ConstantTimeEq};

use crate::{entropy::Entropy, model::secret::SecretBytes};

/// Bytes of a digest.
pub const DIGEST_LEN: usize = 32;

/// The text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected 64 hexadecimal digits in lower case")]
pub struct ParseDigestError;

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// Its text, for the database, is 64 hexadecimal digits in lower case. It compares in constant time.
        #[derive(Clone, Copy)]
        pub struct $name([u8; DIGEST_LEN]);

        impl $name {
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; DIGEST_LEN] {
                &self.0
            }
        }

        impl ConstantTimeEq for $name {
            fn ct_eq(&self, other: &Self) -> Choice {
                self.0.ct_eq(&other.0)
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.ct_eq(other).into()
            }
        }

        impl Eq for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl FromStr for $name {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<Self, ParseDigestError> {
                parse_hex(text).map(Self)
            }
        }
    )*};
}

digests! {
    /// SHA-256 of a machine's secret: a token or a client secret.
    TokenDigest;
    /// HMAC-SHA256 under a [`DigestKey`].
    KeyedDigest;
}

impl TokenDigest {
    /// The digest of a secret of 256 random bits.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(to_array(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref()))
    }
}

/// Whether a presented secret is one of those whose digests are stored. Looks at all of them, each in constant time,
/// so that neither which one matched nor how nearly is told by time; only their number is.
#[must_use]
pub fn verify_secret(presented: &str, stored: &[TokenDigest]) -> bool {
    let presented = TokenDigest::of(presented);
    stored.iter().fold(Choice::from(0), |found, digest| found | digest.ct_eq(&presented)).into()
}

/// A key for digests that nobody without it can make or test: of requests, or of passwords already verified.
pub struct DigestKey(hmac::Key);

impl DigestKey {
    /// From key bytes that replicas share; 32 random bytes are right.
    #[must_use]
    pub fn new(key: &SecretBytes) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// A fresh key, for digests that die with the process.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self::new(&SecretBytes::new(entropy.bytes::<DIGEST_LEN>().to_vec()))
    }

    /// The digest of a list of parts. Each goes in with its length (`u64`, big-endian) before it, so that text moved
    /// from one part to the next makes another digest.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> KeyedDigest {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        KeyedDigest(to_array(context.sign().as_ref()))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

#[expect(clippy::expect_used, reason = "SHA-256 and HMAC-SHA256 give 32 bytes by definition")]
fn to_array(digest: &[u8]) -> [u8; DIGEST_LEN] {
    digest.try_into().expect("a SHA-256 digest is 32 bytes long")
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8; DIGEST_LEN]) -> fmt::Result {
    let mut text = [0; 2 * DIGEST_LEN];
    HEXLOWER.encode_mut(bytes, &mut text);
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn parse_hex(text: &str) -> Result<[u8; DIGEST_LEN], ParseDigestError> {
    if text.len() != 2 * DIGEST_LEN {
        return Err(ParseDigestError);
    }
    let mut bytes = [0; DIGEST_LEN];
    HEXLOWER.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| ParseDigestError)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entropy::SeededEntropy;

    /// SHA-256 of `abc` (FIPS 180-4).
    const OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_text_is_the_hexadecimal_digest() {
        assert_eq!(TokenDigest::of("abc").to_string(), OF_ABC);
        assert_eq!(OF_ABC.parse(), Ok(TokenDigest::of("abc")));
        for wrong in [&OF_ABC[1..], "", &OF_ABC.to_uppercase(), &OF_ABC.replace('b', "g")] {
            assert_eq!(wrong.parse::<TokenDigest>(), Err(ParseDigestError), "{wrong}");
        }
    }

    #[test]
    fn any_of_several_secrets_is_accepted_and_no_other() {
        let stored = ["one", "two", "three"].map(TokenDigest::of);
        for secret in ["one", "two", "three"] {
            assert!(verify_secret(secret, &stored));
        }
        assert!(!verify_secret("four", &stored));
        assert!(!verify_secret("", &stored));
        assert!(!verify_secret("one", &[]));
    }

    #[test]
    fn a_keyed_digest_depends_on_key_and_division() {
        let key = DigestKey::new(&SecretBytes::new(vec![7; 32]));
        let digest = key.digest(&[b"ab", b"c"]);
        // HMAC-SHA256 over 0000000000000002 6162 0000000000000001 63.
        let expected = "6073d5bcf26efd7ddc06c90652db47666a35e5fce22c4a3632375cb436a2611d";
        assert_eq!(digest.to_string(), expected);
        assert_ne!(key.digest(&[b"a", b"bc"]), digest);
        assert_ne!(key.digest(&[b"ab", b"c", b""]), digest);
        assert_ne!(DigestKey::random(&SeededEntropy::new(1)).digest(&[b"ab", b"c"]), digest);
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", TokenDigest::of("abc")), "TokenDigest(..)");
        assert_eq!(format!("{:?}", DigestKey::random(&SeededEntropy::new(1))), "DigestKey(..)");
    }

    proptest! {
        #[test]
        fn every_digest_survives_its_text(secret in ".{0,40}") {
            let digest = TokenDigest::of(&secret);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        }

        #[test]
        fn no_text_panics(text in ".{0,70}") {
            let _ = text.parse::<KeyedDigest>();
        }
    }
}
