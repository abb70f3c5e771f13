//! Leases, for operators and organizations' administrators: `/api/admin/leases`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{CountLeases, FindLeases, LeaseTally, VisibleLease},
        listing::ListRequest,
    },
    model::{
        id::{ClientId, CredentialId, LeaseId, OrganizationId, TokenId, UserId},
        instant::Instant,
        owner::Owner,
        principal::Principal,
        resolution::Source,
    },
};

use super::table;

table! {
    /// Find leases
    ///
    /// An operator finds everybody's; an owner or admin names the organization and finds those that rest on its credentials,
    /// of which only the organization's own services are shown. The work for one page is bounded: it may hold fewer leases
    /// than asked for, and none, while `next_page_token` says that more may follow.
    find_leases(FindLeasesRequest) -> FindLeasesResponse:
        GET "/api/admin/leases" 200, rpc "LeaseAdministrationService/FindLeases", Organization AdminRead, cli "leases find";
    /// Count live leases by holder and service
    ///
    /// In the order of holders. An owner or admin names the organization and has its own services counted.
    count_leases(CountLeasesRequest) -> CountLeasesResponse:
        GET "/api/admin/leases:count" 200, rpc "LeaseAdministrationService/CountLeases", Organization AdminRead, cli "leases count";
    /// Show a lease, never a value
    inspect_lease(InspectLeaseRequest) -> LeaseRecord:
        GET "/api/admin/leases/{id}" 200, rpc "LeaseAdministrationService/InspectLease", Organization AdminRead, cli "leases show";
    /// Revoke a lease
    ///
    /// As a whole, at once; the first reason and time stand.
    end_lease(EndLeaseRequest) -> EndLeaseResponse:
        DELETE "/api/admin/leases/{id}" 200, rpc "LeaseAdministrationService/EndLease", Organization AdminRevoke, cli "leases revoke";
}

/// Which leases to find; what is given must all match.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindLeasesRequest {
    /// Of this client, or this user's who borrows with MCP tokens.
    principal: Option<String>,
    /// Of this client.
    client_id: Option<String>,
    /// Taken for this user, by the user or own clients.
    user_id: Option<String>,
    /// Resting on this organization's credentials; needed by who is no operator.
    organization_id: Option<String>,
    /// Resting on this credential.
    credential_id: Option<String>,
    /// Covering this service.
    service: Option<String>,
    /// Of this server id; for operators.
    server_id: Option<String>,
    /// `active`, `expired` or `revoked`.
    status: Option<String>,
    /// Taken at this time or later.
    #[schema(value_type = Option<String>, format = "date-time")]
    created_from: Option<Instant>,
    /// Taken before this time.
    #[schema(value_type = Option<String>, format = "date-time")]
    created_before: Option<Instant>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at desc` unless told; or `created_at`.
    order_by: Option<String>,
}

/// Which live leases to count.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountLeasesRequest {
    /// Of this client, or this user's who borrows with MCP tokens.
    principal: Option<String>,
    /// Resting on this organization's credentials; needed by who is no operator.
    organization_id: Option<String>,
    /// Of this service.
    service: Option<String>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
}

/// Which lease to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InspectLeaseRequest {
    /// The lease's id.
    id: String,
}

/// Which lease to revoke, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndLeaseRequest {
    /// The lease's id.
    id: String,
    /// Why, for the holder and the audit: 1 to 500 characters.
    reason: String,
}

/// A lease, as far as the caller may see it. An owner or admin of an organization sees neither what else it covers nor
/// what its holder said about itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeaseRecord {
    /// The id.
    #[schema(value_type = String, example = "lse_069bq1c8m5vk3f5k9t4m2s6g8c")]
    lease_id: LeaseId,
    /// `active`, `expired` or `revoked`; what is yet to be re-checked counts as active.
    status: String,
    /// The client that took it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    /// The user it was taken for.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    /// What was lent, as asked for.
    services: Vec<LeasedService>,
    /// When it was taken.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// When it runs out.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Instant,
    /// When it was last renewed.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewed_at: Option<Instant>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Instant>,
    /// Whom the borrower acts for; from here on for operators.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    /// The token it was taken with.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<TokenId>,
    /// The borrower's name for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_id: Option<String>,
    /// The organization that the request narrowed the choice to.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// `personal`, `organization` or `mixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_scope: Option<String>,
    /// Seconds from its start, and from each renewal.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    /// Renewals so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    renewal_count: Option<u32>,
    /// Renewals at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_renewals: Option<u32>,
    /// What the borrower said of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_info: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Why it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_reason: Option<String>,
    /// By whom: a principal's id, or `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_by: Option<String>,
}

/// A service of a lease, and what it rests on.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeasedService {
    /// As asked for: `service` or `service/account`.
    service: String,
    /// Whose credential it is.
    #[schema(value_type = String)]
    owner: Owner,
    /// The credential.
    #[schema(value_type = String)]
    credential_id: CredentialId,
    /// The version of its value that was last handed out.
    credential_version: i64,
}

/// A page of leases.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindLeasesResponse {
    /// The leases.
    leases: Vec<LeaseRecord>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A page of counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountLeasesResponse {
    /// The counts.
    counts: Vec<LeaseCount>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Live leases of a holder that cover a service.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeaseCount {
    /// The client that holds them.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<ClientId>,
    /// The user who holds them with MCP tokens.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    /// The service, whatever the accounts.
    service: String,
    /// How many.
    live: i64,
}

/// A lease that is over.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndLeaseResponse {
    /// The lease's id.
    #[schema(value_type = String)]
    lease_id: LeaseId,
    /// When it ended: the first revocation's time, or when it ran out.
    #[schema(value_type = String, format = "date-time")]
    ended_at: Instant,
}

async fn find_leases(
    broker: &Broker,
    call: &Call,
    request: FindLeasesRequest,
) -> Result<FindLeasesResponse, Error> {
    let FindLeasesRequest { page_size, page_token, order_by, .. } = request;
    let find = FindLeases {
        principal: request.principal,
        client_id: request.client_id,
        user_id: request.user_id,
        organization_id: request.organization_id,
        credential_id: request.credential_id,
        service: request.service,
        server_id: request.server_id,
        status: request.status,
        created_from: request.created_from,
        created_before: request.created_before,
        page: ListRequest { page_size, page_token, order_by },
    };
    let listing = broker.find_leases(call, find).await?.map(record);
    Ok(FindLeasesResponse { leases: listing.items, next_page_token: listing.next_page_token })
}

async fn count_leases(
    broker: &Broker,
    call: &Call,
    request: CountLeasesRequest,
) -> Result<CountLeasesResponse, Error> {
    let CountLeasesRequest { principal, organization_id, service, page_size, page_token } = request;
    let page = ListRequest { page_size, page_token, order_by: None };
    let wanted = CountLeases { principal, organization_id, service, page };
    let listing = broker.count_leases(call, wanted).await?.map(|tally| count(&tally));
    Ok(CountLeasesResponse { counts: listing.items, next_page_token: listing.next_page_token })
}

async fn inspect_lease(
    broker: &Broker,
    call: &Call,
    request: InspectLeaseRequest,
) -> Result<LeaseRecord, Error> {
    broker.inspect_lease(call, &request.id).await.map(record)
}

async fn end_lease(
    broker: &Broker,
    call: &Call,
    request: EndLeaseRequest,
) -> Result<EndLeaseResponse, Error> {
    let ended = broker.end_lease(call, &request.id, &request.reason).await?;
    Ok(EndLeaseResponse { lease_id: ended.lease_id, ended_at: ended.ended_at })
}

fn record(visible: VisibleLease) -> LeaseRecord {
    let VisibleLease { lease, status, sources, whole } = visible;
    let revocation = lease.state.revocation().cloned();
    let of_operators = |text: String| whole.then_some(text);
    LeaseRecord {
        lease_id: lease.id,
        status: status.to_string(),
        client_id: lease.client_id,
        user_id: lease.user_id,
        services: sources.iter().map(service).collect(),
        created_at: lease.created_at,
        expires_at: lease.expires_at,
        last_renewed_at: lease.last_renewed_at,
        revoked_at: revocation.as_ref().map(|revocation| revocation.at),
        owner: whole.then_some(lease.owner),
        token_id: whole.then_some(lease.token_id),
        server_id: of_operators(lease.server_id),
        organization_id: lease.organization_id.filter(|_| whole),
        credential_scope: of_operators(lease.credential_scope.to_string()),
        ttl: whole.then_some(lease.ttl.seconds()),
        renewal_count: whole.then_some(lease.renewal_count),
        max_renewals: whole.then_some(lease.max_renewals),
        client_info: lease.client_info.and_then(of_operators),
        address: lease.address.and_then(of_operators),
        revocation_reason: revocation.as_ref().and_then(|revocation| of_operators(revocation.reason.clone())),
        revoked_by: revocation.and_then(|revocation| of_operators(revocation.by)),
    }
}

fn service(source: &Source) -> LeasedService {
    LeasedService {
        service: source.service.to_string(),
        owner: source.owner,
        credential_id: source.credential_id,
        credential_version: source.credential_version,
    }
}

fn count(tally: &LeaseTally) -> LeaseCount {
    let (client_id, user_id) = match tally.principal {
        Principal::Client(id) => (Some(id), None),
        Principal::User(id) => (None, Some(id)),
        // Operators borrow nothing.
        Principal::Operator(_) => (None, None),
    };
    LeaseCount { client_id, user_id, service: tally.service.to_string(), live: tally.live }
}
