//! Uses of a lease: show, list, renew, read, revoke. Each is judged by the database at that moment.

use std::sync::Arc;

use crate::{
    broker::{Broker, Call, Error, Violation, listing},
    model::{
        credential::Credential,
        id::LeaseId,
        instant::Instant,
        lease::Lease,
        page::PageSize,
        resolution::Source,
        scope::Operation,
        standing::{LeaseFacts, Standing},
        text::is_plain,
        token::TokenRefusal,
    },
    store::{
        backend::LeaseQuery,
        mutation::{self, CheckLease, Reach, Refusal},
    },
};

use super::{
    answer::Lent,
    lease_id,
    request::{check_ttl, is_text},
    types::{LeaseCredentials, LeasePage, LeaseView, ListLeases, RenewLease, RenewedLease, RevokedLease},
};

impl Broker {
    /// Shows a lease, never a secret. `id` as sent.
    ///
    /// # Errors
    /// [`crate::broker::Code::NotFound`] for what is not there, malformed or not the caller's, alike.
    pub async fn show_lease(&self, call: &Call, id: &str) -> Result<LeaseView, Error> {
        let outcome = self.show(call, id).await;
        self.noted_read(call, "lease.get", Some(id), outcome)
    }

    async fn show(&self, call: &Call, id: &str) -> Result<LeaseView, Error> {
        call.require(Operation::LeaseRead)?;
        let id = lease_id(id)?;
        let (token, lease) = self.store.facts(call.caller.token_id, Some(id)).await?;
        let now = self.clock.now();
        let stands =
            token.ok_or(TokenRefusal::Unknown).and_then(|facts| facts.stands(call.caller.reading, now));
        stands.map_err(|refusal| self.token_refused(call, refusal))?;
        self.proven(call);
        let visible =
            |facts: &LeaseFacts| facts.lease.is_visible_to(call.caller.principal, &call.caller.scopes);
        let facts = lease.filter(visible).ok_or_else(|| Error::not_found("lease"))?;
        self.view(call, facts).await
    }

    /// Lists own leases, newest first.
    ///
    /// # Errors
    /// [`crate::broker::Code::InvalidRequest`] for a filter that is none.
    pub async fn list_leases(&self, call: &Call, request: ListLeases) -> Result<LeasePage, Error> {
        let outcome = self.list(call, request).await;
        self.noted_read(call, "lease.list", None, outcome)
    }

    async fn list(&self, call: &Call, request: ListLeases) -> Result<LeasePage, Error> {
        call.require(Operation::LeaseRead)?;
        self.check_token(call).await?;
        let list = list_of(&request);
        let query = self.query(call, &list, request)?;
        let page = self.store.rows().list_leases(&query).await?;
        let mut leases = Vec::with_capacity(page.items.len());
        for facts in page.items {
            if facts.lease.is_visible_to(call.caller.principal, &call.caller.scopes) {
                leases.push(self.view(call, facts).await?);
            }
        }
        Ok(LeasePage { leases, next_page_token: page.next.map(|id| listing::sealed(&list, &id.to_string())) })
    }

    /// Renews a lease: as often as it may be, each time to now and the original ttl.
    ///
    /// # Errors
    /// The refusals of [`crate::model::renewal::UseRefusal`]; on any of them a worker drops the credentials.
    pub async fn renew_lease(
        &self,
        call: &Call,
        id: &str,
        request: RenewLease,
    ) -> Result<RenewedLease, Error> {
        let outcome = self.renew(call, id, request).await;
        self.noted(call, "lease.renew", Some(id), outcome)
    }

    async fn renew(&self, call: &Call, id: &str, request: RenewLease) -> Result<RenewedLease, Error> {
        call.require(Operation::LeaseRenew)?;
        let lease_id = lease_id(id)?;
        let mut violations = Vec::new();
        let ttl = check_ttl(request.ttl, &mut violations);
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        if request.include_credentials {
            call.require(Operation::LeaseCreate)?;
        }
        let renew = mutation::RenewLease {
            actor: call.actor(),
            bearer: call.bearer(),
            lease_id,
            ttl,
            with_sources: request.include_credentials,
        };
        let renewed = self.judged(call, self.store.renew_lease(renew).await?)?;
        let sources = match renewed.sources {
            Some(sources) => Some(sources),
            None => self.outlived(call, &renewed.lease, renewed.values_expire_at).await?,
        };
        let mut lent = match &sources {
            Some(sources) => self.open_sources(sources, renewed.lease.ttl).await?,
            None => Lent::default(),
        };
        if let Some(sources) = &sources {
            self.complete(&mut lent, &renewed.lease, sources).await?;
        }
        let values_expire_at = lent.earliest_expiry().or(renewed.values_expire_at);
        Ok(RenewedLease {
            renew_after: self.renew_after(&renewed.lease, values_expire_at),
            capped_by: renewed.capped_by,
            credentials: sources.is_some().then_some(lent.credentials),
            credential_expires_at: lent.expires_at,
            credential_versions: lent.versions,
            lease: renewed.lease,
        })
    }

    /// What a renewed lease rests on, if one of its values is too old to go on with: then new ones go out.
    async fn outlived(
        &self,
        call: &Call,
        lease: &Lease,
        expire_at: Option<Instant>,
    ) -> Result<Option<Vec<Source>>, Error> {
        // Values go to nobody who may not read them.
        if call.require(Operation::LeaseCreate).is_err() {
            return Ok(None);
        }
        let signed = self.has_signed(lease) || self.has_minted(lease);
        if !signed && expire_at.is_none_or(|at| at >= lease.expires_at) {
            return Ok(None);
        }
        let rows = self.store.rows();
        let sources: Vec<Source> =
            rows.list_sources(&[lease.id]).await?.into_iter().map(|(_, source)| source).collect();
        let ids: Vec<_> = sources.iter().map(|source| source.credential_id).collect();
        let credentials: Vec<Arc<Credential>> =
            rows.load_credentials(&ids).await?.into_iter().flatten().map(Arc::new).collect();
        Ok((signed || !self.stale(&credentials, lease.ttl).is_empty()).then_some(sources))
    }

    /// Reads a lease's values again. Costs no renewal.
    ///
    /// # Errors
    /// The refusals of [`crate::model::renewal::UseRefusal`].
    pub async fn read_credentials(&self, call: &Call, id: &str) -> Result<LeaseCredentials, Error> {
        let outcome = self.read(call, id).await;
        self.noted(call, "lease.read_credentials", Some(id), outcome)
    }

    async fn read(&self, call: &Call, id: &str) -> Result<LeaseCredentials, Error> {
        call.require(Operation::LeaseCreate)?;
        let lease_id = lease_id(id)?;
        let read = mutation::ReadCredentials { actor: call.actor(), bearer: call.bearer(), lease_id };
        let readable = self.judged(call, self.store.read_credentials(read).await?)?;
        let mut lent = self.open_sources(&readable.sources, readable.lease.ttl).await?;
        self.complete(&mut lent, &readable.lease, &readable.sources).await?;
        Ok(LeaseCredentials {
            renew_after: self.renew_after(&readable.lease, lent.earliest_expiry()),
            credentials: lent.credentials,
            credential_expires_at: lent.expires_at,
            credential_versions: lent.versions,
            lease: readable.lease,
        })
    }

    /// Takes a lease back. Again is answered as the first time: the first reason and time stand.
    ///
    /// # Errors
    /// [`crate::broker::Code::NotFound`], and what every call may answer.
    pub async fn revoke_lease(
        &self,
        call: &Call,
        id: &str,
        reason: Option<String>,
    ) -> Result<RevokedLease, Error> {
        let outcome = self.revoke(call, id, reason).await;
        self.noted(call, "lease.revoke", Some(id), outcome)
    }

    async fn revoke(&self, call: &Call, id: &str, reason: Option<String>) -> Result<RevokedLease, Error> {
        call.require(Operation::LeaseRevoke)?;
        let lease_id = lease_id(id)?;
        let reason =
            reason.filter(|reason| !reason.trim().is_empty()).unwrap_or_else(|| DEFAULT_REASON.to_owned());
        if !is_text(&reason, MAX_REASON) {
            return Err(Error::invalid(vec![Violation::new("reason", WRONG_REASON)]));
        }
        let (actor, bearer) = (call.actor(), call.bearer());
        let revoke = mutation::RevokeLease { actor, bearer, lease_id, reason, reach: Reach::Own };
        let revoked = self.judged(call, self.store.revoke_lease(revoke).await?);
        // The transaction records the refusals of other uses, not this one.
        let revoked = revoked.map_err(|error| Error { recorded: false, ..error })?;
        Ok(RevokedLease { lease: revoked.lease, ended_at: revoked.ended_at })
    }

    /// What the caller is told of a lease; one in doubt is re-checked first.
    async fn view(&self, call: &Call, facts: LeaseFacts) -> Result<LeaseView, Error> {
        let facts = if facts.standing(self.clock.now()) == Standing::Recheck {
            let check = CheckLease { bearer: call.bearer(), lease_id: facts.lease.id };
            match self.store.check_lease(check).await? {
                Ok(facts) => facts,
                // The list named it a moment ago.
                Err(Refusal::NotFound) => return Err(Error::not_found("lease")),
                Err(refusal) => return Err(self.refused(call, refusal)),
            }
        } else {
            facts
        };
        Ok(LeaseView { status: facts.status(self.clock.now()), lease: facts.lease })
    }

    fn query(&self, call: &Call, list: &str, request: ListLeases) -> Result<LeaseQuery, Error> {
        let mut violations = Vec::new();
        let mut wrong = |field: &str, reason: String| violations.push(Violation::new(field, reason));
        let status = request.status.as_deref().map(str::parse).transpose();
        let status = status.unwrap_or_else(|_| {
            wrong("status", "expected active, expired or revoked".to_owned());
            None
        });
        let service = request.service.as_deref().map(str::parse).transpose();
        let service = service.unwrap_or_else(|error: crate::model::service::ParseServiceError| {
            wrong("service", error.to_string());
            None
        });
        let size = PageSize::from_number(request.page_size.unwrap_or_default()).unwrap_or_else(|error| {
            wrong("page_size", error.to_string());
            PageSize::default()
        });
        if request.server_id.as_deref().is_some_and(|text| !is_plain(text)) {
            wrong("server_id", "must not have control characters".to_owned());
        }
        let token = request.page_token.as_deref().filter(|token| !token.is_empty());
        let after = token.map(|token| listing::opened::<LeaseId>(list, token)).transpose();
        let after = after.unwrap_or_else(|violation| {
            violations.push(violation);
            None
        });
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let (principal, now) = (call.caller.principal, self.clock.now());
        Ok(LeaseQuery { principal, now, status, service, server_id: request.server_id, after, size })
    }
}

/// The list of own leases as a request narrows it.
fn list_of(request: &ListLeases) -> String {
    let ListLeases { status, service, server_id, page_size: _, page_token: _ } = request;
    format!("list_leases {status:?} {service:?} {server_id:?}")
}

const DEFAULT_REASON: &str = "Manual revocation";
const MAX_REASON: usize = 500;
const WRONG_REASON: &str = "at most 500 characters, without control characters but tabs and line breaks";
