//! Rows: how the model is laid out in columns, for both databases. What does not read back as the model is
//! [`StoreError::Corrupt`], of that row alone.

mod connection;
mod credential;
mod grant;
mod invitation;
mod journal;
mod lease;
mod minted;
mod organization;
mod people;
mod token;

use std::{fmt, str::FromStr};

use serde::Serialize;

pub(in crate::store) use connection::ConnectLinkRow;
pub(in crate::store) use credential::{CredentialRow, DataKeyRow, SigningKeyRow};
pub(in crate::store) use grant::{ApplicationRow, GrantRow};
pub(in crate::store) use invitation::InvitationRow;
pub(in crate::store) use journal::{ChainRow, CheckpointRow, EntryParameters, EntryRow};
pub(in crate::store) use lease::{
    EntitlementRow, LeaseParameters, LeaseRenewal, LeaseRow, LeaseUpdate, SourceParameters, SourceRow,
    SourceUpdate, UsedKeyRow,
};
pub(in crate::store) use minted::MintedRow;
pub(in crate::store) use organization::{MemberRow, OrganizationRow};
pub(in crate::store) use people::{MembershipRow, StandingRow, UserRow};
pub(in crate::store) use token::{
    ClientRow, FoundClientRow, McpTokenRow, ResourceRow, TokenFactsRow, TokenParameters, TokenRow,
};

use super::error::StoreError;
use crate::model::sealed::Sealed;

/// One row of a set statement that names rows by their id.
#[derive(Serialize)]
pub(in crate::store) struct ById<T> {
    /// The id.
    pub(in crate::store) id: T,
}

/// Which row is being read, for errors.
#[derive(Clone, Copy)]
pub(in crate::store) struct Place<'a> {
    /// The table.
    pub(in crate::store) table: &'static str,
    /// The row's key.
    pub(in crate::store) row: &'a str,
}

impl Place<'_> {
    /// The row does not read back: says where.
    pub(in crate::store) fn corrupt(self, column: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, column, row: self.row.to_owned() }
    }

    /// A column of text.
    pub(in crate::store) fn parse<T: FromStr>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.corrupt(column))
    }

    /// A column of text, or none.
    pub(in crate::store) fn parse_some<T: FromStr>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError> {
        text.map(|text| self.parse(column, text)).transpose()
    }

    /// A column with a number of a narrower type.
    pub(in crate::store) fn number<T: TryFrom<i64>>(
        self,
        column: &'static str,
        number: i64,
    ) -> Result<T, StoreError> {
        T::try_from(number).map_err(|_| self.corrupt(column))
    }

    /// A column with an envelope.
    pub(in crate::store) fn sealed(self, column: &'static str, bytes: Vec<u8>) -> Result<Sealed, StoreError> {
        Sealed::from_envelope(bytes).map_err(|_| self.corrupt(column))
    }
}

/// The rows of a set statement by their ids, each once and in order, so that locks are taken in one order everywhere.
pub(in crate::store) fn by_id<T: fmt::Display>(ids: &[T]) -> Vec<ById<String>> {
    let mut texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts.dedup();
    texts.into_iter().map(|id| ById { id }).collect()
}
