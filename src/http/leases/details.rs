//! What a lease looks like to its borrower: everything but the values.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    broker::leases::types::{LeasePage as Leases, LeaseView},
    model::{
        id::{ClientId, LeaseId, OrganizationId, UserId},
        instant::Instant,
        lease::Lease,
        service::ServiceRef,
    },
};

/// A lease, never a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lease)]
pub(in crate::http) struct LeaseDetails<'a> {
    #[schema(value_type = String, example = "lse_069bq1c8m5vk3f5k9t4m2s6g8c")]
    lease_id: LeaseId,
    /// `active`, `expired` or `revoked`.
    #[schema(example = "active")]
    status: &'static str,
    #[schema(value_type = Vec<String>, example = json!(["jira", "todoist"]))]
    services: &'a [ServiceRef],
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    renewable: bool,
    renewal_count: u32,
    max_renewals: u32,
    renewals_remaining: u32,
    /// `personal`, `organization` or `mixed`.
    credential_scope: &'static str,
    server_id: &'a str,
    /// The organization that the request narrowed the choice to.
    #[schema(value_type = Option<String>)]
    organization_id: Option<OrganizationId>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_renewed_at: Option<Instant>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Instant>,
    revocation_reason: Option<&'a str>,
    /// A principal's id, or `system`.
    revoked_by: Option<&'a str>,
    /// Seconds.
    ttl: u32,
    client_info: Option<&'a str>,
    /// The person it was taken for.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// The client that took it.
    #[schema(value_type = Option<String>)]
    client_id: Option<ClientId>,
}

/// A page of leases.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LeasePage<'a> {
    leases: Vec<LeaseDetails<'a>>,
    /// Where the next page begins; null on the last.
    next_page_token: Option<&'a str>,
}

impl<'a> LeaseDetails<'a> {
    /// The lease as its borrower sees it.
    pub(super) fn of(view: &'a LeaseView) -> Self {
        let LeaseView { lease, status } = view;
        let Lease {
            id,
            owner: _,
            principal: _,
            token_id: _,
            client_id,
            user_id,
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
            state,
            client_info,
            address: _,
        } = lease;
        let revocation = state.revocation();
        Self {
            lease_id: *id,
            status: status.as_str(),
            services,
            expires_at: *expires_at,
            renewable: view.renewable(),
            renewal_count: *renewal_count,
            max_renewals: *max_renewals,
            renewals_remaining: view.renewals_remaining(),
            credential_scope: credential_scope.as_str(),
            server_id,
            organization_id: *organization_id,
            created_at: *created_at,
            last_renewed_at: *last_renewed_at,
            revoked_at: revocation.map(|revocation| revocation.at),
            revocation_reason: revocation.map(|revocation| revocation.reason.as_str()),
            revoked_by: revocation.map(|revocation| revocation.by.as_str()),
            ttl: ttl.seconds(),
            client_info: client_info.as_deref(),
            user_id: *user_id,
            client_id: *client_id,
        }
    }
}

impl<'a> LeasePage<'a> {
    /// One page.
    pub(super) fn of(page: &'a Leases) -> Self {
        let Leases { leases, next_page_token } = page;
        let leases = leases.iter().map(LeaseDetails::of).collect();
        Self { leases, next_page_token: next_page_token.as_deref() }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{
        id::{Id, RANDOM_BYTES, TokenId},
        lease::{CredentialScope, LeaseState, LeaseStatus, Revocation},
        owner::Owner,
        principal::Principal,
        ttl::Ttl,
    };

    pub(in crate::http::leases) const AT: Instant = Instant::from_micros(1_762_645_196_000_000);

    pub(in crate::http::leases) fn id<I: Id>() -> I {
        I::from_parts(AT, [7; RANDOM_BYTES])
    }

    pub(in crate::http::leases) fn lease(state: LeaseState) -> Lease {
        Lease {
            id: id(),
            owner: Owner::User(id()),
            principal: Principal::User(id()),
            token_id: id::<TokenId>(),
            client_id: None,
            user_id: Some(id()),
            server_id: "mcp-server-1".to_owned(),
            organization_id: None,
            services: vec!["jira".parse().unwrap(), "tray/shop.example".parse().unwrap()],
            credential_scope: CredentialScope::Mixed,
            ttl: Ttl::DEFAULT,
            created_at: AT,
            expires_at: AT.plus_seconds(3_600),
            lifetime_ends_at: AT.plus_seconds(86_400),
            renewable: true,
            renewal_count: 1,
            max_renewals: 24,
            last_renewed_at: Some(AT),
            state,
            client_info: None,
            address: Some("192.0.2.1".to_owned()),
        }
    }

    #[test]
    fn details_say_who_revoked_when_and_why() {
        let revocation = Revocation { at: AT, reason: "Server shutdown".to_owned(), by: "system".to_owned() };
        let lease = lease(LeaseState::Revoking(revocation));
        let view = LeaseView { lease, status: LeaseStatus::Revoked };
        let details = serde_json::to_value(LeaseDetails::of(&view)).unwrap();
        assert_eq!(details["status"], "revoked");
        assert_eq!(details["services"], json!(["jira", "tray/shop.example"]));
        assert_eq!(details["revoked_at"], "2025-11-08T23:39:56.000000Z");
        assert_eq!(details["revocation_reason"], "Server shutdown");
        assert_eq!(details["revoked_by"], "system");
        assert_eq!(details["renewable"], false);
        assert_eq!((&details["renewals_remaining"], &details["ttl"]), (&json!(0), &json!(3_600)));
        assert_eq!((&details["client_id"], &details["organization_id"]), (&Value::Null, &Value::Null));
        assert_eq!(details.as_object().unwrap().len(), 20);
    }
}
