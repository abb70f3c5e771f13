//! Accepting an invitation: by a user of the address it is for; or, where an operator vouched for the address, by somebody
//! without a token, who becomes a user by it.

use crate::{
    broker::{Broker, Call, Code, Error, Origin, Violation},
    keyring::{digest::TokenDigest, machine_secret::SecretKind},
    model::{
        audit::{Actor, AuditRecord, EventName},
        instant::Instant,
        invitation::{Invitation, InvitationFacts, InvitationStatus},
        organization::Member,
        owner::Owner,
        scope::{Operation, ScopeSet},
        secret::SecretText,
        text::is_plain,
        token::{Token, TokenKind},
        user::User,
    },
    store::admin::{Acceptance, AdminChange, Change, Minter},
};

use super::{members::person, organizations::refuse, tokens::unbound, users::name_violation};

/// A user that an invitation made.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The new user's membership.
    pub member: Member,
    /// The first token.
    pub token: Token,
    /// Its text, shown this once.
    pub text: SecretText,
}

impl Broker {
    /// Accepts an invitation, given as its link or the secret in it. For the user whose address it is for.
    ///
    /// # Errors
    /// [`Code::NotFound`] for an invitation that is none, or not good any more; [`Code::Forbidden`] for one of another
    /// address, and for a caller who is no person; [`Code::Conflict`] for who is a member already.
    pub async fn accept_invitation(&self, call: &Call, link: &str) -> Result<Member, Error> {
        let authorized = self.own(call, Operation::CredentialWrite).await?;
        let user = self.user(person(call)?).await?;
        let now = self.clock.now();
        let Invitation { id, organization_id, email, role, revision, .. } =
            self.open_invitation(&call.origin, link, now).await?.invitation;
        if user.email != email {
            let message = "the invitation is for another e-mail address than yours";
            return Err(Error::new(Code::Forbidden, message));
        }
        let authorized = authorized.on_behalf_of(Owner::Organization(organization_id));
        let accepted = self.success(&authorized, EventName::InvitationAccepted, id);
        let added = self.success(&authorized, EventName::MemberAdded, user.id).with("role", role.as_str());
        let change = Change::AcceptInvitation(Acceptance { id, revision, user_id: user.id, at: now });
        let accepted = self.change_recorded(call, authorized, vec![accepted, added], change).await;
        accepted.map_err(|error| used_up(error.on_conflict("you are a member already")))?;
        self.member(organization_id, user.id).await
    }

    /// Becomes a user by an invitation whose address an operator vouched for; the first token is shown this once. For
    /// somebody without a token.
    ///
    /// # Errors
    /// [`Code::NotFound`] for an invitation that is none, or not good any more; [`Code::Unauthenticated`] for one that only
    /// a user can accept; [`Code::Conflict`] when there is a user of the address; [`Code::InvalidRequest`] for the name;
    /// [`Code::RateLimited`] for who tried too many.
    pub async fn register_by_invitation(
        &self,
        origin: &Origin,
        link: &str,
        name: &str,
    ) -> Result<Registered, Error> {
        refuse(name_violation("name", name).or_else(|| unplain_name(name)))?;
        let now = self.clock.now();
        let invitation = self.open_invitation(origin, link, now).await?.invitation;
        if invitation.registers_because.is_none() {
            let message =
                "show a token of the user whose address was invited; an operator can make that user";
            return Err(Error::unauthenticated(message));
        }
        let user = User {
            id: self.entropy.id(now),
            email: invitation.email.clone(),
            name: name.to_owned(),
            active: true,
            epoch: 1,
            revision: 1,
            created_at: now,
        };
        let token = self.first_token(&user);
        let text = SecretKind::McpToken.generate(&*self.entropy);
        let records = registration(origin, &invitation, &user, &token);
        let Invitation { id, revision, organization_id, invited_by: by, registers_because: reason, .. } =
            invitation;
        let user_id = user.id;
        let acceptance = Acceptance { id, revision, user_id, at: now };
        // The operator who vouched for the address minted it.
        let minted = unbound(&token, &text, Minter { by, reason });
        let change = Change::RegisterInvited(Box::new((acceptance, user, minted)));
        let message = "there is a user of this address: accept the invitation with a token of that user";
        let made = self.store.administer(AdminChange::of(change, records)).await.map_err(Error::from);
        made.map_err(|error| used_up(error.on_conflict(message)))?;
        Ok(Registered { member: self.member(organization_id, user_id).await?, token, text })
    }

    /// The invitation of a link, if it can be accepted. Who guesses is slowed down, as who guesses tokens is.
    async fn open_invitation(
        &self,
        origin: &Origin,
        link: &str,
        now: Instant,
    ) -> Result<InvitationFacts, Error> {
        let address = origin.address.clone().unwrap_or_default();
        if self.failures.is_exhausted(&address, now) {
            let message = "too many failed attempts from this address; slow down";
            return Err(Error::new(Code::RateLimited, message).retry_after(1));
        }
        let secret = link.trim().rsplit('#').next().unwrap_or_default();
        let digest = TokenDigest::of(secret).to_string();
        let found = self.store.rows().find_invitation_by_digest(&digest).await?;
        found.filter(|facts| facts.status(now) == InvitationStatus::Open).ok_or_else(|| {
            // Only counted here; the next attempt from this address looks at it.
            let _ = self.failures.admit(&address, now);
            self.usage.failed(origin.anonymous(), "invalid_invitation", now);
            not_good()
        })
    }

    fn first_token(&self, user: &User) -> Token {
        Token {
            id: self.entropy.id(user.created_at),
            kind: TokenKind::Mcp,
            client_id: None,
            user_id: Some(user.id),
            owner: Owner::User(user.id),
            name: "First token".to_owned(),
            scopes: ScopeSet::everything_of_a_person(),
            audience: self.issuer_url.clone(),
            epoch: 1,
            issued_at: user.created_at,
            expires_at: None,
            max_usages: None,
        }
    }
}

fn registration(origin: &Origin, invitation: &Invitation, user: &User, token: &Token) -> Vec<AuditRecord> {
    let by = |owner| Actor { owner: Some(owner), ..origin.anonymous() };
    let (own, organization) = (by(token.owner), by(Owner::Organization(invitation.organization_id)));
    let record = |event, actor, target: String| {
        let record = AuditRecord::success(event, actor, target, user.created_at);
        record.with("invitation", invitation.id.to_string())
    };
    let added = record(EventName::MemberAdded, &organization, user.id.to_string());
    vec![
        record(EventName::UserCreated, &own, user.id.to_string()),
        AuditRecord::success(EventName::InvitationAccepted, &organization, invitation.id, user.created_at),
        added.with("role", invitation.role.as_str()),
        record(EventName::TokenCreated, &own, token.id.to_string()),
    ]
}

/// The name is shown to others, whoever made it up.
fn unplain_name(name: &str) -> Option<Violation> {
    let reason = "must not have characters that turn the direction of text";
    (!is_plain(name)).then(|| Violation::new("name", reason))
}

/// Somebody else was faster.
fn used_up(error: Error) -> Error {
    if error.code == Code::NotFound { not_good() } else { error }
}

/// The same words for an invitation that is unknown, used, taken back, or run out.
fn not_good() -> Error {
    Error::new(Code::NotFound, "no such invitation, or it is not good any more: ask for a new link")
}
