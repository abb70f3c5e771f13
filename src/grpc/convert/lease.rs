//! Messages of the lease service.

use std::collections::BTreeMap;

use leasehold_proto::v1;
use prost_types::Timestamp;

use crate::{
    broker::{
        Error, Violation,
        leases::types::{
            CreateLease, CredentialSource, LeaseCredentials, LeaseGrant, LeasePage, LeaseView, ListLeases,
            RenewLease, RenewedLease, Report, Reported, RevokedLease,
        },
    },
    model::{
        instant::Instant,
        lease::{CredentialScope, Lease, LeaseStatus, Revocation},
        renewal::RenewalCap,
    },
};

use super::{duration, given, timestamp, value::credentials, whole_seconds};

/// A request for a lease; `key` is the idempotency key of the metadata.
pub(in crate::grpc) fn create_request(
    message: v1::CreateLeaseRequest,
    key: Option<String>,
) -> Result<CreateLease, Error> {
    let v1::CreateLeaseRequest {
        services,
        ttl,
        server_id,
        organization_id,
        allow_partial,
        reuse,
        client_info,
        idempotency_key,
    } = message;
    Ok(CreateLease {
        services,
        ttl: whole_seconds("ttl", ttl)?,
        server_id,
        organization_id: given(organization_id),
        allow_partial,
        reuse,
        client_info: given(client_info),
        idempotency_key: one_key(given(idempotency_key), key)?,
    })
}

/// A lease granted.
pub(in crate::grpc) fn create_response(grant: LeaseGrant) -> v1::CreateLeaseResponse {
    let LeaseGrant {
        lease,
        credentials: values,
        sources,
        credential_expires_at,
        renew_after,
        included_organizations,
        missing_services,
        reused,
        replayed,
    } = grant;
    let included = included_organizations
        .into_iter()
        .map(|(id, services)| v1::IncludedOrganization { organization_id: id.to_string(), services });
    v1::CreateLeaseResponse {
        lease_id: lease.id.to_string(),
        credentials: credentials(values),
        credential_sources: sources.into_iter().map(|(service, from)| (service, source(from))).collect(),
        credential_expires_at: timestamps(credential_expires_at),
        expires_at: Some(timestamp(lease.expires_at)),
        renewable: lease.renewable,
        max_renewals: lease.max_renewals,
        renew_after: Some(timestamp(renew_after)),
        credential_scope: scope(lease.credential_scope).into(),
        included_org_credentials: included.collect(),
        missing_services,
        reused,
        replayed,
    }
}

/// A lease without values.
pub(in crate::grpc) fn lease(view: LeaseView) -> v1::Lease {
    let (renewable, renewals_remaining) = (view.renewable(), view.renewals_remaining());
    let LeaseView { lease, status } = view;
    let revocation = lease.state.revocation().cloned();
    let (revoked_at, revocation_reason, revoked_by) = match revocation {
        Some(Revocation { at, reason, by }) => (Some(timestamp(at)), reason, by),
        None => (None, String::new(), String::new()),
    };
    let Lease {
        id,
        // Who it belongs to is who may see it.
        owner: _,
        principal: _,
        token_id: _,
        client_id: _,
        user_id: _,
        server_id,
        organization_id,
        services,
        credential_scope,
        ttl,
        created_at,
        expires_at,
        lifetime_ends_at: _,
        renewable: _,
        renewal_count,
        max_renewals,
        last_renewed_at,
        // `status` says what it is by now.
        state: _,
        client_info,
        address: _,
    } = lease;
    v1::Lease {
        lease_id: id.to_string(),
        status: lease_status(status).into(),
        services: services.iter().map(ToString::to_string).collect(),
        expires_at: Some(timestamp(expires_at)),
        renewable,
        renewal_count,
        max_renewals,
        renewals_remaining,
        credential_scope: scope(credential_scope).into(),
        server_id,
        organization_id: organization_id.map(|id| id.to_string()).unwrap_or_default(),
        created_at: Some(timestamp(created_at)),
        last_renewed_at: last_renewed_at.map(timestamp),
        revoked_at,
        revocation_reason,
        revoked_by,
        ttl: Some(duration(ttl.seconds().into())),
        client_info: client_info.unwrap_or_default(),
    }
}

/// A request for own leases.
pub(in crate::grpc) fn list_request(message: v1::ListLeasesRequest) -> Result<ListLeases, Error> {
    let v1::ListLeasesRequest { status, service, server_id, page_size, page_token } = message;
    let status = match v1::LeaseStatus::try_from(status) {
        Ok(v1::LeaseStatus::Unspecified) => None,
        Ok(v1::LeaseStatus::Active) => Some(LeaseStatus::Active),
        Ok(v1::LeaseStatus::Expired) => Some(LeaseStatus::Expired),
        Ok(v1::LeaseStatus::Revoked) => Some(LeaseStatus::Revoked),
        Err(_) => return Err(Error::invalid(vec![Violation::new("status", "is not a known status")])),
    };
    Ok(ListLeases {
        status: status.map(|status| status.as_str().to_owned()),
        service: given(service),
        server_id: given(server_id),
        page_size: Some(page_size.into()),
        page_token: given(page_token),
    })
}

/// A page of own leases.
pub(in crate::grpc) fn list_response(page: LeasePage) -> v1::ListLeasesResponse {
    let LeasePage { leases, next_page_token } = page;
    v1::ListLeasesResponse {
        leases: leases.into_iter().map(lease).collect(),
        next_page_token: next_page_token.unwrap_or_default(),
    }
}

/// A request for a renewal, and the lease's id as sent.
pub(in crate::grpc) fn renew_request(message: v1::RenewLeaseRequest) -> Result<(String, RenewLease), Error> {
    let v1::RenewLeaseRequest { lease_id, ttl, include_credentials } = message;
    Ok((lease_id, RenewLease { ttl: whole_seconds("ttl", ttl)?, include_credentials }))
}

/// A lease renewed.
pub(in crate::grpc) fn renew_response(renewed: RenewedLease) -> v1::RenewLeaseResponse {
    let RenewedLease {
        lease,
        renew_after,
        capped_by,
        credentials: values,
        credential_expires_at,
        credential_versions,
    } = renewed;
    let capped_by = match capped_by {
        None => v1::RenewalCap::Unspecified,
        Some(RenewalCap::MaxLifetime) => v1::RenewalCap::MaxLifetime,
    };
    v1::RenewLeaseResponse {
        lease_id: lease.id.to_string(),
        expires_at: Some(timestamp(lease.expires_at)),
        renewal_count: lease.renewal_count,
        max_renewals: lease.max_renewals,
        renewals_remaining: lease.renewals_remaining(),
        last_renewed_at: lease.last_renewed_at.map(timestamp),
        renew_after: Some(timestamp(renew_after)),
        capped_by: capped_by.into(),
        credentials: values.map(credentials).unwrap_or_default(),
        credential_expires_at: timestamps(credential_expires_at),
        credential_versions: credential_versions.into_iter().collect(),
    }
}

/// The values of a lease.
pub(in crate::grpc) fn read_response(read: LeaseCredentials) -> v1::ReadCredentialsResponse {
    let LeaseCredentials {
        lease,
        credentials: values,
        credential_expires_at,
        credential_versions,
        renew_after,
    } = read;
    v1::ReadCredentialsResponse {
        lease_id: lease.id.to_string(),
        credentials: credentials(values),
        credential_expires_at: timestamps(credential_expires_at),
        credential_versions: credential_versions.into_iter().collect(),
        expires_at: Some(timestamp(lease.expires_at)),
        renew_after: Some(timestamp(renew_after)),
    }
}

/// A report, and the lease's id as sent.
pub(in crate::grpc) fn report_request(message: v1::ReportUnauthorizedRequest) -> (String, Report) {
    let v1::ReportUnauthorizedRequest { lease_id, service, credential_version } = message;
    (lease_id, Report { service, credential_version })
}

/// What to use instead of what a service refused.
pub(in crate::grpc) fn report_response(reported: Reported) -> v1::ReportUnauthorizedResponse {
    let Reported { changed, read } = reported;
    v1::ReportUnauthorizedResponse { changed, read: Some(read_response(read)) }
}

/// A request to revoke: the lease's id as sent, and why.
pub(in crate::grpc) fn revoke_request(message: v1::RevokeLeaseRequest) -> (String, Option<String>) {
    let v1::RevokeLeaseRequest { lease_id, reason } = message;
    (lease_id, given(reason))
}

/// A lease that is over.
pub(in crate::grpc) fn revoke_response(revoked: RevokedLease) -> v1::RevokeLeaseResponse {
    let RevokedLease { lease, ended_at } = revoked;
    v1::RevokeLeaseResponse { lease_id: lease.id.to_string(), revoked_at: Some(timestamp(ended_at)) }
}

fn one_key(in_message: Option<String>, in_metadata: Option<String>) -> Result<Option<String>, Error> {
    match (in_message, in_metadata) {
        (Some(message), Some(metadata)) if message != metadata => {
            let reason = "differs from the `idempotency-key` of the metadata";
            Err(Error::invalid(vec![Violation::new("idempotency_key", reason)]))
        }
        (message, metadata) => Ok(message.or(metadata)),
    }
}

fn source(from: CredentialSource) -> v1::CredentialSource {
    let CredentialSource {
        scope: found_in,
        organization_id,
        organization_name,
        credential_id,
        credential_version,
    } = from;
    v1::CredentialSource {
        scope: scope(found_in).into(),
        organization_id: organization_id.map(|id| id.to_string()).unwrap_or_default(),
        organization_name: organization_name.unwrap_or_default(),
        credential_id,
        credential_version,
    }
}

fn timestamps(instants: BTreeMap<String, Instant>) -> BTreeMap<String, Timestamp> {
    instants.into_iter().map(|(service, at)| (service, timestamp(at))).collect()
}

const fn scope(scope: CredentialScope) -> v1::CredentialScope {
    match scope {
        CredentialScope::Mixed => v1::CredentialScope::Mixed,
        CredentialScope::Organization => v1::CredentialScope::Organization,
        CredentialScope::Personal => v1::CredentialScope::Personal,
    }
}

const fn lease_status(status: LeaseStatus) -> v1::LeaseStatus {
    match status {
        LeaseStatus::Active => v1::LeaseStatus::Active,
        LeaseStatus::Expired => v1::LeaseStatus::Expired,
        LeaseStatus::Revoked => v1::LeaseStatus::Revoked,
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
