//! Organizations, for operators and their own administrators.

use crate::{
    broker::{
        Broker, Call, Code, Error, Violation,
        authz::Authority,
        listing::{ListRequest, Listing},
    },
    model::{
        audit::{Actor, AuditRecord, EventName},
        holdings::Subject,
        id::{OrganizationId, UserId},
        organization::{Organization, OrganizationFilter, OrganizationStatus, Role},
        owner::Owner,
        page::{ListQuery, OrderKey},
        scope::Operation,
    },
    store::admin::{Change, LeasesOf, OrganizationPatch, Precondition, Row},
};

use super::{
    Updated,
    changes::{described, unchanged},
    users::{name_violation, user_id},
};

/// An organization to make.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// 1 to 100 characters.
    pub name: String,
    /// The id of the user who is its first owner.
    pub owner_id: String,
}

/// What to change of an organization; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct UpdateOrganization {
    /// As in [`NewOrganization`].
    pub name: Option<String>,
    /// Suspends or reinstates it; operators alone.
    pub status: Option<OrganizationStatus>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
}

/// Which organizations to list.
#[derive(Debug, Clone, Default)]
pub struct ListOrganizations {
    /// Only of this name.
    pub name: Option<String>,
    /// Only of this status; unless told, those that were deleted are left out.
    pub status: Option<OrganizationStatus>,
    /// Which part.
    pub page: ListRequest,
}

impl Broker {
    /// Makes an organization with its first owner. For operators.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the user does not exist; [`Code::InvalidRequest`] for one who is switched off.
    pub async fn operator_creates_organization(
        &self,
        call: &Call,
        new: NewOrganization,
    ) -> Result<Organization, Error> {
        let authorized = self.operator(call, Operation::AdminWrite).await?;
        refuse(name_violation("name", &new.name))?;
        let owner = user_id(&new.owner_id)?;
        let stands = self.user(owner).await?.active;
        refuse((!stands).then(|| Violation::new("owner_id", "the user is switched off")))?;
        let created_at = self.clock.now();
        let organization = Organization {
            id: self.entropy.id(created_at),
            name: new.name,
            status: OrganizationStatus::Active,
            epoch: 1,
            revision: 1,
            created_at,
        };
        let authorized = authorized.on_behalf_of(Owner::Organization(organization.id));
        let records = founding(&authorized.actor, &organization, owner);
        let change = Change::FoundOrganization(organization.clone(), owner);
        self.change_recorded(call, authorized, records, change).await?;
        Ok(organization)
    }

    /// Shows an organization. For operators, who see those that were deleted too, and its administrators.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for a member without the role.
    pub async fn administrator_shows_organization(
        &self,
        call: &Call,
        id: &str,
    ) -> Result<Organization, Error> {
        let (id, _) = self.administrator_of(call, Operation::AdminRead, id).await?;
        self.organization(id).await
    }

    /// Lists organizations, by creation or name: for operators all, for others those that they administer.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for a page or an order that is none.
    pub async fn administrator_lists_organizations(
        &self,
        call: &Call,
        request: ListOrganizations,
    ) -> Result<Listing<Organization>, Error> {
        self.own(call, Operation::AdminRead).await?;
        let (order, after, size) = request.page.read(&[OrderKey::CreatedAt, OrderKey::Name])?;
        let ListOrganizations { name, status, page: _ } = request;
        let filter = OrganizationFilter { name, status, administered_by: call.caller.user_id };
        if let Subject::OrganizationClient { organization_id, role } = call.caller.subject {
            let own = if role < Role::Admin { None } else { Some(self.organization(organization_id).await?) };
            return Ok(Listing::all(own.into_iter().filter(|own| filter.admits(own)).collect()));
        }
        let query = ListQuery { filter, order, after, size };
        Ok(Listing::of(order, self.store.rows().list_organizations(&query).await?))
    }

    /// Renames an organization; operators also suspend and reinstate it. Suspended, the leases that rest on its credentials
    /// end at once.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for a status by who is no operator; [`Code::Conflict`] for an organization
    /// that was deleted; [`Code::PreconditionFailed`] when it changed since the revision given.
    pub async fn administrator_updates_organization(
        &self,
        call: &Call,
        id: &str,
        update: UpdateOrganization,
    ) -> Result<Updated<Organization>, Error> {
        let (id, authorized) = self.administrator_of(call, Operation::AdminWrite, id).await?;
        let UpdateOrganization { name, status, revision } = update;
        if status.is_some() && authorized.authority != Authority::Operator {
            return Err(Error::new(Code::Forbidden, "only an operator may suspend or reinstate"));
        }
        let deleting = (status == Some(OrganizationStatus::Deleted))
            .then(|| Violation::new("status", "must be active or suspended; DELETE deletes"));
        refuse(name.as_deref().and_then(|name| name_violation("name", name)).or(deleting))?;
        let before = self.standing_organization(id).await?;
        // What does not change must not raise an epoch.
        let status = status.filter(|status| *status != before.status);
        let name = name.filter(|name| *name != before.name);
        if name.is_none() && status.is_none() {
            let known = before.revision;
            return unchanged(before, revision, known);
        }
        let leases_ended = match status {
            Some(OrganizationStatus::Suspended) => {
                self.leases_lost(before.status, LeasesOf::Organization(id)).await?
            }
            _ => 0,
        };
        let record = self.success(&authorized, EventName::OrganizationUpdated, id);
        let mut record = described(record, [("name", name.clone())]);
        if let Some(status) = status {
            record = record.with("status", status.as_str()).with("leases_ended", leases_ended);
        }
        let authorized =
            authorized.with(revision.map(|seen| Precondition::Revision(Row::Organization(id), seen)));
        let change = Change::UpdateOrganization(id, OrganizationPatch { name, status });
        self.change_recorded(call, authorized, vec![record], change).await?;
        Ok(Updated { row: self.organization(id).await?, leases_ended })
    }

    /// Deletes an organization for good: its leases end, its members, clients and invitations go, its credentials are
    /// shredded; its id and name stay for the audit. Answers how many live leases ended. For operators.
    ///
    /// # Errors
    /// As [`Broker::administrator_updates_organization`].
    pub async fn operator_deletes_organization(
        &self,
        call: &Call,
        id: &str,
        revision: Option<i64>,
    ) -> Result<i64, Error> {
        let authorized = self.operator(call, Operation::AdminWrite).await?;
        let id: OrganizationId = id.parse().map_err(|_| Error::not_found("organization"))?;
        let authorized = authorized.on_behalf_of(Owner::Organization(id));
        let before = self.standing_organization(id).await?;
        let leases_ended = self.leases_lost(before.status, LeasesOf::Organization(id)).await?;
        let record = self.success(&authorized, EventName::OrganizationDeleted, id);
        let record = record.with("name", before.name).with("leases_ended", leases_ended);
        let authorized =
            authorized.with(revision.map(|seen| Precondition::Revision(Row::Organization(id), seen)));
        self.change_recorded(call, authorized, vec![record], Change::DeleteOrganization(id)).await?;
        Ok(leases_ended)
    }

    /// Live leases that a change ends: none of an organization that is suspended, whose end came with that.
    pub(super) async fn leases_lost(&self, status: OrganizationStatus, of: LeasesOf) -> Result<i64, Error> {
        if status == OrganizationStatus::Active { self.live_leases_of(of).await } else { Ok(0) }
    }

    pub(super) async fn organization(&self, id: OrganizationId) -> Result<Organization, Error> {
        let found = self.store.rows().find_organization(id).await?;
        found.ok_or_else(|| Error::not_found("organization"))
    }

    /// The organization, unless it was deleted.
    pub(super) async fn standing_organization(&self, id: OrganizationId) -> Result<Organization, Error> {
        let found = self.organization(id).await?;
        if found.status == OrganizationStatus::Deleted {
            return Err(Error::new(Code::Conflict, "the organization was deleted"));
        }
        Ok(found)
    }
}

/// The records of an organization and its first owner.
pub(super) fn founding(actor: &Actor, organization: &Organization, owner: UserId) -> Vec<AuditRecord> {
    let Organization { id, name, created_at, .. } = organization;
    let member = AuditRecord::success(EventName::MemberAdded, actor, owner, *created_at);
    vec![
        AuditRecord::success(EventName::OrganizationCreated, actor, id, *created_at)
            .with("name", name.as_str()),
        member.with("role", Role::Owner.as_str()),
    ]
}

pub(super) fn refuse(violation: Option<Violation>) -> Result<(), Error> {
    violation.map_or(Ok(()), |violation| Err(Error::invalid(vec![violation])))
}
