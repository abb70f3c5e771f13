//! Tokens made for one lease: requested on the record, made by the service, kept, and only then handed out.
//!
//! A row and an audit record stand before the service is asked. Whatever happens after that, the row is found again: by the
//! end of the lease, or, when the request broke off, by a chore, which withdraws what came of it.

use serde_json::{Value, json};

use crate::{
    broker::{
        Broker, Call, Error,
        refresh::{Material, RefreshError},
    },
    issuer::{Client, Tokens, render},
    model::{
        audit::{Actor, AuditRecord, EventName},
        catalog::{ACCESS_TOKEN, Service, issuing::IssuerKind},
        credential::{Credential, Fields},
        grant::Life,
        lease::Lease,
        minted::{MintedState, MintedToken},
        resolution::Source,
        secret::SecretText,
    },
    store::{
        admin::{AdminChange, Change, MintedChange},
        mutation::{self, Reach},
    },
};

use super::answer::Lent;

impl Broker {
    /// Adds the tokens that are this lease's alone: signed by the broker, or made by a service.
    ///
    /// # Errors
    /// A service gives none, or no key signs.
    pub(super) async fn complete(
        &self,
        lent: &mut Lent,
        lease: &Lease,
        sources: &[Source],
    ) -> Result<(), Error> {
        self.sign_lent(lent, lease).await?;
        self.mint_lent(lent, lease, sources, Replacing::WhatIsOld).await.map(drop)
    }

    /// Ends a new lease that nothing was lent on: it would only take up room until it ran out.
    ///
    /// # Errors
    /// What the database said.
    pub(super) async fn end_empty(&self, call: &Call, lease: &Lease) -> Result<(), Error> {
        let (actor, bearer, reason) = (call.actor(), call.bearer(), NOT_MADE.to_owned());
        let revoke = mutation::RevokeLease { actor, bearer, lease_id: lease.id, reason, reach: Reach::Own };
        self.judged(call, self.store.revoke_lease(revoke).await?).map(drop)
    }

    /// Adds the tokens that services make for this lease; answers whether any is new.
    ///
    /// # Errors
    /// A service gives none, and the one before is too old.
    pub(super) async fn mint_lent(
        &self,
        lent: &mut Lent,
        lease: &Lease,
        sources: &[Source],
        replacing: Replacing,
    ) -> Result<bool, Error> {
        let mut made = false;
        for source in sources {
            let Some(service) = self.mints_for(source) else { continue };
            let name = source.service.to_string();
            let Some(fields) = lent.credentials.0.get(&name) else { continue };
            let (token, text, is_new) = self.minted(service, lease, source, replacing).await?;
            made |= is_new;
            let mut values = fields.parsed();
            values.insert(ACCESS_TOKEN.to_owned(), json!(text.expose()));
            values.insert("token_type".to_owned(), json!("Bearer"));
            values.insert("token_expires_at".to_owned(), json!(token.expires_at.to_string()));
            if service.lends_headers {
                values.extend(render::ready_to_send(service, &values));
            }
            lent.credentials.0.insert(name.clone(), Fields::of(&values));
            lent.expires_at.insert(name, token.expires_at);
        }
        Ok(made)
    }

    /// Whether a lease rests on a service that makes tokens for each.
    pub(super) fn has_minted(&self, lease: &Lease) -> bool {
        lease.services.iter().any(|name| {
            let service = self.catalog.find(&name.service);
            service.is_some_and(|service| service.issuing.kind == IssuerKind::ClientCredentialsPerLease)
        })
    }

    fn mints_for(&self, source: &Source) -> Option<&Service> {
        let service = self.catalog.find(&source.service.service)?;
        (service.issuing.kind == IssuerKind::ClientCredentialsPerLease).then_some(service)
    }

    /// The token of a lease and service: the one there is while it will do, else a new one, and whether it is.
    async fn minted(
        &self,
        service: &Service,
        lease: &Lease,
        source: &Source,
        replacing: Replacing,
    ) -> Result<(MintedToken, SecretText, bool), Error> {
        let now = self.clock.now();
        let before = self.store.rows().find_minted(lease.id, &source.service).await?;
        if let Some((token, sealed)) = before.as_ref().and_then(|token| Some((token, token.sealed.as_ref()?)))
            && (replacing == Replacing::WhatIsOld
                || now.micros_since(token.created_at) < BETWEEN_REPORTS_MICROS)
            && !(Life { from: token.created_at, until: token.expires_at }).is_stale(lease.ttl, now)
        {
            return Ok((token.clone(), self.vault.open_minted(token, sealed).await?, false));
        }
        let (token, text) = self.make_minted(service, lease, source).await?;
        if let Some(before) = before {
            self.minted_step(MintedChange::Withdraw(before.id, now), None).await?;
        }
        Ok((token, text, true))
    }

    async fn make_minted(
        &self,
        service: &Service,
        lease: &Lease,
        source: &Source,
    ) -> Result<(MintedToken, SecretText), Error> {
        let credential = self.credential(source.credential_id).await?;
        let now = self.clock.now();
        let life = service.issuing.answer.life_seconds.unwrap_or(LONGEST_LIFE_SECONDS);
        let token = MintedToken {
            id: self.entropy.id(now),
            lease_id: lease.id,
            name: source.service.clone(),
            service: credential.service.clone(),
            credential_id: credential.id,
            owner: credential.owner,
            state: MintedState::Pending,
            sealed: None,
            expires_at: now.plus_seconds(life),
            created_at: now,
            due_at: None,
            attempts: 0,
            failure: None,
        };
        let begin = MintedChange::Begin(Box::new(token.clone()));
        self.minted_step(begin, Some(self.minted_record(EventName::UpstreamTokenRequested, &token))).await?;
        match self.ask_for(service, &credential, &token).await {
            Ok(tokens) => self.keep_minted(token, tokens).await,
            Err(error) => {
                let acted = matches!(&error, RefreshError::Issue(error) if error.may_have_acted());
                let step = if acted {
                    MintedChange::Withdraw(token.id, self.clock.now())
                } else {
                    MintedChange::Forget(token.id)
                };
                self.minted_step(step, None).await?;
                Err(error.into_error(credential.service.as_str()))
            }
        }
    }

    async fn keep_minted(
        &self,
        token: MintedToken,
        tokens: Tokens,
    ) -> Result<(MintedToken, SecretText), Error> {
        let expires_at = tokens.expires_at.unwrap_or(token.expires_at);
        let sealed = self.vault.seal_minted(token.owner, token.id, &tokens.access_token).await?;
        let record = self.minted_record(EventName::UpstreamTokenMinted, &token);
        let keep = MintedChange::Keep(token.id, sealed.clone(), expires_at);
        if self.minted_step(keep, Some(record)).await? == 0 {
            // A chore took the request for broken off: it withdraws what came.
            self.minted_step(MintedChange::Find(token.id, sealed, expires_at), None).await?;
            return Err(RefreshError::Slow.into_error(token.service.as_str()));
        }
        Ok((MintedToken { state: MintedState::Live, expires_at, ..token }, tokens.access_token))
    }

    /// Asks the service for a token, or for the same one again.
    pub(in crate::broker) async fn ask_for(
        &self,
        service: &Service,
        credential: &Credential,
        token: &MintedToken,
    ) -> Result<Tokens, RefreshError> {
        let (client, values) = self.client_and_values(credential).await?;
        let minted =
            self.refresher.oauth.mint(service, &values, client.as_ref(), &token.id.to_string()).await;
        minted.map_err(RefreshError::Issue)
    }

    /// What a credential's tokens are asked for and withdrawn with.
    pub(in crate::broker) async fn client_and_values(
        &self,
        credential: &Credential,
    ) -> Result<(Option<Client>, serde_json::Map<String, Value>), Error> {
        let mut values = self.vault.open_credential(credential).await?.parsed();
        let grant = self.store.rows().find_grant(credential.id).await?;
        let material = match grant {
            Some(grant) => Some(Material::of(&self.vault.open_grant(&grant).await?)),
            None => None,
        };
        values.extend(material.iter().flat_map(|material| material.values().clone()));
        Ok((material.and_then(|material| material.client()), values))
    }

    /// Takes a step, with its record; answers how many rows it touched.
    pub(in crate::broker) async fn minted_step(
        &self,
        change: MintedChange,
        record: Option<AuditRecord>,
    ) -> Result<u64, Error> {
        let change = AdminChange::of(Change::Minted(change), record.into_iter().collect());
        Ok(self.store.administer(change).await?)
    }

    /// A record of what happened to a token, about its lease.
    pub(in crate::broker) fn minted_record(&self, event: EventName, token: &MintedToken) -> AuditRecord {
        let actor = Actor { owner: Some(token.owner), ..Actor::system() };
        let record = AuditRecord::success(event, &actor, token.lease_id, self.clock.now());
        record
            .with("service", token.name.to_string())
            .with("credential", token.credential_id.to_string())
            .with("token", token.id.to_string())
    }
}

/// Which token gives way to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replacing {
    /// One that is too old to be lent.
    WhatIsOld,
    /// Whatever there is: the service refuses it.
    Whatever,
}

/// A report makes one token in that time at most.
const BETWEEN_REPORTS_MICROS: i64 = 30_000_000;
const NOT_MADE: &str = "upstream_unavailable";
/// What is assumed where a service's description does not say how long its tokens live at the most.
const LONGEST_LIFE_SECONDS: i64 = 86_400;
