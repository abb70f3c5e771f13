//! Owners: the isolation boundary. Every row, key, query and cache entry carries one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::id::{OrganizationId, UserId};

/// The user, organization or `system` that a row belongs to; each has a data key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// An organization.
    Organization(OrganizationId),
    /// The broker itself: signing keys and application credentials.
    System,
    /// A person.
    User(UserId),
}

/// The text names no owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an owner: expected a `usr_` or `org_` id, or `system`")]
pub struct ParseOwnerError;

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(id) => id.fmt(f),
            Self::System => f.write_str(SYSTEM),
            Self::User(id) => id.fmt(f),
        }
    }
}

impl FromStr for Owner {
    type Err = ParseOwnerError;

    fn from_str(text: &str) -> Result<Self, ParseOwnerError> {
        if text == SYSTEM {
            return Ok(Self::System);
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::User(id));
        }
        text.parse().map(Self::Organization).map_err(|_| ParseOwnerError)
    }
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

const SYSTEM: &str = "system";
