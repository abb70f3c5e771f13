//! Administration: users, organizations, memberships, clients, credentials, tokens.
//!
//! Every change passes one of two doors together with its record: [`Broker::change`] for a caller, whose authority is
//! judged again in the transaction, and [`Broker::administer`] for what the broker and its commands do by themselves.

mod acceptance;
mod audit;
mod changes;
mod clients;
mod credentials;
mod invitations;
mod keys;
mod leases;
mod members;
mod organizations;
mod owner;
mod resources;
mod tokens;
mod users;

use std::fmt;

use crate::{
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::{OrganizationId, UserId},
        organization::{Membership, Organization, OrganizationStatus, Role},
        owner::Owner,
        user::{User, normal_email},
    },
    store::admin::{AdminChange, Change, LeasesOf},
};

use super::{Broker, Call, Error, authz::Authorized};

pub use acceptance::Registered;
pub use clients::{ListClients, NewClient, RegisterClient, RotateSecret, ShownClient, UpdateClient};
pub use credentials::ListCredentials;
pub use invitations::{InvitationSeen, NewInvitation, SentInvitation};
pub use keys::{DataKeyFacts, ListDataKeys, SigningKeyFacts, SigningKeyState};
pub use leases::{CountLeases, EndedLease, FindLeases, LeaseTally, VisibleLease};
pub use members::ListMembers;
pub use organizations::{ListOrganizations, NewOrganization, UpdateOrganization};
pub use tokens::{
    EndedTokens, FirstToken, ListTokens, MintOperatorToken, MintToken, MintedText, NewMcpToken, RotateToken,
    UpdateToken, make_first_token,
};
pub use users::{ListUsers, NewUser, UpdateUser, Updated};

impl Broker {
    /// Applies a change and writes its record, in one transaction; answers how many rows it touched.
    ///
    /// # Errors
    /// [`super::Code::Conflict`] for a key that is taken, [`super::Code::NotFound`] for what is not there, [`super::Code::Unavailable`].
    pub async fn administer(
        &self,
        actor: &Actor,
        event: EventName,
        target: &str,
        change: Change,
    ) -> Result<u64, Error> {
        let record = AuditRecord::success(event, actor, target, self.clock.now());
        Ok(self.store.administer(AdminChange::of(change, vec![record])).await?)
    }

    /// Applies a change that a caller asked for, with its record, if the caller's authority and what was read before still
    /// hold in the transaction.
    ///
    /// # Errors
    /// As [`Broker::administer`]; [`super::Code::PreconditionFailed`] when the row changed meanwhile, [`super::Code::Conflict`] when the
    /// caller's own membership did.
    pub(crate) async fn change(
        &self,
        call: &Call,
        authorized: Authorized,
        event: EventName,
        target: &str,
        change: Change,
    ) -> Result<u64, Error> {
        let record = self.success(&authorized, event, target);
        self.change_recorded(call, authorized, vec![record], change).await
    }

    /// The same with records that say more, or with several.
    ///
    /// # Errors
    /// As [`Broker::change`].
    pub(crate) async fn change_recorded(
        &self,
        call: &Call,
        authorized: Authorized,
        records: Vec<AuditRecord>,
        change: Change,
    ) -> Result<u64, Error> {
        let Authorized { preconditions, .. } = authorized;
        let decided = self.store.administer_if(AdminChange { records, preconditions, change }).await?;
        decided.map_err(|refusal| self.refused(call, refusal))
    }

    /// The record of what the caller does, now.
    pub(crate) fn success(
        &self,
        authorized: &Authorized,
        event: EventName,
        target: impl fmt::Display,
    ) -> AuditRecord {
        AuditRecord::success(event, &authorized.actor, target, self.clock.now())
    }

    /// Live leases at this moment.
    pub(crate) async fn live_leases_of(&self, of: LeasesOf) -> Result<i64, Error> {
        Ok(self.store.rows().count_leases(of, self.clock.now()).await?)
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`super::Code::Conflict`] when the e-mail address is taken.
    pub async fn create_user(&self, actor: &Actor, email: &str, name: &str) -> Result<User, Error> {
        let created_at = self.clock.now();
        let (email, name) = (normal_email(email), name.to_owned());
        let user = User {
            id: self.entropy.id(created_at),
            email,
            name,
            active: true,
            epoch: 1,
            revision: 1,
            created_at,
        };
        let target = user.id.to_string();
        self.administer(actor, EventName::UserCreated, &target, Change::CreateUser(user.clone())).await?;
        Ok(user)
    }

    /// Makes an organization, with its owner.
    ///
    /// # Errors
    /// [`super::Code::NotFound`] when the user does not exist.
    pub async fn create_organization(
        &self,
        actor: &Actor,
        name: &str,
        owner: UserId,
    ) -> Result<Organization, Error> {
        let created_at = self.clock.now();
        let organization = Organization {
            id: self.entropy.id(created_at),
            name: name.to_owned(),
            status: OrganizationStatus::Active,
            epoch: 1,
            revision: 1,
            created_at,
        };
        let change = Change::FoundOrganization(organization.clone(), owner);
        let actor = owned(actor, Owner::Organization(organization.id));
        let records = organizations::founding(&actor, &organization, owner);
        self.store.administer(AdminChange::of(change, records)).await?;
        Ok(organization)
    }

    /// Makes a membership, or changes its role.
    ///
    /// # Errors
    /// [`super::Code::NotFound`] when the user or the organization does not exist.
    pub async fn put_member(
        &self,
        actor: &Actor,
        organization_id: OrganizationId,
        user_id: UserId,
        role: Role,
    ) -> Result<(), Error> {
        let membership =
            Membership { organization_id, user_id, role, epoch: 1, created_at: self.clock.now() };
        let actor = Actor { owner: Some(Owner::Organization(organization_id)), ..actor.clone() };
        let change = Change::PutMembership(membership);
        self.administer(&actor, EventName::MemberAdded, &user_id.to_string(), change).await.map(drop)
    }
}

fn owned(actor: &Actor, owner: Owner) -> Actor {
    Actor { owner: Some(owner), ..actor.clone() }
}
