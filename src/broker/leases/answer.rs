//! Answers: values opened for the sources of a lease, and what a borrower is told along with them.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::try_join_all;

use crate::{
    broker::{Broker, Error},
    issuer,
    model::{
        credential::Credential,
        holdings::Holdings,
        id::{CredentialId, OrganizationId},
        instant::Instant,
        lease::{CredentialScope, Lease},
        resolution::Source,
        service::ServiceRef,
        ttl::{self, Ttl},
    },
    store::{
        StoreError,
        mutation::{CreatedLease, LeaseOrigin},
    },
};

use super::types::{CredentialSource, Credentials, LeaseGrant};

/// Values, opened, and when they themselves run out.
#[derive(Default)]
pub(super) struct Lent {
    pub(super) credentials: Credentials,
    pub(super) expires_at: BTreeMap<String, Instant>,
    pub(super) versions: BTreeMap<String, i64>,
}

impl Lent {
    /// When the first of the values runs out by itself, where that is known.
    pub(super) fn earliest_expiry(&self) -> Option<Instant> {
        self.expires_at.values().min().copied()
    }
}

impl Broker {
    /// Opens the values of sources, from the credentials they rest on today, with tokens good for a ttl.
    pub(super) async fn open_sources(&self, sources: &[Source], ttl: Ttl) -> Result<Lent, Error> {
        let mut known: BTreeMap<CredentialId, Arc<Credential>> = BTreeMap::new();
        let mut unknown = Vec::new();
        for source in sources {
            match self.credentials.get(&(source.credential_id, source.credential_version)) {
                Some(credential) => drop(known.insert(credential.id, credential)),
                None => unknown.push(source.credential_id),
            }
        }
        if !unknown.is_empty() {
            for credential in self.store.rows().load_credentials(&unknown).await? {
                let credential = Arc::new(credential?);
                self.credentials.insert((credential.id, credential.version), Arc::clone(&credential));
                known.insert(credential.id, credential);
            }
        }
        let credential = |source: &Source| known.get(&source.credential_id).cloned();
        let credentials: Option<Vec<_>> = sources.iter().map(credential).collect();
        // Deleted between the check and this read: the next use says so.
        let credentials =
            credentials.ok_or_else(|| Error::internal(StoreError::Missing("a credential of the lease")))?;
        let credentials = try_join_all(credentials.into_iter().map(|one| self.freshened(one, ttl))).await?;
        self.open_all(sources, &credentials).await
    }

    /// Opens values that are at hand.
    pub(super) async fn open_all(
        &self,
        sources: &[Source],
        credentials: &[Arc<Credential>],
    ) -> Result<Lent, Error> {
        let mut lent = Lent::default();
        for (source, credential) in sources.iter().zip(credentials) {
            let name = source.service.to_string();
            let opened = self.vault.open_credential(credential).await?;
            let issued = issuer::issue(self.catalog.find(&credential.service), credential, opened);
            if let Some(at) = issued.expires_at {
                lent.expires_at.insert(name.clone(), at);
            }
            lent.versions.insert(name.clone(), credential.version);
            lent.credentials.0.insert(name, issued.fields);
        }
        Ok(lent)
    }

    /// When the borrower should renew.
    pub(super) fn renew_after(&self, lease: &Lease, values_expire_at: Option<Instant>) -> Instant {
        let jitter = u16::from_be_bytes(self.entropy.bytes());
        ttl::renew_after(self.clock.now(), lease.expires_at, values_expire_at, jitter)
    }
}

/// A lease granted, as the borrower sees it.
pub(super) fn grant(
    holdings: &Holdings,
    created: CreatedLease,
    lent: Lent,
    renew_after: Instant,
    missing: &[ServiceRef],
) -> LeaseGrant {
    let CreatedLease { lease, sources, origin } = created;
    let mut included_organizations: BTreeMap<OrganizationId, Vec<String>> = BTreeMap::new();
    for source in &sources {
        if let Some(id) = source.organization_id() {
            included_organizations.entry(id).or_default().push(source.service.to_string());
        }
    }
    LeaseGrant {
        sources: sources
            .iter()
            .map(|source| (source.service.to_string(), describe(holdings, source, &lent.versions)))
            .collect(),
        credentials: lent.credentials,
        credential_expires_at: lent.expires_at,
        renew_after,
        included_organizations,
        missing_services: missing.iter().map(ToString::to_string).collect(),
        reused: origin == LeaseOrigin::Reused,
        replayed: origin == LeaseOrigin::Replayed,
        lease,
    }
}

/// The version is that of what goes out, which may be newer than the lease's own.
fn describe(holdings: &Holdings, source: &Source, versions: &BTreeMap<String, i64>) -> CredentialSource {
    let version = versions.get(&source.service.to_string()).copied();
    let organization_id = source.organization_id();
    let organization =
        holdings.organizations.iter().find(|holdings| Some(holdings.organization_id) == organization_id);
    CredentialSource {
        scope: if organization_id.is_some() {
            CredentialScope::Organization
        } else {
            CredentialScope::Personal
        },
        organization_id,
        organization_name: organization.map(|holdings| holdings.name.clone()),
        credential_id: source.credential_id.to_string(),
        credential_version: version.unwrap_or(source.credential_version),
    }
}
