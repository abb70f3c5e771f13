//! What the changes of all kinds of rows have in common: what their records say, and what changes nothing.

use crate::{
    broker::{Code, Error},
    model::audit::AuditRecord,
};

use super::Updated;

/// Adds what a change sets to its record.
pub(super) fn described<const N: usize>(
    record: AuditRecord,
    fields: [(&'static str, Option<String>); N],
) -> AuditRecord {
    fields.into_iter().fold(record, |record, (field, value)| match value {
        Some(value) => record.with(field, value),
        None => record,
    })
}

/// Adds that something was switched on or off, and how many leases that ended.
pub(super) fn switched(record: AuditRecord, active: Option<bool>, leases_ended: i64) -> AuditRecord {
    match active {
        Some(true) => record.with("active", true),
        Some(false) => record.with("active", false).with("leases_ended", leases_ended),
        None => record,
    }
}

/// The answer to an update that changes nothing: no revision rises, nothing is recorded. `seen` is the revision that the
/// caller gave, `revision` the row's.
pub(super) fn unchanged<T>(row: T, seen: Option<i64>, revision: i64) -> Result<Updated<T>, Error> {
    if seen.is_some_and(|seen| seen != revision) {
        return Err(Error::new(
            Code::PreconditionFailed,
            "it changed since you read it: read it again, then decide",
        ));
    }
    Ok(Updated { row, leases_ended: 0 })
}
