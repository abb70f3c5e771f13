//! Administration: users, organizations, memberships, clients, credentials, tokens.
//!
//! [`Broker::administer`] is the one door: every change passes it together with its record. What operators may do
//! through the ways in checks the caller's scope first; the rest serves the composition root and its commands.

use serde_json::{Map, Value};

use crate::{
    keyring::{digest::TokenDigest, machine_secret::SecretKind},
    model::{
        audit::{Actor, AuditRecord, EventName},
        client::Client,
        credential::{Credential, CredentialStatus},
        id::{ClientId, CredentialId, OrganizationId, UserId},
        instant::Instant,
        organization::{Membership, Organization, OrganizationStatus, Role, SharingRule},
        owner::Owner,
        scope::{Operation, ScopeSet},
        secret::SecretText,
        service::{AccountName, ServiceName},
        token::{Token, TokenKind},
        user::User,
    },
    store::{
        StoreError,
        admin::{AdminChange, Change},
    },
};

use super::{Broker, Call, Code, Error, Violation};

/// A client to register.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Whom it acts for.
    pub owner: Owner,
    /// For people.
    pub name: String,
    /// The role it acts with; required when an organization owns it.
    pub role: Option<Role>,
    /// The most its tokens may carry.
    pub scopes: ScopeSet,
}

/// An MCP token to mint.
#[derive(Debug, Clone)]
pub struct NewMcpToken {
    /// The person it acts for.
    pub user_id: UserId,
    /// For people.
    pub name: String,
    /// What it allows.
    pub scopes: ScopeSet,
    /// When it runs out.
    pub expires_at: Option<Instant>,
    /// How often it may be used.
    pub max_usages: Option<i64>,
    /// The form of its text.
    pub kind: SecretKind,
}

/// A credential to deposit.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Whose it is.
    pub owner: Owner,
    /// The kind of backend.
    pub service: ServiceName,
    /// The account there.
    pub account: AccountName,
    /// Who in the organization may borrow it.
    pub sharing: SharingRule,
    /// The value.
    pub fields: Map<String, Value>,
    /// When the value itself runs out.
    pub expires_at: Option<Instant>,
}

impl Broker {
    /// Applies a change and writes its record, in one transaction; answers how many rows it touched.
    ///
    /// # Errors
    /// [`Code::Conflict`] for a key that is taken, [`Code::NotFound`] for what is not there, [`Code::Unavailable`].
    pub async fn administer(
        &self,
        actor: &Actor,
        event: EventName,
        target: &str,
        change: Change,
    ) -> Result<u64, Error> {
        let record = AuditRecord::success(event, actor, target, self.clock.now());
        Ok(self.store.administer(AdminChange { records: vec![record], change }).await?)
    }

    /// Ends a membership: at once effective for every lease that rests on it. For operators.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`]; [`Code::NotFound`] when there is no such membership.
    pub async fn remove_member(&self, call: &Call, organization: &str, user: &str) -> Result<(), Error> {
        call.require(Operation::AdminWrite)?;
        self.check_token(call).await?;
        let absent = |_| Error::not_found("membership");
        let organization: OrganizationId = organization.parse().map_err(absent)?;
        let user: UserId = user.parse().map_err(absent)?;
        let change = Change::RemoveMembership(organization, user);
        let actor = Actor { owner: Some(Owner::Organization(organization)), ..call.actor() };
        let removed = self.administer(&actor, EventName::MemberRemoved, &user.to_string(), change).await;
        removed.map(drop).map_err(|error| match error.code {
            Code::Conflict => Error::new(Code::Conflict, "an organization keeps at least one owner"),
            Code::NotFound => Error::not_found("membership"),
            _ => error,
        })
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`Code::Conflict`] when the e-mail address is taken.
    pub async fn create_user(&self, actor: &Actor, email: &str, name: &str) -> Result<User, Error> {
        let created_at = self.clock.now();
        let (email, name) = (email.to_owned(), name.to_owned());
        let user = User { id: self.entropy.id(created_at), email, name, active: true, epoch: 1, created_at };
        let target = user.id.to_string();
        self.administer(actor, EventName::UserCreated, &target, Change::CreateUser(user.clone())).await?;
        Ok(user)
    }

    /// Makes an organization, with its owner.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the user does not exist.
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
            created_at,
        };
        let change = Change::CreateOrganization(organization.clone());
        self.administer(actor, EventName::OrganizationCreated, &organization.id.to_string(), change).await?;
        self.put_member(actor, organization.id, owner, Role::Owner).await?;
        Ok(organization)
    }

    /// Makes a membership, or changes its role.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the user or the organization does not exist.
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

    /// Registers a client; its secret is shown this once.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] when an organization's client has no role.
    pub async fn create_client(&self, actor: &Actor, new: NewClient) -> Result<(Client, SecretText), Error> {
        if matches!(new.owner, Owner::Organization(_)) != new.role.is_some() {
            let reason = "required for a client of an organization, and only there";
            return Err(Error::invalid(vec![Violation::new("role", reason)]));
        }
        let created_at = self.clock.now();
        let id: ClientId = self.entropy.id(created_at);
        let NewClient { owner, name, role, scopes } = new;
        let client = Client { id, owner, name, role, scopes, active: true, epoch: 1, created_at };
        let secret = SecretKind::ClientSecret.generate(&*self.entropy);
        let change = Change::CreateClient(client.clone(), TokenDigest::of(secret.expose()).to_string());
        self.administer(&owned(actor, owner), EventName::ClientCreated, &id.to_string(), change).await?;
        Ok((client, secret))
    }

    /// Mints an MCP token; its text is shown this once.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the user does not exist.
    pub async fn create_mcp_token(
        &self,
        actor: &Actor,
        new: NewMcpToken,
    ) -> Result<(Token, SecretText), Error> {
        let issued_at = self.clock.now();
        let owner = Owner::User(new.user_id);
        let token = Token {
            id: self.entropy.id(issued_at),
            kind: TokenKind::Mcp,
            client_id: None,
            user_id: Some(new.user_id),
            owner,
            name: new.name,
            scopes: new.scopes,
            audience: self.issuer_url.clone(),
            epoch: 1,
            issued_at,
            expires_at: new.expires_at,
            max_usages: new.max_usages,
        };
        let text = new.kind.generate(&*self.entropy);
        let change = Change::CreateMcpToken(token.clone(), TokenDigest::of(text.expose()).to_string());
        self.administer(&owned(actor, owner), EventName::TokenCreated, &token.id.to_string(), change).await?;
        Ok((token, text))
    }

    /// Deposits a credential.
    ///
    /// # Errors
    /// [`Code::Conflict`] when the owner has one of this service and account.
    pub async fn deposit_credential(&self, actor: &Actor, new: NewCredential) -> Result<CredentialId, Error> {
        let created_at = self.clock.now();
        let id: CredentialId = self.entropy.id(created_at);
        let sealed = self.vault.seal_credential(new.owner, id, 1, &new.fields).await?;
        let NewCredential { owner, service, account, sharing, expires_at, fields: _ } = new;
        let credential = Credential {
            id,
            owner,
            service,
            account,
            primary: false,
            status: CredentialStatus::Active,
            sharing,
            epoch: 1,
            version: 1,
            sealed,
            expires_at,
            created_at,
        };
        let change = Change::CreateCredential(credential);
        self.administer(&owned(actor, owner), EventName::CredentialCreated, &id.to_string(), change).await?;
        Ok(id)
    }

    /// Gives a credential a new value. Leases that hold the old one hear of it at their next renewal.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] when another call gave it a new value first.
    pub async fn rotate_credential(
        &self,
        actor: &Actor,
        id: CredentialId,
        fields: &Map<String, Value>,
        expires_at: Option<Instant>,
    ) -> Result<i64, Error> {
        let found = self.store.rows().load_credentials(&[id]).await?.pop();
        let credential = found
            .ok_or_else(|| Error::not_found("credential"))?
            .map_err(|error: StoreError| Error::from(error))?;
        let version = credential.version + 1;
        let sealed = self.vault.seal_credential(credential.owner, id, version, fields).await?;
        let change = Change::RotateCredential { id, version, sealed, expires_at };
        let actor = owned(actor, credential.owner);
        self.administer(&actor, EventName::CredentialRotated, &id.to_string(), change).await?;
        Ok(version)
    }
}

fn owned(actor: &Actor, owner: Owner) -> Actor {
    Actor { owner: Some(owner), ..actor.clone() }
}
