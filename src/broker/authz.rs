//! Authority: who may administer what. The relations of design section 3.
//!
//! An *operator* works for the broker itself (the owner `system`) and may do what the token's `admin:*` scopes say. For
//! anybody else those scopes count inside an organization alone, for its owners and admins. What was found here is
//! judged again in the transaction that writes: see [`Precondition`].

use crate::{
    model::{
        audit::Actor,
        holdings::Subject,
        id::OrganizationId,
        organization::{OrganizationStatus, Role},
        owner::Owner,
        scope::Operation,
    },
    store::admin::Precondition,
};

use super::{Broker, Call, Code, Error};

/// A caller that may do what was asked.
#[derive(Debug, Clone)]
pub(crate) struct Authorized {
    /// The caller, as the audit names it; the owner is the one whose rows are touched.
    pub(crate) actor: Actor,
    /// By what right.
    pub(crate) authority: Authority,
    /// What must still be true in the transaction.
    pub(crate) preconditions: Vec<Precondition>,
}

/// By what right somebody administers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    /// As an operator: everything that the scopes say.
    Operator,
    /// With this role in the organization: nothing above the role.
    Role(Role),
    /// One's own.
    Own,
}

impl Authority {
    /// Whether a role may be given, or taken from somebody.
    pub(crate) fn reaches(self, role: Role) -> bool {
        match self {
            Self::Operator => true,
            Self::Role(own) => own.may_manage(role),
            Self::Own => false,
        }
    }
}

impl Authorized {
    /// Adds what must also be true.
    pub(crate) fn with(mut self, more: impl IntoIterator<Item = Precondition>) -> Self {
        self.preconditions.extend(more);
        self
    }

    /// Names the owner whose rows are touched.
    pub(crate) fn on_behalf_of(mut self, owner: Owner) -> Self {
        self.actor.owner = Some(owner);
        self
    }
}

impl Broker {
    /// The caller as somebody who works on own rows.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`]; [`Code::Unauthenticated`] when the token no longer stands.
    pub(crate) async fn own(&self, call: &Call, scope: Operation) -> Result<Authorized, Error> {
        call.require(scope)?;
        self.check_token(call).await?;
        Ok(authorized(call, Authority::Own))
    }

    /// The caller as an operator.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`]; [`Code::Forbidden`] for a caller that is none; [`Code::Unauthenticated`] when the token
    /// no longer stands.
    pub(crate) async fn operator(&self, call: &Call, scope: Operation) -> Result<Authorized, Error> {
        call.require(scope)?;
        self.check_token(call).await?;
        if call.caller.owner != Owner::System {
            return Err(Error::new(Code::Forbidden, "only an operator may do this"));
        }
        Ok(authorized(call, Authority::Operator).on_behalf_of(Owner::System))
    }

    /// The caller as an operator, or as an owner or admin of the organization. `organization` as sent.
    ///
    /// # Errors
    /// As [`Broker::operator`]; [`Code::NotFound`] for who is no member; [`Code::Forbidden`] for a member without the
    /// role, and for changes while the organization is suspended.
    pub(crate) async fn administrator_of(
        &self,
        call: &Call,
        scope: Operation,
        organization: &str,
    ) -> Result<(OrganizationId, Authorized), Error> {
        call.require(scope)?;
        self.check_token(call).await?;
        let absent = || Error::not_found("organization");
        let id: OrganizationId = organization.parse().map_err(|_| absent())?;
        let owner = Owner::Organization(id);
        let (role, membership) = match call.caller.subject {
            Subject::Operator => return Ok((id, authorized(call, Authority::Operator).on_behalf_of(owner))),
            // The client's epoch, which the token carries, vouches for its role.
            Subject::OrganizationClient { organization_id, role } if organization_id == id => (role, None),
            Subject::OrganizationClient { .. } => return Err(absent()),
            Subject::User(user) => {
                let found = self.store.rows().find_standing(id, user).await?.ok_or_else(absent)?;
                if found.organization != OrganizationStatus::Active && scope != Operation::AdminRead {
                    return Err(Error::new(Code::Forbidden, "the organization is not active"));
                }
                (found.role, Some(Precondition::Membership(id, user, found.epoch)))
            }
        };
        if role < Role::Admin {
            let message = "only an owner or admin of the organization, or an operator, may do this";
            return Err(Error::new(Code::Forbidden, message));
        }
        Ok((id, authorized(call, Authority::Role(role)).on_behalf_of(owner).with(membership)))
    }
}

fn authorized(call: &Call, authority: Authority) -> Authorized {
    Authorized { actor: call.actor(), authority, preconditions: vec![Precondition::Stands(call.bearer())] }
}
