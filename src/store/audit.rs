//! Looking for audit records: by time, or by what they are about, over all chains.
//!
//! The order is that of time, then chain, then number: total, so that a page continues where the one before ended.

use std::{fmt, str::FromStr};

use crate::model::{
    audit::{EventName, OutcomeFilter},
    instant::Instant,
    owner::Owner,
    page::PageSize,
};

use super::chain::StoredEntry;

/// What to look for.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Which records.
    pub filter: AuditFilter,
    /// In which order.
    pub order: AuditOrder,
    /// The position that the page before ended at.
    pub after: Option<AuditPosition>,
    /// At most as many.
    pub size: PageSize,
}

/// Which records: every field given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this actor, as recorded: a principal's id, `anonymous` or `system`.
    pub actor: Option<String>,
    /// About this.
    pub target: Option<String>,
    /// On behalf of this owner.
    pub owner: Option<Owner>,
    /// Of this kind.
    pub event: Option<EventName>,
    /// That ended so.
    pub outcome: Option<OutcomeFilter>,
    /// Of this call.
    pub request_id: Option<String>,
    /// From this instant on.
    pub since: Option<Instant>,
    /// Before this instant.
    pub until: Option<Instant>,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditOrder {
    /// Back in time.
    #[default]
    NewestFirst,
    /// On in time.
    OldestFirst,
}

/// Where a record stands among all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPosition {
    /// When.
    pub at: Instant,
    /// In which chain.
    pub chain_id: String,
    /// Its number there.
    pub seq: i64,
}

/// The text names no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the next_page_token of an earlier page")]
pub struct ParsePositionError;

impl AuditOrder {
    /// The position before all.
    pub(super) const fn start(self) -> AuditPosition {
        match self {
            Self::NewestFirst => AuditPosition::at(i64::MAX),
            Self::OldestFirst => AuditPosition::at(i64::MIN),
        }
    }

    /// The position behind all.
    pub(super) const fn end(self) -> AuditPosition {
        match self {
            Self::NewestFirst => AuditPosition::at(i64::MIN),
            Self::OldestFirst => AuditPosition::at(i64::MAX),
        }
    }
}

impl AuditPosition {
    /// Where a record stands.
    #[must_use]
    pub fn of(entry: &StoredEntry) -> Self {
        Self { at: entry.at, chain_id: entry.chain_id.clone(), seq: entry.seq }
    }

    const fn at(micros: i64) -> Self {
        Self { at: Instant::from_micros(micros), chain_id: String::new(), seq: 0 }
    }
}

impl fmt::Display for AuditPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at.micros(), self.seq, self.chain_id)
    }
}

impl FromStr for AuditPosition {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(ParsePositionError);
        let at = Instant::from_micros(part()?.parse().map_err(|_| ParsePositionError)?);
        let seq = part()?.parse().map_err(|_| ParsePositionError)?;
        let chain_id = part()?.to_owned();
        let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_id(&chain_id) { Ok(Self { at, chain_id, seq }) } else { Err(ParsePositionError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back() {
        let position =
            AuditPosition { at: Instant::from_micros(-5), chain_id: "aud_06gvo2".to_owned(), seq: 42 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for wrong in ["", "1", "1.2", "x.2.aud_1", "1.x.aud_1", "1.2.aud'1", "1.2.ü"] {
            assert_eq!(wrong.parse::<AuditPosition>(), Err(ParsePositionError), "{wrong}");
        }
    }
}
