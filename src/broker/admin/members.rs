//! Memberships: for operators and an organization's administrators, who reach up to their own role; and a person's own.

use crate::{
    broker::{
        Broker, Call, Code, Error,
        authz::Authorized,
        listing::{ListRequest, Listing},
    },
    model::{
        audit::EventName,
        id::{OrganizationId, UserId},
        organization::{Member, MemberFilter, Membership, OrganizationStatus, Role},
        owner::Owner,
        page::{ListQuery, OrderKey},
        scope::Operation,
    },
    store::admin::{Change, LeasesOf, Precondition, Row},
};

use super::users::{Updated, user_id};

/// Which members of an organization to list.
#[derive(Debug, Clone, Default)]
pub struct ListMembers {
    /// Only of this role.
    pub role: Option<Role>,
    /// Which part.
    pub page: ListRequest,
}

impl Broker {
    /// Makes a user a member. Who is not known by id is invited instead.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the user or the organization does not exist; [`Code::Conflict`] for who is a member;
    /// [`Code::Forbidden`] for a role above the caller's.
    pub async fn administrator_adds_member(
        &self,
        call: &Call,
        organization: &str,
        user: &str,
        role: Role,
    ) -> Result<Member, Error> {
        let (organization_id, authorized) =
            self.administrator_of(call, Operation::AdminWrite, organization).await?;
        self.standing_organization(organization_id).await?;
        reaches(&authorized, role, "the role is above your own")?;
        let user_id = user_id(user)?;
        self.user(user_id).await?;
        let created_at = self.clock.now();
        let record = self.success(&authorized, EventName::MemberAdded, user_id).with("role", role.as_str());
        let membership = Membership { organization_id, user_id, role, epoch: 1, created_at };
        self.change_recorded(call, authorized, vec![record], Change::AddMembership(membership))
            .await
            .map_err(|error| error.on_conflict("the user is a member already"))?;
        self.member(organization_id, user_id).await
    }

    /// Shows a membership.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for a member without the role.
    pub async fn administrator_shows_member(
        &self,
        call: &Call,
        organization: &str,
        user: &str,
    ) -> Result<Member, Error> {
        let (organization, _) = self.administrator_of(call, Operation::AdminRead, organization).await?;
        self.member(organization, member_id(user)?).await
    }

    /// Lists an organization's members, by the beginning of the membership, e-mail address or name.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for a member without the role; [`Code::InvalidRequest`] for a page or an
    /// order that is none.
    pub async fn administrator_lists_members(
        &self,
        call: &Call,
        organization: &str,
        request: ListMembers,
    ) -> Result<Listing<Member>, Error> {
        let (organization, _) = self.administrator_of(call, Operation::AdminRead, organization).await?;
        self.organization(organization).await?;
        let keys = [OrderKey::CreatedAt, OrderKey::Email, OrderKey::Name];
        self.members(MemberFilter::Organization(organization, request.role), &request.page, &keys).await
    }

    /// Changes a member's role. Demoted, the leases that rest on what is shared with the old role alone end at once.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] when the old or the new role is above the caller's; [`Code::Conflict`] for
    /// an organization's only owner; [`Code::PreconditionFailed`] when the membership changed since the revision given.
    pub async fn administrator_updates_member(
        &self,
        call: &Call,
        organization: &str,
        user: &str,
        role: Role,
        revision: Option<i64>,
    ) -> Result<Updated<Member>, Error> {
        let (organization_id, authorized) =
            self.administrator_of(call, Operation::AdminWrite, organization).await?;
        let user_id = member_id(user)?;
        let before = self.member(organization_id, user_id).await?;
        reaches(&authorized, before.role, "the member's role is above your own")?;
        reaches(&authorized, role, "the role is above your own")?;
        let authorized = as_seen(authorized, &before, revision)?;
        // What does not change must not raise an epoch.
        if before.role == role {
            return Ok(Updated { row: before, leases_ended: 0 });
        }
        let leases_ended = self
            .leases_lost(
                before.organization_status,
                LeasesOf::MembershipBeyond(organization_id, user_id, role),
            )
            .await?;
        let record = self.success(&authorized, EventName::MemberRoleUpdated, user_id);
        let record = record.with("role", role.as_str()).with("old_role", before.role.as_str());
        let record = record.with("leases_ended", leases_ended);
        let created_at = before.created_at;
        let membership = Membership { organization_id, user_id, role, epoch: 1, created_at };
        self.change_recorded(call, authorized, vec![record], Change::PutMembership(membership))
            .await
            .map_err(|error| explain(error, revision))?;
        Ok(Updated { row: self.member(organization_id, user_id).await?, leases_ended })
    }

    /// Ends a membership: at once effective for every lease that rests on it. Answers how many live leases ended. For
    /// operators and the organization's administrators.
    ///
    /// # Errors
    /// [`Code::NotFound`] when there is no such membership; [`Code::Forbidden`] for a role above the caller's;
    /// [`Code::Conflict`] for an organization's only owner; [`Code::PreconditionFailed`] when the membership changed since
    /// the revision given.
    pub async fn remove_member(
        &self,
        call: &Call,
        organization: &str,
        user: &str,
        revision: Option<i64>,
    ) -> Result<i64, Error> {
        let (organization, authorized) =
            self.administrator_of(call, Operation::AdminWrite, organization).await?;
        let member = self.member(organization, member_id(user)?).await?;
        reaches(&authorized, member.role, "the member's role is above your own")?;
        self.end_membership(call, authorized, &member, revision).await
    }

    /// Lists the caller's own memberships, by their beginning.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for a caller who is no person; [`Code::InvalidRequest`] for a page or an order that is none.
    pub async fn own_memberships(&self, call: &Call, page: &ListRequest) -> Result<Listing<Member>, Error> {
        self.own(call, Operation::LeaseRead).await?;
        self.members(MemberFilter::User(person(call)?), page, &[OrderKey::CreatedAt]).await
    }

    /// Lists a user's memberships, by their beginning. For operators.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvalidRequest`] for a page or an order that is none.
    pub async fn operator_lists_memberships(
        &self,
        call: &Call,
        user: &str,
        page: &ListRequest,
    ) -> Result<Listing<Member>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let user = self.user(user_id(user)?).await?;
        self.members(MemberFilter::User(user.id), page, &[OrderKey::CreatedAt]).await
    }

    /// Ends the caller's own membership; answers how many live leases ended.
    ///
    /// # Errors
    /// [`Code::NotFound`] for who is no member; [`Code::Forbidden`] for a caller who is no person; [`Code::Conflict`] for an
    /// organization's only owner.
    pub async fn leave_organization(
        &self,
        call: &Call,
        organization: &str,
        revision: Option<i64>,
    ) -> Result<i64, Error> {
        let authorized = self.own(call, Operation::CredentialWrite).await?;
        let user = person(call)?;
        let organization: OrganizationId = organization.parse().map_err(|_| absent())?;
        let member = self.member(organization, user).await?;
        let authorized = authorized.on_behalf_of(Owner::Organization(organization));
        self.end_membership(call, authorized, &member, revision).await
    }

    async fn end_membership(
        &self,
        call: &Call,
        authorized: Authorized,
        member: &Member,
        revision: Option<i64>,
    ) -> Result<i64, Error> {
        let Member { organization_id, user_id, organization_status, .. } = *member;
        let authorized = as_seen(authorized, member, revision)?;
        let lost = LeasesOf::Membership(organization_id, user_id);
        let leases_ended = self.leases_lost(organization_status, lost).await?;
        let record = self.success(&authorized, EventName::MemberRemoved, user_id);
        let record = record.with("role", member.role.as_str()).with("leases_ended", leases_ended);
        let change = Change::RemoveMembership(organization_id, user_id);
        self.change_recorded(call, authorized, vec![record], change)
            .await
            .map_err(|error| explain(error, revision))?;
        Ok(leases_ended)
    }

    pub(super) async fn member(&self, organization: OrganizationId, user: UserId) -> Result<Member, Error> {
        let found = self.store.rows().find_member(organization, user).await?;
        found.filter(|member| member.organization_status != OrganizationStatus::Deleted).ok_or_else(absent)
    }

    async fn members(
        &self,
        filter: MemberFilter,
        page: &ListRequest,
        keys: &[OrderKey],
    ) -> Result<Listing<Member>, Error> {
        let (order, after, size) = page.read(keys)?;
        let query = ListQuery { filter, order, after, size };
        Ok(Listing::of(order, self.store.rows().list_members(&query).await?))
    }
}

/// The person who calls.
pub(super) fn person(call: &Call) -> Result<UserId, Error> {
    call.caller.user_id.ok_or_else(|| Error::new(Code::Forbidden, "only a person can do this"))
}

pub(super) fn reaches(authorized: &Authorized, role: Role, otherwise: &str) -> Result<(), Error> {
    if authorized.authority.reaches(role) { Ok(()) } else { Err(Error::new(Code::Forbidden, otherwise)) }
}

/// The membership that was looked at is the one that changes; it is also the one that the caller read, if it cares.
fn as_seen(authorized: Authorized, member: &Member, revision: Option<i64>) -> Result<Authorized, Error> {
    if revision.is_some_and(|read| read != member.revision) {
        let message = "the membership changed since you read it: read it again, then decide";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    let row = Row::Membership(member.organization_id, member.user_id);
    Ok(authorized.with([Precondition::Revision(row, member.revision)]))
}

/// Says what stood in the way of a changed role, or of an end.
fn explain(error: Error, revision: Option<i64>) -> Error {
    match error.code {
        Code::PreconditionFailed if revision.is_none() => {
            Error::new(Code::Conflict, "the membership changed meanwhile; try again")
        }
        Code::NotFound => absent(),
        _ => error.on_race("an organization keeps at least one owner"),
    }
}

fn member_id(text: &str) -> Result<UserId, Error> {
    text.parse().map_err(|_| absent())
}

fn absent() -> Error {
    Error::not_found("membership")
}
