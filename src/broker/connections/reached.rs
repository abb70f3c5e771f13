//! An account was reached: what is kept of it. A new credential waits for its confirmation; one that was there before gets
//! its connection back, if it is the same account.

use serde_json::{Map, Value};

use crate::{
    broker::{
        Broker, Error,
        credentials::names,
        refresh::{Material, lent},
    },
    issuer::Tokens,
    model::{
        audit::{Actor, AuditRecord, EventName},
        catalog::issuing::IssuerKind,
        connection::ConnectLink,
        credential::{Credential, CredentialFilter, CredentialStatus},
        grant::Grant,
        id::CredentialId,
        page::PageSize,
    },
    store::{
        StoreError,
        admin::{AdminChange, Change, GrantChange, LinkChange},
    },
};

use super::flow::nothing;
use crate::broker::listing::ListRequest;

impl Broker {
    /// Keeps the account that a link reached.
    ///
    /// # Errors
    /// [`crate::broker::Code::Conflict`] when it is another account than the one that was connected before, or the link
    /// was taken back meanwhile.
    pub(super) async fn keep_reached(
        &self,
        link: &ConnectLink,
        fields: Map<String, Value>,
        tokens: &Tokens,
        identity: Option<String>,
    ) -> Result<(), Error> {
        let value = lent(&self.described(&link.service)?.issuing, fields, tokens);
        let (id, mut changes) = match link.credential_id.filter(|_| link.reconnects) {
            Some(id) => (id, self.reconnection(id, &value, tokens, identity.as_deref()).await?),
            None => self.new_connection(link, &value, tokens, identity.clone()).await?,
        };
        changes.push(Change::Link(LinkChange::Connect(link.id, id, identity.clone())));
        if link.reconnects {
            changes.push(Change::Link(LinkChange::Confirm(link.id)));
        }
        let actor = Actor { owner: Some(link.owner), ..Actor::system() };
        let record = AuditRecord::success(EventName::CredentialConnected, &actor, id, self.clock.now());
        let record = record.with("service", link.service.to_string()).with("link", link.id.to_string());
        let record = record.with("requested_by", link.requested_by.clone());
        let record = match identity {
            Some(identity) => record.with("identity", identity),
            None => record,
        };
        let done = self.store.administer(AdminChange::of(Change::All(changes), vec![record])).await;
        done.map(drop).map_err(|error| match error {
            StoreError::Conflict { .. } => nothing("the link or the credential changed meanwhile".to_owned()),
            error => error.into(),
        })
    }

    async fn new_connection(
        &self,
        link: &ConnectLink,
        value: &Map<String, Value>,
        tokens: &Tokens,
        identity: Option<String>,
    ) -> Result<(CredentialId, Vec<Change>), Error> {
        let now = self.clock.now();
        let id: CredentialId = self.entropy.id(now);
        let credential = Credential {
            id,
            owner: link.owner,
            service: link.service.clone(),
            account: link.account.clone(),
            primary: false,
            status: CredentialStatus::Pending,
            status_reason: None,
            issuer: issuer_of(tokens),
            identity,
            sharing: link.sharing.clone(),
            epoch: 1,
            version: 1,
            sealed: self.vault.seal_credential(link.owner, id, 1, value).await?,
            expires_at: tokens.expires_at,
            created_at: now,
            rotated_at: now,
            fields: names(value),
            revision: 1,
        };
        let mut changes = Vec::new();
        // What another link reached for the same account, and nobody confirmed, gives way.
        for waiting in self.waiting(link).await? {
            changes.push(Change::DeleteCredential(waiting));
        }
        let grant = self.reached_grant(&credential, 1, tokens).await?;
        changes.push(Change::CreateCredential(credential));
        changes.extend(grant);
        Ok((id, changes))
    }

    /// The same credential with a new connection, of the same account.
    async fn reconnection(
        &self,
        id: CredentialId,
        value: &Map<String, Value>,
        tokens: &Tokens,
        identity: Option<&str>,
    ) -> Result<Vec<Change>, Error> {
        let before = self.credential(id).await?;
        if before.identity.is_some() && before.identity.as_deref() != identity {
            let was = before.identity.as_deref().unwrap_or_default();
            let is = identity.unwrap_or("an account that is not named");
            return Err(nothing(format!(
                "this is {is}, but {was} was connected before: sign in there as {was}, or connect it as another account"
            )));
        }
        let version = before.version + 1;
        let rotate = Change::RotateCredential {
            id,
            version,
            sealed: self.vault.seal_credential(before.owner, id, version, value).await?,
            expires_at: tokens.expires_at,
            fields: names(value),
            issuer: issuer_of(tokens),
            at: self.clock.now(),
        };
        let grant = self.store.rows().find_grant(id).await?;
        let next = grant.map_or(1, |grant| grant.version + 1);
        let mut changes = vec![rotate, Change::SetCredentialCondition(id, CredentialStatus::Active, None)];
        if let Some(identity) = identity {
            changes.push(Change::SetCredentialIdentity(id, identity.to_owned()));
        }
        match self.reached_grant(&before, next, tokens).await? {
            Some(change) => changes.push(change),
            None => changes.push(Change::Grant(GrantChange::Delete(id))),
        }
        Ok(changes)
    }

    /// What refreshes it; none for a service that gives no refresh token, whose access tokens don't run out.
    async fn reached_grant(
        &self,
        credential: &Credential,
        version: i64,
        tokens: &Tokens,
    ) -> Result<Option<Change>, Error> {
        if tokens.refresh_token.is_none() {
            return Ok(None);
        }
        let now = self.clock.now();
        let material = Material::of_tokens(tokens);
        Ok(Some(Change::Grant(GrantChange::Put(Box::new(Grant {
            credential_id: credential.id,
            owner: credential.owner,
            service: credential.service.clone(),
            version,
            sealed: self
                .vault
                .seal_grant(credential.owner, credential.id, version, material.values())
                .await?,
            refreshed_at: now,
            refresh_expires_at: tokens.refresh_expires_at,
            due_at: self.refresher.next_look(now, tokens.expires_at, tokens.refresh_expires_at),
            failures: 0,
            failure: None,
            claim: None,
            attempt: None,
            reported_at: None,
        })))))
    }

    async fn waiting(&self, link: &ConnectLink) -> Result<Vec<CredentialId>, Error> {
        let page = ListRequest { page_size: Some(PageSize::MAX.into()), ..ListRequest::default() };
        let filter = CredentialFilter {
            owner: Some(link.owner),
            service: Some(link.service.clone()),
            status: Some(CredentialStatus::Pending),
        };
        let found = self.list_credentials(filter, &page).await?;
        let same = found.items.iter().filter(|credential| credential.account == link.account);
        Ok(same.map(|credential| credential.id).collect())
    }
}

/// A service that gives no refresh token gave what lasts.
const fn issuer_of(tokens: &Tokens) -> IssuerKind {
    if tokens.refresh_token.is_some() { IssuerKind::AuthorizationCode } else { IssuerKind::Static }
}
