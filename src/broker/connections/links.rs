//! Asking for a link, looking at it, confirming what came of it, taking it back.

use serde_json::{Map, Value};

use crate::{
    broker::{Broker, Call, Code, Error, Violation, authz::Authorized},
    keyring::{digest::TokenDigest, machine_secret::SecretKind},
    model::{
        audit::EventName,
        catalog::issuing::IssuerKind,
        connection::{ConnectLink, LINK_SECONDS, LinkState},
        credential::{Credential, CredentialFilter, CredentialStatus},
        id::CredentialId,
        owner::Owner,
        page::PageSize,
        scope::Operation,
        secret::SecretText,
    },
    store::admin::{Change, LinkChange},
};

use super::LINK;
use crate::broker::{
    credentials::{Deposit, checked_place},
    listing::ListRequest,
};

/// A link to ask for, as sent.
#[derive(Debug, Clone, Default)]
pub struct NewLink {
    /// A service whose accounts can be connected.
    pub service: String,
    /// The account, as the owner will call it; `default` when none.
    pub account: Option<String>,
    /// An organization's id, for its administrators; oneself when none.
    pub owner: Option<String>,
    /// Who may borrow an organization's.
    pub sharing: Option<Vec<String>>,
    /// The credential to connect anew.
    pub credential_id: Option<String>,
    /// What the service must know before: the host of a store, for one.
    pub fields: Map<String, Value>,
}

/// A link, with its URL, which is shown this once.
#[derive(Debug, Clone)]
pub struct MadeLink {
    /// The row.
    pub link: ConnectLink,
    /// What to open.
    pub url: SecretText,
}

/// A link, as whoever asked for it sees it.
#[derive(Debug, Clone)]
pub struct LinkSeen {
    /// The row.
    pub link: ConnectLink,
    /// Whether it ran out before anything came of it.
    pub expired: bool,
}

impl Broker {
    /// Makes a link by which a person connects an account. Good for ten minutes, once.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::Conflict`] when there is a credential of this account; [`Code::NotFound`] for who
    /// does not administer the organization.
    pub async fn create_connect_link(&self, call: &Call, new: NewLink) -> Result<MadeLink, Error> {
        let (owner, authorized) = self.connecting_for(call, new.owner.as_deref()).await?;
        let (link, digest, handle) = self.new_connect_link(call, owner, new).await?;
        let record = self.success(&authorized, EventName::ConnectLinkCreated, link.id);
        let record = record.with("service", link.service.to_string());
        let record = record.with("account", link.account.to_string());
        let change = Change::Link(LinkChange::Create(Box::new(link.clone()), digest));
        self.change_recorded(call, authorized, vec![record], change).await?;
        let url = SecretText::new(format!("{}/connect/{}", self.issuer_url, handle.expose()));
        Ok(MadeLink { link, url })
    }

    /// Shows a link that the caller asked for.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn show_connect_link(&self, call: &Call, id: &str) -> Result<LinkSeen, Error> {
        let (link, _) = self.own_link(call, id).await?;
        Ok(self.seen_link(link))
    }

    /// Confirms the account that was reached: from now on it can be borrowed.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] when no account was reached, or another one than `identity`.
    pub async fn confirm_connect_link(
        &self,
        call: &Call,
        id: &str,
        identity: Option<&str>,
    ) -> Result<LinkSeen, Error> {
        let (link, authorized) = self.own_link(call, id).await?;
        if link.state == LinkState::Confirmed {
            return Ok(self.seen_link(link));
        }
        let reached = link.credential_id.filter(|_| link.state == LinkState::Connected);
        let credential = reached.ok_or_else(|| {
            Error::new(
                Code::Conflict,
                "no account was reached by this link: open it first, or make a new one",
            )
        })?;
        if link.identity.as_deref() != identity {
            let message =
                "the account that was reached is another one than you confirm: look at the link again";
            return Err(Error::new(Code::Conflict, message));
        }
        let record = self.success(&authorized, EventName::CredentialConfirmed, credential);
        let record = record.with("link", link.id.to_string());
        let change = Change::All(vec![
            Change::Link(LinkChange::Confirm(link.id)),
            Change::SetCredentialCondition(credential, CredentialStatus::Active, None),
        ]);
        self.change_recorded(call, authorized, vec![record], change)
            .await
            .map_err(|error| error.on_race("the link was used or taken back meanwhile"))?;
        let (link, _) = self.own_link(call, id).await?;
        Ok(self.seen_link(link))
    }

    /// Takes a link back; an account that was reached and not confirmed is forgotten.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn cancel_connect_link(&self, call: &Call, id: &str) -> Result<LinkSeen, Error> {
        let (link, authorized) = self.own_link(call, id).await?;
        if link.state == LinkState::Confirmed {
            return Err(Error::new(Code::Conflict, "it is confirmed already: delete the credential instead"));
        }
        let mut changes = vec![Change::Link(LinkChange::Fail(link.id, "taken back".to_owned()))];
        if let Some(id) =
            link.credential_id.filter(|_| link.state == LinkState::Connected && !link.reconnects)
        {
            changes.push(Change::DeleteCredential(id));
        }
        let record =
            self.success(&authorized, EventName::ConnectLinkEnded, link.id).with("reason", "taken back");
        self.change_recorded(call, authorized, vec![record], Change::All(changes)).await?;
        let (link, _) = self.own_link(call, id).await?;
        Ok(self.seen_link(link))
    }

    fn seen_link(&self, link: ConnectLink) -> LinkSeen {
        let expired = link.expires_at <= self.clock.now()
            && matches!(link.state, LinkState::Open | LinkState::Begun | LinkState::Exchanging);
        LinkSeen { link, expired }
    }

    /// For whom the caller connects: itself, or an organization that it administers.
    async fn connecting_for(&self, call: &Call, owner: Option<&str>) -> Result<(Owner, Authorized), Error> {
        match owner {
            None => self.person_with(call, Operation::CredentialConnect).await,
            Some(owner) => self.administrator_of_named(call, Operation::CredentialConnect, owner).await,
        }
    }

    async fn own_link(&self, call: &Call, id: &str) -> Result<(ConnectLink, Authorized), Error> {
        let authorized = self.own(call, Operation::CredentialConnect).await?;
        let absent = || Error::not_found(LINK);
        let id = id.parse().map_err(|_| absent())?;
        let found = self.store.rows().find_connect_link(id).await?;
        let link = found.filter(|link| link.requested_by == requester_id(call)).ok_or_else(absent)?;
        // Whoever asked for an organization must administer it still.
        let owner = link.owner.to_string();
        let authorized = match link.owner {
            Owner::Organization(_) => {
                self.administrator_of_named(call, Operation::CredentialConnect, &owner)
                    .await
                    .map_err(|_| absent())?
                    .1
            }
            Owner::User(_) | Owner::System => authorized.on_behalf_of(link.owner),
        };
        Ok((link, authorized))
    }

    async fn new_connect_link(
        &self,
        call: &Call,
        owner: Owner,
        new: NewLink,
    ) -> Result<(ConnectLink, String, SecretText), Error> {
        let created_at = self.clock.now();
        let NewLink { service, account, owner: _, sharing, credential_id, fields } = new;
        let reconnected = match credential_id {
            Some(id) => Some(self.reconnected(owner, &id, &service).await?),
            None => None,
        };
        let account = reconnected.as_ref().map(|credential| credential.account.to_string()).or(account);
        let sharing = match &reconnected {
            Some(credential) if sharing.is_none() && matches!(owner, Owner::Organization(_)) => {
                Some(credential.sharing.0.iter().map(ToString::to_string).collect())
            }
            _ => sharing,
        };
        let deposit = Deposit { service, account, sharing, ..Deposit::default() };
        let (service, account, sharing) = checked_place(owner, &deposit)?;
        let described = self.described(&service)?;
        if described.issuing.kind != IssuerKind::AuthorizationCode {
            let reason = "its accounts are not connected: deposit a credential";
            return Err(Error::invalid(vec![Violation::new("service", reason)]));
        }
        let start = super::check::start(described, fields, self.limits.url_reach)?;
        if self.refresher.application(owner, &service).await?.is_none() {
            let reason = "no application is registered with this service: an operator does that with \
                          `leasehold admin applications put`";
            return Err(Error::invalid(vec![Violation::new("service", reason)]));
        }
        if reconnected.is_none() && self.is_taken(owner, &deposit, account.as_str()).await? {
            let message = "a credential of this service and account exists: name it to connect it anew";
            return Err(Error { exists: true, ..Error::new(Code::Conflict, message) });
        }
        let handle = SecretKind::ConnectLink.generate(&*self.entropy);
        let link = ConnectLink {
            id: self.entropy.id(created_at),
            owner,
            service,
            account,
            sharing,
            reconnects: reconnected.is_some(),
            credential_id: reconnected.map(|credential| credential.id),
            start,
            requested_by: requester_id(call),
            requester: self.requester(call).await?,
            state: LinkState::Open,
            failure: None,
            browser: None,
            identity: None,
            created_at,
            expires_at: created_at.plus_seconds(LINK_SECONDS),
        };
        let digest = TokenDigest::of(handle.expose()).to_string();
        Ok((link, digest, handle))
    }

    /// The credential to connect anew: the owner's, of that service.
    async fn reconnected(&self, owner: Owner, id: &str, service: &str) -> Result<Credential, Error> {
        let wrong = || {
            Error::invalid(vec![Violation::new(
                "credential_id",
                "no such credential of the owner and service",
            )])
        };
        let id: CredentialId = id.parse().map_err(|_| wrong())?;
        let credential = self.credential(id).await.map_err(|_| wrong())?;
        let fits = credential.owner == owner && credential.service.as_str() == service;
        if fits { Ok(credential) } else { Err(wrong()) }
    }

    /// Whether the owner has a credential of that account, but for one that awaits its confirmation.
    async fn is_taken(&self, owner: Owner, deposit: &Deposit, account: &str) -> Result<bool, Error> {
        let page = ListRequest { page_size: Some(PageSize::MAX.into()), ..ListRequest::default() };
        let filter =
            CredentialFilter { owner: Some(owner), service: deposit.service.parse().ok(), status: None };
        let found = self.list_credentials(filter, &page).await?;
        Ok(found.items.iter().any(|credential| {
            credential.account.as_str() == account && credential.status != CredentialStatus::Pending
        }))
    }

    /// Who asks, as the page names it.
    async fn requester(&self, call: &Call) -> Result<String, Error> {
        let user = match call.caller.user_id {
            Some(id) => self.store.rows().find_user(id).await?,
            None => None,
        };
        Ok(user.map_or_else(
            || "an operator of this broker".to_owned(),
            |user| format!("{} <{}>", user.name, user.email),
        ))
    }
}

/// Whoever asks: the person, whatever token is shown; else the principal.
fn requester_id(call: &Call) -> String {
    call.caller.user_id.map_or_else(|| call.caller.principal.to_string(), |id| id.to_string())
}
