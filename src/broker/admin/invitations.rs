//! Invitations, for operators and an organization's administrators, who offer up to their own role.
//!
//! What is handed out is a link, shown once. Its secret stands behind a `#`, which browsers keep to themselves: it gets
//! into no server's log.

use crate::{
    broker::{
        Broker, Call, Code, Error, Violation,
        authz::{Authority, Authorized},
        listing::{ListRequest, Listing},
    },
    keyring::{digest::TokenDigest, machine_secret::SecretKind},
    model::{
        audit::EventName,
        id::{InvitationId, OrganizationId},
        invitation::{INVITATION_SECONDS, Invitation, InvitationFacts, InvitationStatus, Resending},
        organization::Role,
        page::{ListQuery, OrderKey},
        scope::Operation,
        secret::SecretText,
        user::normal_email,
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, Precondition, Row},
    },
};

use super::{members::reaches, organizations::refuse, users::email_violation};

/// An invitation to make.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// Whom it is for; case does not matter.
    pub email: String,
    /// The role offered, up to the caller's own.
    pub role: Role,
    /// Why a person that the broker does not know yet may become a user by it, with a first token. For operators with
    /// `admin:tokens` alone: whoever holds the link is taken for the owner of the address.
    pub registers_because: Option<String>,
}

/// An invitation with its link, which is shown this once.
#[derive(Debug, Clone)]
pub struct SentInvitation {
    /// The invitation.
    pub seen: InvitationSeen,
    /// What to hand on.
    pub link: SecretText,
}

/// An invitation, as it stands at the moment of the call.
#[derive(Debug, Clone)]
pub struct InvitationSeen {
    /// The row.
    pub invitation: Invitation,
    /// The organization's name.
    pub organization_name: String,
    /// What it is good for.
    pub status: InvitationStatus,
}

impl Broker {
    /// Invites somebody by e-mail address. The answer is the same whether the broker knows the address or not.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for an address that is none, of a member, or invited already; [`Code::Forbidden`] for a
    /// role above the caller's; [`Code::NotFound`].
    pub async fn administrator_invites(
        &self,
        call: &Call,
        organization: &str,
        new: NewInvitation,
    ) -> Result<SentInvitation, Error> {
        let (organization_id, authorized) =
            self.administrator_of(call, Operation::AdminWrite, organization).await?;
        self.standing_organization(organization_id).await?;
        reaches(&authorized, new.role, "the role is above your own")?;
        let NewInvitation { email, role, registers_because } = new;
        refuse(email_violation(&email))?;
        may_register(call, &authorized, registers_because.as_deref())?;
        let created_at = self.clock.now();
        let invitation = Invitation {
            id: self.entropy.id(created_at),
            organization_id,
            email: normal_email(&email),
            role,
            invited_by: inviter(call),
            by_operator: authorized.authority == Authority::Operator,
            registers_because,
            created_at,
            expires_at: created_at.plus_seconds(INVITATION_SECONDS),
            revision: 1,
        };
        let (link, digest) = self.new_link();
        let mut record = self.success(&authorized, EventName::InvitationSent, invitation.id);
        record = record.with("email", invitation.email.as_str()).with("role", role.as_str());
        if let Some(reason) = &invitation.registers_because {
            record = record.with("registers_because", reason.as_str());
        }
        let id = invitation.id;
        let Authorized { preconditions, .. } = authorized;
        let change = Change::CreateInvitation(invitation, digest);
        let change = AdminChange { records: vec![record], preconditions, change };
        self.store
            .administer_if(change)
            .await
            .map_err(taken)?
            .map_err(|refusal| self.refused(call, refusal))?;
        Ok(SentInvitation { seen: self.seen(self.invitation(organization_id, id).await?), link })
    }

    /// Shows an invitation, without its link.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for a member without the role.
    pub async fn administrator_shows_invitation(
        &self,
        call: &Call,
        organization: &str,
        id: &str,
    ) -> Result<InvitationSeen, Error> {
        let (organization, _) = self.administrator_of(call, Operation::AdminRead, organization).await?;
        Ok(self.seen(self.invitation(organization, invitation_id(id)?).await?))
    }

    /// Lists an organization's invitations, by creation or e-mail address; those that ran out are kept for a week.
    ///
    /// # Errors
    /// As [`Broker::administrator_shows_invitation`]; [`Code::InvalidRequest`] for a page or an order that is none.
    pub async fn administrator_lists_invitations(
        &self,
        call: &Call,
        organization: &str,
        page: &ListRequest,
    ) -> Result<Listing<InvitationSeen>, Error> {
        let (filter, _) = self.administrator_of(call, Operation::AdminRead, organization).await?;
        self.organization(filter).await?;
        let (order, after, size) = page.read(&[OrderKey::CreatedAt, OrderKey::Email])?;
        let query = ListQuery { filter, order, after, size };
        let page = self.store.rows().list_invitations(&query).await?;
        Ok(Listing::of(order, page).map(|facts| self.seen(facts)))
    }

    /// Gives an invitation a new link and another week; the old link is good for nothing any more. The caller vouches for it
    /// from now on; unless that is an operator who may mint tokens, it no longer makes a user.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for a role above the caller's; [`Code::PreconditionFailed`] when it changed
    /// since the revision given.
    pub async fn administrator_resends_invitation(
        &self,
        call: &Call,
        organization: &str,
        id: &str,
        revision: Option<i64>,
    ) -> Result<SentInvitation, Error> {
        let (organization, id, authorized) =
            self.invitation_to_change(call, organization, id, revision).await?;
        let record = self.success(&authorized, EventName::InvitationResent, id);
        let (link, digest) = self.new_link();
        let resending = Resending {
            id,
            digest,
            invited_by: inviter(call),
            by_operator: authorized.authority == Authority::Operator,
            keeps_registering: may_mint(call, &authorized),
            expires_at: self.clock.now().plus_seconds(INVITATION_SECONDS),
        };
        let change = Change::ResendInvitation(resending);
        self.change_recorded(call, authorized, vec![record], change).await?;
        Ok(SentInvitation { seen: self.seen(self.invitation(organization, id).await?), link })
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// As [`Broker::administrator_resends_invitation`].
    pub async fn administrator_revokes_invitation(
        &self,
        call: &Call,
        organization: &str,
        id: &str,
        revision: Option<i64>,
    ) -> Result<(), Error> {
        let (_, id, authorized) = self.invitation_to_change(call, organization, id, revision).await?;
        let record = self.success(&authorized, EventName::InvitationRevoked, id);
        self.change_recorded(call, authorized, vec![record], Change::RevokeInvitation(id)).await.map(drop)
    }

    async fn invitation_to_change(
        &self,
        call: &Call,
        organization: &str,
        id: &str,
        revision: Option<i64>,
    ) -> Result<(OrganizationId, InvitationId, Authorized), Error> {
        let (organization, authorized) =
            self.administrator_of(call, Operation::AdminWrite, organization).await?;
        let id = invitation_id(id)?;
        let found = self.invitation(organization, id).await?;
        reaches(&authorized, found.invitation.role, "the role offered is above your own")?;
        let seen = revision.map(|revision| Precondition::Revision(Row::Invitation(id), revision));
        Ok((organization, id, authorized.with(seen)))
    }

    async fn invitation(
        &self,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<InvitationFacts, Error> {
        let found = self.store.rows().find_invitation(id).await?;
        found.filter(|facts| facts.invitation.organization_id == organization).ok_or_else(absent)
    }

    fn seen(&self, facts: InvitationFacts) -> InvitationSeen {
        let status = facts.status(self.clock.now());
        let InvitationFacts { invitation, organization_name, .. } = facts;
        InvitationSeen { invitation, organization_name, status }
    }

    /// A link, and the digest of its secret.
    fn new_link(&self) -> (SecretText, String) {
        let secret = SecretKind::Invitation.generate(&*self.entropy);
        let link = SecretText::new(format!("{}/invitations#{}", self.issuer_url, secret.expose()));
        (link, TokenDigest::of(secret.expose()).to_string())
    }
}

/// Who vouches, as the store finds the standing of.
fn inviter(call: &Call) -> String {
    call.caller.user_id.map_or_else(|| call.caller.principal.to_string(), |user| user.to_string())
}

/// Whether the caller may let somebody become a user with a token.
fn may_mint(call: &Call, authorized: &Authorized) -> bool {
    authorized.authority == Authority::Operator && call.caller.scopes.allows(Operation::AdminTokens)
}

fn may_register(call: &Call, authorized: &Authorized, reason: Option<&str>) -> Result<(), Error> {
    let Some(reason) = reason else { return Ok(()) };
    if authorized.authority != Authority::Operator {
        return Err(Error::new(Code::Forbidden, "only an operator may let an invitation make its user"));
    }
    call.require(Operation::AdminTokens)?;
    let fits = (1..=500).contains(&reason.chars().count()) && !reason.chars().any(char::is_control);
    let message = "must say why, in 1 to 500 characters without control characters";
    refuse((!fits).then(|| Violation::new("registers_because", message)))
}

fn taken(error: StoreError) -> Error {
    let StoreError::Conflict { constraint } = &error else { return error.into() };
    let reason = if constraint == "memberships_pkey" {
        "is of somebody who is a member of this organization already"
    } else {
        "was sent an invitation already: send that again instead"
    };
    Error::invalid(vec![Violation::new("email", reason)])
}

fn invitation_id(text: &str) -> Result<InvitationId, Error> {
    text.parse().map_err(|_| absent())
}

fn absent() -> Error {
    Error::not_found("invitation")
}
