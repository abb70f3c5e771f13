//! What the lease endpoints answer. Those with values borrow them from the broker's types, which wipe them, and embed
//! their JSON as it is.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    broker::leases::types::{
        CredentialSource, Credentials, LeaseCredentials, LeaseGrant, RenewedLease, Reported, RevokedLease,
    },
    http::problem::Problem,
    model::{
        id::{LeaseId, OrganizationId},
        instant::Instant,
        renewal::RenewalCap,
    },
};

/// A lease granted, with the values.
// No `Debug`: it holds them.
#[derive(Serialize, ToSchema)]
#[schema(as = LeaseGrant)]
pub(in crate::http) struct Grant<'a> {
    #[schema(value_type = String, example = "lse_069bq1c8m5vk3f5k9t4m2s6g8c")]
    lease_id: LeaseId,
    /// The values, by service as asked.
    #[schema(value_type = Values<'_>, example = json!({"todoist": {"access_token": "…"}}))]
    credentials: Values<'a>,
    /// Where each came from.
    #[schema(value_type = BTreeMap<String, Source<'_>>)]
    credential_sources: BTreeMap<&'a str, Source<'a>>,
    /// When a lent value itself runs out; only where that is known.
    #[schema(value_type = BTreeMap<String, String>)]
    credential_expires_at: &'a BTreeMap<String, Instant>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    renewable: bool,
    #[schema(example = 24)]
    max_renewals: u32,
    /// When to renew: spread by the server, and before a lent value runs out.
    #[schema(value_type = String, format = DateTime)]
    renew_after: Instant,
    /// `personal`, `organization` or `mixed`.
    credential_scope: &'static str,
    /// What came from organizations.
    included_org_credentials: Vec<IncludedOrganization<'a>>,
    /// True when the lease existed before, found by `reuse`; else left out.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    reused: bool,
    /// With `allow_partial`: what was left out.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    missing_services: &'a [String],
}

/// Opened values by service, each a JSON object.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = CredentialValues, value_type = BTreeMap<String, Object>)]
pub(in crate::http) struct Values<'a>(BTreeMap<&'a str, &'a RawValue>);

/// Where one service's values came from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CredentialSource)]
pub(in crate::http) struct Source<'a> {
    /// `personal` or `organization`.
    scope: &'static str,
    #[schema(value_type = Option<String>)]
    organization_id: Option<OrganizationId>,
    organization_name: Option<&'a str>,
    #[schema(example = "crd_069bq1c8m5vk3f5k9t4m2s6g8c")]
    credential_id: &'a str,
    credential_version: i64,
}

/// The services that came from one organization.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct IncludedOrganization<'a> {
    #[schema(value_type = String)]
    organization_id: OrganizationId,
    services: &'a [String],
}

/// A lease renewed.
// No `Debug`: it may hold values.
#[derive(Serialize, ToSchema)]
#[schema(as = RenewedLease)]
pub(in crate::http) struct Renewed<'a> {
    #[schema(value_type = String)]
    lease_id: LeaseId,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    renewal_count: u32,
    max_renewals: u32,
    renewals_remaining: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_renewed_at: Option<Instant>,
    #[schema(value_type = String, format = DateTime)]
    renew_after: Instant,
    /// What cut the renewal short, if anything: `max_lifetime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    capped_by: Option<&'static str>,
    /// When asked for, or when one was rotated since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Values<'_>>)]
    credentials: Option<Values<'a>>,
    /// Along with the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    credential_expires_at: Option<&'a BTreeMap<String, Instant>>,
    /// Which version of each this is; along with the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_versions: Option<&'a BTreeMap<String, i64>>,
}

/// The values of a lease, read again.
// No `Debug`: it holds them.
#[derive(Serialize, ToSchema)]
#[schema(as = LeaseCredentials)]
pub(in crate::http) struct LeaseValues<'a> {
    #[schema(value_type = String)]
    lease_id: LeaseId,
    #[schema(value_type = Values<'_>)]
    credentials: Values<'a>,
    #[schema(value_type = BTreeMap<String, String>)]
    credential_expires_at: &'a BTreeMap<String, Instant>,
    /// Which version of each this is.
    credential_versions: &'a BTreeMap<String, i64>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    renew_after: Instant,
}

/// What to use instead of what a service refused.
// No `Debug`: it holds values.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportedUnauthorized)]
pub(in crate::http) struct ReportNote<'a> {
    /// Whether it is another version than the one that was refused. If not, there is nothing better: what is stored is
    /// refused, or was made anew a moment ago.
    changed: bool,
    #[serde(flatten)]
    values: LeaseValues<'a>,
}

/// A lease that is over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevokedLease)]
pub(in crate::http) struct RevocationNote {
    #[schema(example = "Lease revoked successfully")]
    message: &'static str,
    #[schema(value_type = String)]
    lease_id: LeaseId,
    /// When it ended: the first revocation's time, or when it ran out.
    #[schema(value_type = String, format = DateTime)]
    revoked_at: Instant,
}

impl<'a> Grant<'a> {
    /// The answer to a create.
    pub(super) fn of(grant: &'a LeaseGrant) -> Result<Self, Problem> {
        let LeaseGrant {
            lease,
            credentials,
            sources,
            credential_expires_at,
            renew_after,
            included_organizations,
            missing_services,
            reused,
            replayed: _,
        } = grant;
        let included = included_organizations.iter();
        Ok(Self {
            lease_id: lease.id,
            credentials: Values::of(credentials)?,
            credential_sources: sources.iter().map(|(name, source)| (&**name, Source::of(source))).collect(),
            credential_expires_at,
            expires_at: lease.expires_at,
            renewable: lease.renewable,
            max_renewals: lease.max_renewals,
            renew_after: *renew_after,
            credential_scope: lease.credential_scope.as_str(),
            included_org_credentials: included
                .map(|(id, services)| IncludedOrganization { organization_id: *id, services })
                .collect(),
            reused: *reused,
            missing_services,
        })
    }
}

impl<'a> Values<'a> {
    fn of(opened: &'a Credentials) -> Result<Self, Problem> {
        let values = opened.0.iter().map(|(service, fields)| {
            // serde's error would say where in the value; that it is broken is all the log needs.
            let json = serde_json::from_str(fields.json())
                .map_err(|_| Problem::fault("an opened credential is not JSON"))?;
            Ok((service.as_str(), json))
        });
        values.collect::<Result<_, _>>().map(Self)
    }
}

impl<'a> Source<'a> {
    fn of(source: &'a CredentialSource) -> Self {
        let CredentialSource { scope, organization_id, organization_name, credential_id, credential_version } =
            source;
        Self {
            scope: scope.as_str(),
            organization_id: *organization_id,
            organization_name: organization_name.as_deref(),
            credential_id,
            credential_version: *credential_version,
        }
    }
}

impl<'a> Renewed<'a> {
    /// The answer to a renewal.
    pub(super) fn of(renewed: &'a RenewedLease) -> Result<Self, Problem> {
        let RenewedLease { lease, renew_after, capped_by, credentials, .. } = renewed;
        Ok(Self {
            lease_id: lease.id,
            expires_at: lease.expires_at,
            renewal_count: lease.renewal_count,
            max_renewals: lease.max_renewals,
            renewals_remaining: lease.renewals_remaining(),
            last_renewed_at: lease.last_renewed_at,
            renew_after: *renew_after,
            capped_by: capped_by.map(RenewalCap::as_str),
            credentials: credentials.as_ref().map(Values::of).transpose()?,
            credential_expires_at: credentials.is_some().then_some(&renewed.credential_expires_at),
            credential_versions: credentials.is_some().then_some(&renewed.credential_versions),
        })
    }
}

impl<'a> LeaseValues<'a> {
    /// The answer to a reading.
    pub(super) fn of(read: &'a LeaseCredentials) -> Result<Self, Problem> {
        let LeaseCredentials { lease, credentials, credential_expires_at, credential_versions, renew_after } =
            read;
        Ok(Self {
            lease_id: lease.id,
            credentials: Values::of(credentials)?,
            credential_expires_at,
            credential_versions,
            expires_at: lease.expires_at,
            renew_after: *renew_after,
        })
    }
}

impl<'a> ReportNote<'a> {
    /// The answer to a report.
    pub(super) fn of(reported: &'a Reported) -> Result<Self, Problem> {
        Ok(Self { changed: reported.changed, values: LeaseValues::of(&reported.read)? })
    }
}

impl RevocationNote {
    /// The answer to a revocation.
    pub(super) const fn of(revoked: &RevokedLease) -> Self {
        let RevokedLease { lease, ended_at } = revoked;
        Self { message: "Lease revoked successfully", lease_id: lease.id, revoked_at: *ended_at }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        http::leases::details::tests::{AT, id, lease},
        model::{
            credential::Fields,
            lease::{CredentialScope, LeaseState},
            secret::SecretText,
        },
    };

    fn values(json: &str) -> Credentials {
        let fields = Fields::new(SecretText::new(json.to_owned()));
        Credentials(BTreeMap::from([("jira".to_owned(), fields)]))
    }

    fn grant() -> LeaseGrant {
        let source = CredentialSource {
            scope: CredentialScope::Organization,
            organization_id: Some(id()),
            organization_name: Some("Development Team".to_owned()),
            credential_id: "crd_1".to_owned(),
            credential_version: 3,
        };
        LeaseGrant {
            lease: lease(LeaseState::Active),
            credentials: values(r#"{"url":"https://x.example", "cloud":true}"#),
            sources: BTreeMap::from([("jira".to_owned(), source)]),
            credential_expires_at: BTreeMap::from([("jira".to_owned(), AT)]),
            renew_after: AT.plus_seconds(2_400),
            included_organizations: BTreeMap::from([(id(), vec!["jira".to_owned()])]),
            missing_services: Vec::new(),
            reused: false,
            replayed: false,
        }
    }

    #[test]
    fn a_grant_has_the_seeds_shape_and_more() {
        let organization: OrganizationId = id();
        let lease_id: LeaseId = id();
        let mut grant = grant();
        let mut expected = json!({
            "lease_id": lease_id,
            "credentials": {"jira": {"url": "https://x.example", "cloud": true}},
            "credential_sources": {"jira": {
                "scope": "organization", "organization_id": organization,
                "organization_name": "Development Team", "credential_id": "crd_1", "credential_version": 3,
            }},
            "credential_expires_at": {"jira": "2025-11-08T23:39:56.000000Z"},
            "expires_at": "2025-11-09T00:39:56.000000Z",
            "renewable": true,
            "max_renewals": 24,
            "renew_after": "2025-11-09T00:19:56.000000Z",
            "credential_scope": "mixed",
            "included_org_credentials": [{"organization_id": organization, "services": ["jira"]}],
        });
        assert_eq!(serde_json::to_value(Grant::of(&grant).unwrap()).unwrap(), expected);
        grant.reused = true;
        grant.missing_services = vec!["todoist".to_owned()];
        expected["reused"] = Value::Bool(true);
        expected["missing_services"] = json!(["todoist"]);
        assert_eq!(serde_json::to_value(Grant::of(&grant).unwrap()).unwrap(), expected);
    }

    #[test]
    fn a_broken_value_is_a_fault_that_shows_nothing() {
        let broken = LeaseGrant { credentials: values(r#"{"token":"s3cret"#), ..grant() };
        let error = Grant::of(&broken).err().unwrap().0;
        assert_eq!(error.code, crate::broker::Code::Internal);
        assert!(!format!("{error:?}").contains("s3cret"));
    }

    #[test]
    fn a_renewal_has_values_only_when_the_broker_gave_some() {
        let mut renewed = RenewedLease {
            lease: lease(LeaseState::Active),
            renew_after: AT,
            capped_by: None,
            credentials: None,
            credential_expires_at: BTreeMap::new(),
            credential_versions: BTreeMap::from([("jira".to_owned(), 4)]),
        };
        let plain = serde_json::to_value(Renewed::of(&renewed).unwrap()).unwrap();
        assert_eq!(plain.as_object().unwrap().len(), 7);
        renewed.credentials = Some(values("{}"));
        renewed.capped_by = Some(RenewalCap::MaxLifetime);
        let full = serde_json::to_value(Renewed::of(&renewed).unwrap()).unwrap();
        assert_eq!(full["credentials"], json!({"jira": {}}));
        assert_eq!(full["credential_expires_at"], json!({}));
        assert_eq!(full["credential_versions"], json!({"jira": 4}));
        assert_eq!(full["capped_by"], "max_lifetime");
    }
}
