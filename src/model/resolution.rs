//! Resolution: choosing, for each service asked for, the credential with the highest priority.
//!
//! Personal before organization; among organizations the oldest membership first; within one organization every
//! credential of the service is tried, primary first. Pure: it decides over [`Holdings`] as they were read.

use std::collections::BTreeSet;

use super::{
    credential::{Credential, CredentialStatus},
    holdings::{Holdings, OrganizationHoldings, UnreadableCredential},
    id::{CredentialId, OrganizationId, UserId},
    organization::{OrganizationStatus, Role},
    owner::Owner,
    service::{ServiceName, ServiceRef},
};

/// What one service of a lease rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The service, as it was asked for.
    pub service: ServiceRef,
    /// The credential.
    pub credential_id: CredentialId,
    /// Its version when the values were last handed out.
    pub credential_version: i64,
    /// Its epoch when the entitlement was last checked.
    pub credential_epoch: i64,
    /// Whose credential it is.
    pub owner: Owner,
    /// The membership's epoch then; none for personal sources and clients of organizations.
    pub membership_epoch: Option<i64>,
    /// The organization's epoch then; none for personal sources.
    pub organization_epoch: Option<i64>,
}

impl Source {
    /// The organization whose credential it is, if one's.
    #[must_use]
    pub const fn organization_id(&self) -> Option<OrganizationId> {
        match self.owner {
            Owner::Organization(id) => Some(id),
            Owner::System | Owner::User(_) => None,
        }
    }
}

/// A service resolved: the source, and the credential it names.
#[derive(Debug, Clone)]
pub struct Resolved<'a> {
    /// What a lease records.
    pub source: Source,
    /// The credential, with its sealed value.
    pub credential: &'a Credential,
}

impl Holdings {
    /// Chooses the credential for one service; `organization` narrows the organizations, personal still wins, even one
    /// that cannot be read: another account must not take its place.
    #[must_use]
    pub fn resolve(
        &self,
        service: &ServiceRef,
        organization: Option<OrganizationId>,
    ) -> Option<Resolved<'_>> {
        if self.unreadable.iter().any(|credential| is_personal(credential, service)) {
            return None;
        }
        self.resolve_personal(service).or_else(|| self.resolve_shared(service, organization))
    }

    /// Whether a credential that cannot be read may be why a service does not resolve.
    #[must_use]
    pub fn is_unreadable(&self, service: &ServiceRef, organization: Option<OrganizationId>) -> bool {
        self.unreadable.iter().any(|credential| match credential.owner {
            Owner::Organization(id) => {
                let account = service.account.as_ref();
                organization.is_none_or(|only| only == id)
                    && credential.service == service.service
                    && account.is_none_or(|account| *account == credential.account)
            }
            Owner::System | Owner::User(_) => is_personal(credential, service),
        })
    }

    /// The names of every service that resolves, sorted.
    #[must_use]
    pub fn available_services(&self) -> BTreeSet<ServiceName> {
        let shared = self.organizations.iter().flat_map(|organization| &organization.credentials);
        let names: BTreeSet<ServiceName> =
            self.personal.iter().chain(shared).map(|credential| credential.service.clone()).collect();
        let resolves = |name: &ServiceName| {
            self.resolve(&ServiceRef { service: name.clone(), account: None }, None).is_some()
        };
        names.into_iter().filter(resolves).collect()
    }

    /// The person's own credential that a service means, whether it can be lent or not.
    #[must_use]
    pub fn own(&self, service: &ServiceRef) -> Option<&Credential> {
        // A bare name means the primary account alone: falling back to another account would lend the wrong one.
        let wanted = |credential: &&Credential| match &service.account {
            None => credential.service == service.service && credential.primary,
            Some(_) => matches(credential, service),
        };
        self.personal.iter().find(wanted)
    }

    fn resolve_personal(&self, service: &ServiceRef) -> Option<Resolved<'_>> {
        let credential = self.own(service)?;
        (credential.status == CredentialStatus::Active).then(|| resolved(service, credential, None))
    }

    fn resolve_shared(&self, service: &ServiceRef, only: Option<OrganizationId>) -> Option<Resolved<'_>> {
        let user = self.subject.user_id();
        self.organizations
            .iter()
            .filter(|holdings| holdings.status == OrganizationStatus::Active)
            .filter(|holdings| only.is_none_or(|id| id == holdings.organization_id))
            .find_map(|holdings| {
                let mut candidates = holdings.credentials.iter().filter(|c| matches(c, service));
                let credential = candidates.find(|c| is_lendable(c, holdings.role, user))?;
                Some(resolved(service, credential, Some(holdings)))
            })
    }
}

/// The present facts that one source of a lease rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// The credential, unless it is gone.
    pub credential: Option<CredentialFacts>,
    /// The organization's status and epoch; none for personal sources.
    pub organization: Option<(OrganizationStatus, i64)>,
    /// The borrower's role and the membership's epoch there; none when it is no member (any more).
    pub membership: Option<(Role, Option<i64>)>,
    /// The person the lease is for.
    pub user: Option<UserId>,
}

/// What an entitlement needs to know of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFacts {
    /// Whether it can be borrowed.
    pub status: CredentialStatus,
    /// Who in the organization may borrow it.
    pub sharing: super::organization::SharingRule,
    /// Its epoch now.
    pub epoch: i64,
    /// Its version now.
    pub version: i64,
}

impl Entitlement {
    /// Whether the lease may keep resting on `source`; then the source with today's epochs and version.
    #[must_use]
    pub fn renewed_source(&self, source: &Source) -> Option<Source> {
        let credential = self.credential.as_ref()?;
        if credential.status != CredentialStatus::Active {
            return None;
        }
        let (credential_epoch, credential_version) = (credential.epoch, credential.version);
        let mut renewed = Source { credential_version, credential_epoch, ..source.clone() };
        if source.organization_id().is_some() {
            let (status, epoch) = self.organization?;
            let (role, membership_epoch) = self.membership?;
            if status != OrganizationStatus::Active || !credential.sharing.admits(role, self.user) {
                return None;
            }
            renewed.organization_epoch = Some(epoch);
            renewed.membership_epoch = membership_epoch;
        }
        Some(renewed)
    }
}

/// Whether it is the person's own that the request means.
fn is_personal(credential: &UnreadableCredential, service: &ServiceRef) -> bool {
    let meant = match &service.account {
        None => credential.primary,
        Some(account) => *account == credential.account,
    };
    matches!(credential.owner, Owner::User(_)) && credential.service == service.service && meant
}

fn matches(credential: &Credential, service: &ServiceRef) -> bool {
    let account = service.account.as_ref();
    credential.service == service.service && account.is_none_or(|account| *account == credential.account)
}

fn is_lendable(credential: &Credential, role: Role, user: Option<UserId>) -> bool {
    credential.status == CredentialStatus::Active && credential.sharing.admits(role, user)
}

fn resolved<'a>(
    service: &ServiceRef,
    credential: &'a Credential,
    organization: Option<&OrganizationHoldings>,
) -> Resolved<'a> {
    let source = Source {
        service: service.clone(),
        credential_id: credential.id,
        credential_version: credential.version,
        credential_epoch: credential.epoch,
        owner: credential.owner,
        membership_epoch: organization.and_then(|o| o.membership_epoch),
        organization_epoch: organization.map(|o| o.epoch),
    };
    Resolved { source, credential }
}

#[cfg(test)]
mod tests;
