//! Invitations: an organization's offer of a membership to whoever has an e-mail address.
//!
//! An invitation is a link with a secret in it; only its digest is kept. The broker sends no mail: who invites hands the
//! link on. It is judged when it is accepted, not when it was made: it must not have run out, and whoever made it must
//! still be somebody who may.

use std::{fmt, str::FromStr};

use super::{
    id::{InvitationId, OrganizationId},
    instant::Instant,
    named::named,
    organization::Role,
    page::{Cursor, Listed, OrderKey},
};

/// An offer of a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Whom it is for: unique within the organization.
    pub email: String,
    /// The role offered.
    pub role: Role,
    /// Who made it, or sent it again last: the id of a person, of a client of the organization, or of an operator's token.
    pub invited_by: String,
    /// Whether an operator vouches for it, who is asked for no role when it is accepted.
    pub by_operator: bool,
    /// Why a person that the broker does not know yet may become a user by it, who then gets a first token. Operators
    /// alone say so: nobody else makes tokens for persons.
    pub registers_because: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// When it runs out.
    pub expires_at: Instant,
    /// Rises with each change.
    pub revision: i64,
}

named! {
    /// What an invitation is good for at a moment.
    InvitationStatus, "invitation status":
    /// It can be accepted.
    Open = "open";
    /// It ran out; sending it again opens it.
    Expired = "expired";
    /// Whoever made it may not any more, and somebody else can send it again; or the organization is suspended.
    Unvouched = "unvouched";
}

/// An invitation, and what other rows say of it at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationFacts {
    /// The row.
    pub invitation: Invitation,
    /// The organization's name, for people.
    pub organization_name: String,
    /// Whether it is neither suspended nor deleted.
    pub organization_active: bool,
    /// The role in the organization that whoever made it has now; none for operators, and for who has none any more.
    pub inviter_role: Option<Role>,
}

impl InvitationFacts {
    /// What it is good for at `now`.
    #[must_use]
    pub fn status(&self, now: Instant) -> InvitationStatus {
        let Invitation { role, by_operator, expires_at, .. } = self.invitation;
        if expires_at <= now {
            InvitationStatus::Expired
        } else if !self.organization_active {
            InvitationStatus::Unvouched
        } else if by_operator || self.inviter_role.is_some_and(|inviter| inviter.may_manage(role)) {
            InvitationStatus::Open
        } else {
            InvitationStatus::Unvouched
        }
    }
}

impl Listed for InvitationFacts {
    fn cursor(&self, key: OrderKey) -> Cursor {
        let id = self.invitation.id.to_string();
        let key = if key == OrderKey::Email { self.invitation.email.clone() } else { id.clone() };
        Cursor { key, id }
    }
}

/// What somebody offers when an invitation is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resending {
    /// Which.
    pub id: InvitationId,
    /// The digest of the new secret.
    pub digest: String,
    /// As [`Invitation::invited_by`].
    pub invited_by: String,
    /// As [`Invitation::by_operator`].
    pub by_operator: bool,
    /// Whether it may still make its user.
    pub keeps_registering: bool,
    /// When it runs out now.
    pub expires_at: Instant,
}

/// How long an invitation is good for: a week.
pub const INVITATION_SECONDS: i64 = 7 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Id;

    const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

    fn facts(role: Role, by_operator: bool, inviter_role: Option<Role>) -> InvitationFacts {
        let invitation = Invitation {
            id: InvitationId::from_parts(NOW, [1; 10]),
            organization_id: OrganizationId::from_parts(NOW, [2; 10]),
            email: "ada@example.org".to_owned(),
            role,
            invited_by: "usr_".to_owned(),
            by_operator,
            registers_because: None,
            created_at: NOW,
            expires_at: NOW.plus_seconds(INVITATION_SECONDS),
            revision: 1,
        };
        InvitationFacts {
            invitation,
            organization_name: "Team".to_owned(),
            organization_active: true,
            inviter_role,
        }
    }

    #[test]
    fn an_invitation_is_open_for_a_week_to_the_microsecond() {
        let invitation = facts(Role::Member, false, Some(Role::Admin));
        let end = NOW.plus_seconds(INVITATION_SECONDS);
        assert_eq!(invitation.status(NOW), InvitationStatus::Open);
        assert_eq!(invitation.status(Instant::from_micros(end.micros() - 1)), InvitationStatus::Open);
        assert_eq!(invitation.status(end), InvitationStatus::Expired);
    }

    #[test]
    fn it_stands_only_while_whoever_made_it_may_offer_that_role() {
        for (role, inviter, open) in [
            (Role::Member, Some(Role::Admin), true),
            (Role::Admin, Some(Role::Admin), true),
            (Role::Owner, Some(Role::Admin), false),
            (Role::Owner, Some(Role::Owner), true),
            (Role::Guest, Some(Role::Member), false),
            (Role::Guest, None, false),
        ] {
            let status = facts(role, false, inviter).status(NOW);
            assert_eq!(status == InvitationStatus::Open, open, "{role} offered by {inviter:?}");
        }
    }

    #[test]
    fn a_suspended_organization_admits_nobody() {
        for by_operator in [true, false] {
            let suspended = InvitationFacts {
                organization_active: false,
                ..facts(Role::Member, by_operator, Some(Role::Owner))
            };
            assert_eq!(suspended.status(NOW), InvitationStatus::Unvouched);
        }
    }

    #[test]
    fn an_operator_is_asked_for_no_role() {
        assert_eq!(facts(Role::Owner, true, None).status(NOW), InvitationStatus::Open);
    }
}
