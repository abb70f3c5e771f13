//! Rows of leases, their sources, and idempotency keys.

use serde::Serialize;

use super::Place;
use crate::{
    model::{
        id::LeaseId,
        instant::Instant,
        lease::{Lease, LeaseState, Revocation, StateName},
        organization::{OrganizationStatus, Role},
        resolution::{CredentialFacts, Entitlement, Source},
        service::ServiceRef,
        standing::LeaseFacts,
        ttl::Ttl,
    },
    store::{
        backend::{NewLease, UsedKey},
        error::StoreError,
        mutation::Idempotency,
    },
};

/// A lease with its facts.
#[expect(clippy::struct_excessive_bools, reason = "columns of a row")]
#[derive(sqlx::FromRow)]
pub(in crate::store) struct LeaseRow {
    id: String,
    owner: String,
    principal: String,
    token_id: String,
    client_id: Option<String>,
    user_id: Option<String>,
    server_id: String,
    organization_id: Option<String>,
    services: String,
    credential_scope: String,
    ttl: i64,
    created_at: i64,
    expires_at: i64,
    lifetime_ends_at: i64,
    renewable: bool,
    renewal_count: i64,
    max_renewals: i64,
    last_renewed_at: Option<i64>,
    state: String,
    revoked_at: Option<i64>,
    revocation_reason: Option<String>,
    revoked_by: Option<String>,
    client_info: Option<String>,
    address: Option<String>,
    fenced: bool,
    holder_gone: bool,
    stale: bool,
    values_expire_at: Option<i64>,
}

impl LeaseRow {
    /// The id, whatever the rest reads like: where a list goes on.
    pub(in crate::store) fn lease_id(&self) -> Result<LeaseId, StoreError> {
        Place { table: "leases", row: &self.id }.parse("id", &self.id)
    }
}

impl TryFrom<LeaseRow> for LeaseFacts {
    type Error = StoreError;

    fn try_from(row: LeaseRow) -> Result<Self, StoreError> {
        let place = Place { table: "leases", row: &row.id };
        let revocation = (row.revoked_at, row.revocation_reason, row.revoked_by);
        let lease = Lease {
            id: place.parse("id", &row.id)?,
            owner: place.parse("owner", &row.owner)?,
            principal: place.parse("principal", &row.principal)?,
            token_id: place.parse("token_id", &row.token_id)?,
            client_id: place.parse_some("client_id", row.client_id.as_deref())?,
            user_id: place.parse_some("user_id", row.user_id.as_deref())?,
            server_id: row.server_id,
            organization_id: place.parse_some("organization_id", row.organization_id.as_deref())?,
            services: serde_json::from_str(&row.services).map_err(|_| place.corrupt("services"))?,
            credential_scope: place.parse("credential_scope", &row.credential_scope)?,
            ttl: Ttl::from_seconds(row.ttl).map_err(|_| place.corrupt("ttl"))?,
            created_at: Instant::from_micros(row.created_at),
            expires_at: Instant::from_micros(row.expires_at),
            lifetime_ends_at: Instant::from_micros(row.lifetime_ends_at),
            renewable: row.renewable,
            renewal_count: place.number("renewal_count", row.renewal_count)?,
            max_renewals: place.number("max_renewals", row.max_renewals)?,
            last_renewed_at: row.last_renewed_at.map(Instant::from_micros),
            state: lease_state(place, &row.state, revocation)?,
            client_info: row.client_info,
            address: row.address,
        };
        let (fenced, holder_gone, stale) = (row.fenced, row.holder_gone, row.stale);
        let values_expire_at = row.values_expire_at.map(Instant::from_micros);
        Ok(Self { lease, fenced, holder_gone, stale, values_expire_at })
    }
}

fn lease_state(
    place: Place<'_>,
    name: &str,
    revocation: (Option<i64>, Option<String>, Option<String>),
) -> Result<LeaseState, StoreError> {
    let revocation = || match revocation {
        (Some(at), Some(reason), Some(by)) => Ok(Revocation { at: Instant::from_micros(at), reason, by }),
        _ => Err(place.corrupt("revoked_at")),
    };
    Ok(match place.parse("state", name)? {
        StateName::Active => LeaseState::Active,
        StateName::Expired => LeaseState::Expired,
        StateName::Pending => LeaseState::Pending,
        StateName::Revoked => LeaseState::Revoked(revocation()?),
        StateName::Revoking => LeaseState::Revoking(revocation()?),
    })
}

/// A lease to insert.
#[derive(Serialize)]
pub(in crate::store) struct LeaseParameters<'a> {
    id: String,
    owner: String,
    principal: String,
    token_id: String,
    client_id: Option<String>,
    user_id: Option<String>,
    server_id: &'a str,
    organization_id: Option<String>,
    services: String,
    credential_scope: &'static str,
    ttl: i64,
    created_at: i64,
    expires_at: i64,
    lifetime_ends_at: i64,
    renewable: bool,
    renewal_count: i64,
    max_renewals: i64,
    last_renewed_at: Option<i64>,
    #[serde(flatten)]
    state: StateParameters<'a>,
    client_info: Option<&'a str>,
    address: Option<&'a str>,
    reuse_key: &'a str,
}

impl<'a> From<&'a NewLease> for LeaseParameters<'a> {
    fn from(new: &'a NewLease) -> Self {
        let NewLease { lease, sources: _, reuse_key } = new;
        Self {
            id: lease.id.to_string(),
            owner: lease.owner.to_string(),
            principal: lease.principal.to_string(),
            token_id: lease.token_id.to_string(),
            client_id: lease.client_id.map(|id| id.to_string()),
            user_id: lease.user_id.map(|id| id.to_string()),
            server_id: &lease.server_id,
            organization_id: lease.organization_id.map(|id| id.to_string()),
            services: services_json(&lease.services),
            credential_scope: lease.credential_scope.as_str(),
            ttl: lease.ttl.seconds().into(),
            created_at: lease.created_at.micros(),
            expires_at: lease.expires_at.micros(),
            lifetime_ends_at: lease.lifetime_ends_at.micros(),
            renewable: lease.renewable,
            renewal_count: lease.renewal_count.into(),
            max_renewals: lease.max_renewals.into(),
            last_renewed_at: lease.last_renewed_at.map(Instant::micros),
            state: (&lease.state).into(),
            client_info: lease.client_info.as_deref(),
            address: lease.address.as_deref(),
            reuse_key: reuse_key.as_deref().unwrap_or_default(),
        }
    }
}

/// What a renewal changes of a lease.
#[derive(Serialize)]
pub(in crate::store) struct LeaseRenewal {
    of_id: String,
    expires_at: i64,
    renewal_count: i64,
    last_renewed_at: Option<i64>,
}

/// What can change of a lease.
#[derive(Serialize)]
pub(in crate::store) struct LeaseUpdate<'a> {
    #[serde(flatten)]
    renewal: LeaseRenewal,
    #[serde(flatten)]
    state: StateParameters<'a>,
}

impl From<&Lease> for LeaseRenewal {
    fn from(lease: &Lease) -> Self {
        Self {
            of_id: lease.id.to_string(),
            expires_at: lease.expires_at.micros(),
            renewal_count: lease.renewal_count.into(),
            last_renewed_at: lease.last_renewed_at.map(Instant::micros),
        }
    }
}

impl<'a> From<&'a Lease> for LeaseUpdate<'a> {
    fn from(lease: &'a Lease) -> Self {
        Self { renewal: lease.into(), state: (&lease.state).into() }
    }
}

#[derive(Serialize)]
struct StateParameters<'a> {
    state: &'static str,
    revoked_at: Option<i64>,
    revocation_reason: Option<&'a str>,
    revoked_by: Option<&'a str>,
}

impl<'a> From<&'a LeaseState> for StateParameters<'a> {
    fn from(state: &'a LeaseState) -> Self {
        let revocation = state.revocation();
        Self {
            state: state.name().as_str(),
            revoked_at: revocation.map(|revocation| revocation.at.micros()),
            revocation_reason: revocation.map(|revocation| revocation.reason.as_str()),
            revoked_by: revocation.map(|revocation| revocation.by.as_str()),
        }
    }
}

/// A source.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct SourceRow {
    lease_id: String,
    service: String,
    credential_id: String,
    credential_version: i64,
    credential_epoch: i64,
    owner: String,
    membership_epoch: Option<i64>,
    organization_epoch: Option<i64>,
}

impl TryFrom<SourceRow> for (LeaseId, Source) {
    type Error = StoreError;

    fn try_from(row: SourceRow) -> Result<Self, StoreError> {
        let place = Place { table: "lease_sources", row: &row.lease_id };
        let source = Source {
            service: place.parse("service", &row.service)?,
            credential_id: place.parse("credential_id", &row.credential_id)?,
            credential_version: row.credential_version,
            credential_epoch: row.credential_epoch,
            owner: place.parse("owner", &row.owner)?,
            membership_epoch: row.membership_epoch,
            organization_epoch: row.organization_epoch,
        };
        Ok((place.parse("lease_id", &row.lease_id)?, source))
    }
}

/// A source with what is true of it now.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct EntitlementRow {
    #[sqlx(flatten)]
    source: SourceRow,
    user_id: Option<String>,
    present_status: Option<String>,
    present_sharing: Option<String>,
    present_epoch: Option<i64>,
    present_version: Option<i64>,
    organization_status: Option<String>,
    present_organization_epoch: Option<i64>,
    role: Option<String>,
    present_membership_epoch: Option<i64>,
}

impl TryFrom<EntitlementRow> for (LeaseId, Source, Entitlement) {
    type Error = StoreError;

    fn try_from(row: EntitlementRow) -> Result<Self, StoreError> {
        let place = Place { table: "credentials", row: &row.source.credential_id };
        let facts = (row.present_status, row.present_sharing, row.present_epoch, row.present_version);
        let credential = match facts {
            (Some(status), Some(sharing), Some(epoch), Some(version)) => Some(CredentialFacts {
                status: place.parse("status", &status)?,
                sharing: serde_json::from_str(&sharing).map_err(|_| place.corrupt("sharing"))?,
                epoch,
                version,
            }),
            _ => None,
        };
        let status: Option<OrganizationStatus> =
            place.parse_some("organization_status", row.organization_status.as_deref())?;
        let role: Option<Role> = place.parse_some("role", row.role.as_deref())?;
        let entitlement = Entitlement {
            credential,
            organization: status.zip(row.present_organization_epoch),
            membership: role.map(|role| (role, row.present_membership_epoch)),
            user: place.parse_some("user_id", row.user_id.as_deref())?,
        };
        let (lease_id, source) = row.source.try_into()?;
        Ok((lease_id, source, entitlement))
    }
}

/// A source to insert.
#[derive(Serialize)]
pub(in crate::store) struct SourceParameters {
    lease_id: String,
    position: usize,
    service: String,
    credential_id: String,
    credential_version: i64,
    credential_epoch: i64,
    owner: String,
    membership_epoch: Option<i64>,
    organization_epoch: Option<i64>,
}

impl SourceParameters {
    /// The sources of one lease.
    pub(in crate::store) fn of(new: &NewLease) -> impl Iterator<Item = Self> + '_ {
        new.sources.iter().enumerate().map(|(position, source)| Self {
            lease_id: new.lease.id.to_string(),
            position,
            service: source.service.to_string(),
            credential_id: source.credential_id.to_string(),
            credential_version: source.credential_version,
            credential_epoch: source.credential_epoch,
            owner: source.owner.to_string(),
            membership_epoch: source.membership_epoch,
            organization_epoch: source.organization_epoch,
        })
    }
}

/// What can change of a source.
#[derive(Serialize)]
pub(in crate::store) struct SourceUpdate {
    of_lease: String,
    of_service: String,
    credential_version: i64,
    credential_epoch: i64,
    membership_epoch: Option<i64>,
    organization_epoch: Option<i64>,
}

impl From<&(LeaseId, Source)> for SourceUpdate {
    fn from((lease_id, source): &(LeaseId, Source)) -> Self {
        Self {
            of_lease: lease_id.to_string(),
            of_service: source.service.to_string(),
            credential_version: source.credential_version,
            credential_epoch: source.credential_epoch,
            membership_epoch: source.membership_epoch,
            organization_epoch: source.organization_epoch,
        }
    }
}

/// An idempotency key.
#[derive(sqlx::FromRow)]
pub(in crate::store) struct UsedKeyRow {
    principal: String,
    key: String,
    digest: String,
    lease_id: String,
}

impl TryFrom<UsedKeyRow> for UsedKey {
    type Error = StoreError;

    fn try_from(row: UsedKeyRow) -> Result<Self, StoreError> {
        let place = Place { table: "idempotency_keys", row: &row.principal };
        Ok(Self {
            principal: place.parse("principal", &row.principal)?,
            lease_id: place.parse("lease_id", &row.lease_id)?,
            idempotency: Idempotency { key: row.key, digest: row.digest },
        })
    }
}

fn services_json(services: &[ServiceRef]) -> String {
    #[expect(clippy::expect_used, reason = "a list of texts always serialises")]
    serde_json::to_string(services).expect("services serialise")
}
