//! Looking for records, and handing them out: as a page with a stable form, or as lines that can be verified.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    broker::Error,
    model::page::PageSize,
    store::{
        audit::{AuditFilter, AuditOrder, AuditQuery},
        backend::Backend,
        chain::StoredEntry,
    },
};

/// A page of records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditPage {
    /// In the order asked for.
    pub records: Vec<AuditEntry>,
    /// Where the next page begins. A page may hold less than asked for, even nothing, and yet have a next: a query looks
    /// at a bounded number of records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A record, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Its chain.
    pub chain: String,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// When, RFC 3339.
    pub at: String,
    /// What.
    pub event: String,
    /// `success`, `refused`, or `unreadable` when what was stored cannot be read any more.
    pub outcome: &'static str,
    /// The code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Who: a principal's id, `anonymous` or `system`.
    pub actor: String,
    /// The token that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// On whose behalf: a user's or organization's id, or `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The call's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// More.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

/// A record as it was hashed: `hash` is the SHA-256, in hex, of the bytes of `previous` and `body`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedRecord {
    /// Its chain.
    pub chain: String,
    /// Its number in the chain, from 1.
    pub seq: i64,
    /// The hash of the record before it, in hex; none when that one is missing.
    pub previous: Option<String>,
    /// The record, verbatim.
    pub body: String,
    /// Its hash, in hex.
    pub hash: String,
}

/// A page of records. Looks at a bounded number of them.
///
/// # Errors
/// What the database said.
pub async fn query(rows: &dyn Backend, mut wanted: AuditQuery) -> Result<AuditPage, Error> {
    let mut left = wanted.size.items();
    let mut records = Vec::new();
    for _ in 0..STRETCHES {
        wanted.size = PageSize::from_number(left.into()).unwrap_or_default();
        let page = rows.query_audit(&wanted).await?;
        left = left.saturating_sub(u16::try_from(page.items.len()).unwrap_or(u16::MAX));
        records.extend(page.items.into_iter().map(AuditEntry::from));
        wanted.after = page.next;
        if left == 0 || wanted.after.is_none() {
            break;
        }
    }
    Ok(AuditPage { records, next_page_token: wanted.after.map(|position| position.to_string()) })
}

/// Every record of a filter, read a page at a time as the stream is consumed. What is written meanwhile is in it when the
/// order is that of time.
#[must_use]
pub fn export(
    rows: Arc<dyn Backend>,
    filter: AuditFilter,
    order: AuditOrder,
) -> BoxStream<'static, Result<ExportedRecord, Error>> {
    let size = PageSize::from_number(EXPORTED_AT_ONCE).unwrap_or_default();
    let query = AuditQuery { filter, order, after: None, size };
    let pages = stream::try_unfold(Some((rows, query)), async |state| {
        let Some((rows, query)) = state else { return Ok::<_, Error>(None) };
        let page = rows.query_audit(&query).await?;
        let items = stream::iter(page.items.into_iter().map(|entry| Ok(ExportedRecord::from(entry))));
        let next = page.next.map(|after| (rows, AuditQuery { after: Some(after), ..query }));
        Ok(Some((items, next)))
    });
    pages.try_flatten().boxed()
}

impl From<StoredEntry> for ExportedRecord {
    fn from(entry: StoredEntry) -> Self {
        let StoredEntry { chain_id, seq, previous, body, hash, .. } = entry;
        Self { chain: chain_id, seq, previous, body, hash }
    }
}

impl From<StoredEntry> for AuditEntry {
    /// A body that was made unreadable shows what the columns say, and claims no outcome: the verification tells of it.
    fn from(entry: StoredEntry) -> Self {
        let body: Option<Body> = serde_json::from_str(&entry.body).ok();
        let outcome = match &body {
            None => "unreadable",
            Some(Body { refusal: Some(_), .. }) => "refused",
            Some(_) => "success",
        };
        let StoredEntry { chain_id, seq, at, event, actor, owner, target, .. } = entry;
        let Body { token, refusal, address, request_id, details, .. } = body.unwrap_or_default();
        let at = at.to_string();
        let chain = chain_id;
        Self {
            chain,
            seq,
            at,
            event,
            outcome,
            refusal,
            actor,
            token,
            owner,
            target,
            address,
            request_id,
            details,
        }
    }
}

/// What a body tells beyond the columns.
#[derive(Default, Deserialize)]
struct Body {
    /// Stands in every record: what lacks it is none.
    #[serde(rename = "event")]
    _event: String,
    token: Option<String>,
    refusal: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    #[serde(default)]
    details: Map<String, Value>,
}

/// How many stretches of records one query looks at.
const STRETCHES: usize = 10;
const EXPORTED_AT_ONCE: i64 = 500;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::model::instant::Instant;

    use super::*;

    fn shown(body: &str) -> AuditEntry {
        AuditEntry::from(StoredEntry {
            chain_id: "aud_1".to_owned(),
            seq: 3,
            at: Instant::from_micros(0),
            event: "lease_created".to_owned(),
            actor: "cli_1".to_owned(),
            owner: Some("usr_1".to_owned()),
            target: Some("lse_1".to_owned()),
            body: body.to_owned(),
            hash: String::new(),
            previous: None,
        })
    }

    #[test]
    fn an_outcome_is_claimed_only_where_it_can_be_read() {
        let record = json!({ "chain": "aud_1", "seq": 3, "event": "lease_created", "token": "tok_1" });
        let mut refused = record.clone();
        refused["refusal"] = json!("not_found");
        assert_eq!(
            (shown(&record.to_string()).outcome, shown(&refused.to_string()).outcome),
            ("success", "refused")
        );
        let torn = record.to_string().replace('}', "");
        for body in ["", "x", "{}", "[]", "null", r#"{"event":7}"#, &torn, &torn.replace("event", "evenT")] {
            let entry = shown(body);
            assert_eq!((entry.outcome, entry.refusal, entry.token), ("unreadable", None, None), "{body}");
            assert_eq!((entry.event.as_str(), entry.actor.as_str()), ("lease_created", "cli_1"), "{body}");
            assert_eq!((entry.owner.as_deref(), entry.target.as_deref()), (Some("usr_1"), Some("lse_1")));
        }
    }
}
