//! The audit log: `/api/admin/audit`.

use std::sync::Arc;

use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error, Violation,
        audit::{AuditEntry, AuditPage, ExportedRecord, recorded_refusals},
    },
    model::{
        audit::{EventName, OutcomeFilter},
        instant::Instant,
        owner::Owner,
        page::PageSize,
    },
    store::audit::{AuditFilter, AuditOrder, AuditQuery},
};

use super::{streams, table};

table! {
    /// Look for records
    ///
    /// Every field given must match. An organization's administrators name it in `owner` and see what was done on its
    /// behalf. A page may hold fewer records than asked for, even none, and yet have a next one.
    query_audit(QueryAuditRequest) -> QueryAuditResponse:
        GET "/api/admin/audit" 200, rpc "AuditService/QueryAudit", Organization AdminRead, cli "audit query";
    /// Verify every chain
    ///
    /// Reads every record; a long log is better verified by `leasehold audit verify`, which has no limit of time.
    verify_audit(VerifyAuditRequest) -> VerifyAuditResponse:
        POST "/api/admin/audit/verify" 200, rpc "AuditService/VerifyAudit", Operator AdminRead, cli "audit verify", fails with "faults";
}

streams! {
    /// Export records
    ///
    /// One line for each record, oldest first, as it was hashed: `hash` is the SHA-256 of the bytes of `previous` and
    /// `body`.
    export_audit(ExportAuditRequest) -> AuditLine:
        GET "/api/admin/audit/export" 200, rpc "AuditService/ExportAudit", Organization AdminRead, cli "audit export";
}

/// Which records.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryAuditRequest {
    /// Of this actor: a principal's id, `anonymous` or `system`.
    actor: Option<String>,
    /// About this: an id.
    target: Option<String>,
    /// On behalf of this owner: a user's or organization's id, or `system`.
    owner: Option<String>,
    /// Of this kind, such as `lease_created`.
    event: Option<String>,
    /// That ended so: `success`, `refused` whatever the code, or one code of refusals, such as `not_found`.
    outcome: Option<String>,
    /// Of this call.
    request_id: Option<String>,
    /// From this time on, RFC 3339.
    #[schema(format = "date-time")]
    since: Option<String>,
    /// Before this time, RFC 3339.
    #[schema(format = "date-time")]
    until: Option<String>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `at`, oldest first, or `at desc`, newest first, which it is unless told.
    order_by: Option<String>,
}

/// Which records to export.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportAuditRequest {
    /// Of this actor: a principal's id, `anonymous` or `system`.
    actor: Option<String>,
    /// About this: an id.
    target: Option<String>,
    /// On behalf of this owner: a user's or organization's id, or `system`.
    owner: Option<String>,
    /// Of this kind, such as `lease_created`.
    event: Option<String>,
    /// That ended so: `success`, `refused` whatever the code, or one code of refusals, such as `not_found`.
    outcome: Option<String>,
    /// Of this call.
    request_id: Option<String>,
    /// From this time on, RFC 3339.
    #[schema(format = "date-time")]
    since: Option<String>,
    /// Before this time, RFC 3339.
    #[schema(format = "date-time")]
    until: Option<String>,
}

/// Nothing to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAuditRequest {}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueryAuditResponse {
    /// In the order asked for.
    records: Vec<AuditRecordView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRecord)]
pub struct AuditRecordView {
    /// Its chain.
    chain: String,
    /// Its number in the chain, from 1.
    seq: i64,
    /// When.
    #[schema(format = "date-time")]
    at: String,
    /// What.
    event: String,
    /// `success`, `refused`, or `unreadable` when what was stored cannot be read any more.
    outcome: &'static str,
    /// The code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// Who.
    actor: String,
    /// The token that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// What it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// The call's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// More, never a secret.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Option<Object>)]
    details: Map<String, Value>,
}

/// A record as it was hashed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLine {
    /// Its chain.
    chain: String,
    /// Its number in the chain, from 1.
    seq: i64,
    /// The hash of the record before it, in hex; left out when that one is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// The record, verbatim.
    body: String,
    /// Its hash, in hex.
    hash: String,
}

/// What verifying found.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifyAuditResponse {
    /// Chains read.
    chains: i64,
    /// Records read.
    records: i64,
    /// What is wrong, and where; nothing when all is well.
    faults: Vec<String>,
}

async fn query_audit(
    broker: &Broker,
    call: &Call,
    request: QueryAuditRequest,
) -> Result<QueryAuditResponse, Error> {
    let size = PageSize::from_number(request.page_size.unwrap_or_default());
    let order = order(request.order_by.as_deref().unwrap_or_default());
    let after = request.page_token.as_deref().filter(|token| !token.is_empty()).map(str::parse).transpose();
    let filter = request.filter();
    let wanted = match (filter, size, order, after) {
        (Ok(filter), Ok(size), Ok(order), Ok(after)) => AuditQuery { filter, order, after, size },
        (filter, size, order, after) => {
            let mut wrong = filter.err().unwrap_or_default();
            wrong.extend(size.err().map(|error| Violation::new("page_size", error.to_string())));
            wrong.extend(order.err());
            wrong.extend(after.err().map(|error| Violation::new("page_token", error.to_string())));
            return Err(Error::invalid(wrong));
        }
    };
    let AuditPage { records, next_page_token } = broker.administrator_queries_audit(call, wanted).await?;
    Ok(QueryAuditResponse { records: records.into_iter().map(view).collect(), next_page_token })
}

async fn verify_audit(
    broker: &Broker,
    call: &Call,
    VerifyAuditRequest {}: VerifyAuditRequest,
) -> Result<VerifyAuditResponse, Error> {
    let found = broker.operator_verifies_audit(call).await?;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(VerifyAuditResponse {
        chains: number(found.chains as u64),
        records: number(found.records as u64),
        faults: found.faults,
    })
}

async fn export_audit(
    broker: Arc<Broker>,
    call: &Call,
    request: ExportAuditRequest,
) -> Result<BoxStream<'static, Result<AuditLine, Error>>, Error> {
    use futures::{StreamExt as _, TryStreamExt as _};
    let filter = request.query().filter().map_err(Error::invalid)?;
    let lines = broker.administrator_exports_audit(call, filter, AuditOrder::OldestFirst).await?;
    Ok(lines.map_ok(line).boxed())
}

impl ExportAuditRequest {
    fn query(self) -> QueryAuditRequest {
        let Self { actor, target, owner, event, outcome, request_id, since, until } = self;
        QueryAuditRequest {
            actor,
            target,
            owner,
            event,
            outcome,
            request_id,
            since,
            until,
            ..QueryAuditRequest::default()
        }
    }
}

impl QueryAuditRequest {
    fn filter(&self) -> Result<AuditFilter, Vec<Violation>> {
        let owner: Result<Option<Owner>, _> =
            read(self.owner.as_deref(), "owner", "must be a user's or organization's id, or `system`");
        let event: Result<Option<EventName>, _> =
            read(self.event.as_deref(), "event", "is not an event that is recorded");
        let outcome: Result<Option<OutcomeFilter>, _> = read(self.outcome.as_deref(), "outcome", OUTCOMES);
        let outcome = outcome.and_then(|outcome| match outcome {
            Some(OutcomeFilter::Code(code)) if !recorded_refusals().any(|known| known == code) => {
                Err(Violation::new("outcome", OUTCOMES))
            }
            outcome => Ok(outcome),
        });
        let since: Result<Option<Instant>, _> = read(self.since.as_deref(), "since", TIME);
        let until: Result<Option<Instant>, _> = read(self.until.as_deref(), "until", TIME);
        match (owner, event, outcome, since, until) {
            (Ok(owner), Ok(event), Ok(outcome), Ok(since), Ok(until)) => Ok(AuditFilter {
                actor: self.actor.clone(),
                target: self.target.clone(),
                owner,
                event,
                outcome,
                request_id: self.request_id.clone(),
                since,
                until,
            }),
            (owner, event, outcome, since, until) => {
                let wrong = [owner.err(), event.err(), outcome.err(), since.err(), until.err()];
                Err(wrong.into_iter().flatten().collect())
            }
        }
    }
}

fn read<T: std::str::FromStr>(
    text: Option<&str>,
    field: &'static str,
    reason: &str,
) -> Result<Option<T>, Violation> {
    text.map(|text| text.parse().map_err(|_| Violation::new(field, reason))).transpose()
}

fn order(text: &str) -> Result<AuditOrder, Violation> {
    match text.trim() {
        "" | "at desc" => Ok(AuditOrder::NewestFirst),
        "at" | "at asc" => Ok(AuditOrder::OldestFirst),
        _ => Err(Violation::new("order_by", "must be `at` or `at desc`")),
    }
}

fn view(entry: AuditEntry) -> AuditRecordView {
    let AuditEntry {
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
    } = entry;
    AuditRecordView {
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

fn line(record: ExportedRecord) -> AuditLine {
    let ExportedRecord { chain, seq, previous, body, hash } = record;
    AuditLine { chain, seq, previous, body, hash }
}

const OUTCOMES: &str =
    "must be `success`, `refused`, or the code of a refusal that is recorded, such as `not_found`";
const TIME: &str = "must be a time such as 2026-11-21T09:00:00Z";
