//! Typed ids: a short prefix and the base32 of a `UUIDv7` (RFC 9562), e.g. `lse_069bq1c8m5vk3f5k9t4m2s6g8c`.
//!
//! The alphabet is base32hex in lower case (RFC 4648, section 7), which keeps the order of the bytes: ids sort by the
//! time they were made. Only the canonical text parses, so two texts never name one row.

use std::{fmt, str::FromStr, sync::LazyLock};

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Builder, Uuid};

use super::instant::Instant;

/// How many random bytes an id takes.
pub const RANDOM_BYTES: usize = 10;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected `{prefix}_` and 26 characters of 0-9 and a-v")]
pub struct ParseIdError {
    prefix: &'static str,
}

/// What every id can do; lets the floor above make any kind from its clock and entropy.
pub trait Id: Sized {
    /// The text before the underscore.
    const PREFIX: &'static str;

    /// Makes the id of an instant and [`RANDOM_BYTES`] random bytes.
    fn from_parts(at: Instant, random: [u8; RANDOM_BYTES]) -> Self;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;

            fn from_parts(at: Instant, random: [u8; RANDOM_BYTES]) -> Self {
                Self(uuid_v7(at, random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(f, $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_id($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// One process's audit chain.
    ChainId = "aud";
    /// An OAuth client.
    ClientId = "cli";
    /// A deposited credential.
    CredentialId = "crd";
    /// An owner's data key.
    DataKeyId = "dky";
    /// A fence.
    FenceId = "fen";
    /// An invitation.
    InvitationId = "inv";
    /// A link to connect an account.
    ConnectLinkId = "cnl";
    /// A token that was made for one lease.
    MintedTokenId = "mnt";
    /// A lease.
    LeaseId = "lse";
    /// An organization.
    OrganizationId = "org";
    /// A key that signs access tokens.
    SigningKeyId = "sig";
    /// An access token or an MCP token.
    TokenId = "tok";
    /// A person, or the system user.
    UserId = "usr";
}

/// Whether the text has the form of an id, of whatever kind.
#[must_use]
pub fn is_any(text: &str) -> bool {
    let Some((prefix, body)) = text.split_once('_') else { return false };
    let is_prefix = prefix.len() == PREFIX_LEN && prefix.bytes().all(|byte| byte.is_ascii_lowercase());
    is_prefix && body.len() == TEXT_LEN && ALPHABET.decode(body.as_bytes()).is_ok()
}

fn uuid_v7(at: Instant, random: [u8; RANDOM_BYTES]) -> Uuid {
    let millis = u64::try_from(at.micros() / 1_000).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn write_id(f: &mut fmt::Formatter<'_>, prefix: &str, uuid: Uuid) -> fmt::Result {
    let mut text = [0_u8; TEXT_LEN];
    ALPHABET.encode_mut(uuid.as_bytes(), &mut text);
    let text = std::str::from_utf8(&text).map_err(|_| fmt::Error)?;
    write!(f, "{prefix}_{text}")
}

fn parse_id(prefix: &'static str, text: &str) -> Result<Uuid, ParseIdError> {
    let error = ParseIdError { prefix };
    let body = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(error)?;
    if body.len() != TEXT_LEN {
        return Err(error);
    }
    let mut bytes = [0_u8; 16];
    ALPHABET.decode_mut(body.as_bytes(), &mut bytes).map_err(|_| error)?;
    Ok(Uuid::from_bytes(bytes))
}

/// 128 bits in base32, unpadded.
const TEXT_LEN: usize = 26;
const PREFIX_LEN: usize = 3;

static ALPHABET: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789abcdefghijklmnopqrstuv");
    #[expect(
        clippy::expect_used,
        reason = "a constant alphabet of 32 distinct symbols; every test of this file uses it"
    )]
    specification.encoding().expect("the alphabet is well-formed")
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_survives_its_text(at in 0_i64..4_102_444_800_000_000, random: [u8; RANDOM_BYTES]) {
            let id = LeaseId::from_parts(Instant::from_micros(at), random);
            prop_assert_eq!(id.to_string().parse::<LeaseId>(), Ok(id));
        }

        #[test]
        fn later_ids_sort_later(at in 0_i64..4_000_000_000_000_000, a: [u8; RANDOM_BYTES], b: [u8; RANDOM_BYTES]) {
            let first = LeaseId::from_parts(Instant::from_micros(at), a);
            let second = LeaseId::from_parts(Instant::from_micros(at + 1_000), b);
            prop_assert!(first.to_string() < second.to_string());
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<LeaseId>();
        }
    }

    #[test]
    fn only_the_canonical_text_of_the_right_kind_parses() {
        let id = LeaseId::from_parts(Instant::from_micros(1), [7; RANDOM_BYTES]);
        let text = id.to_string();
        for wrong in [
            text.replace("lse_", "usr_"),
            text.to_uppercase(),
            format!("{text}0"),
            text[..text.len() - 1].to_owned(),
            String::new(),
            "lse_".to_owned(),
        ] {
            assert!(wrong.parse::<LeaseId>().is_err(), "{wrong}");
        }
        assert!(is_any(&text) && is_any(&text.replace("lse_", "usr_")));
        for wrong in
            [text.to_uppercase(), format!("{text}0"), text.replace("lse_", "lease_"), "lse_".to_owned()]
        {
            assert!(!is_any(&wrong), "{wrong}");
        }
    }
}
