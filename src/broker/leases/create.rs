//! Taking a lease: resolve, open, record, answer.
//!
//! Values are opened before the lease is recorded, so that a value that does not open leaves no lease behind; they leave
//! the broker after it is durable. When what was resolved from changed meanwhile, the store refuses, and the choice is
//! made again from fresh holdings.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    broker::{Broker, Call, Code, Error, MissingCredentials, Violation, refresh::RefreshError},
    model::{
        audit::{AuditRecord, EventName},
        credential::{Credential, CredentialStatus},
        holdings::Holdings,
        id::CredentialId,
        instant::Instant,
        lease::{CredentialScope, Lease, LeaseState},
        resolution::Source,
        scope::Operation,
        service::{ServiceName, ServiceRef},
    },
    store::{
        StoreError,
        mutation::{self, CreatedLease, LeaseOrigin, Refusal},
    },
};

use super::{
    answer::{Lent, grant},
    request::{Wanted, shape},
    types::{CreateLease, LeaseGrant},
};

/// What a request resolved to.
#[derive(Default)]
struct Resolution {
    sources: Vec<Source>,
    credentials: Vec<Arc<Credential>>,
    missing: Vec<ServiceRef>,
    /// Something is missing because what is there cannot be read.
    unreadable: bool,
}

/// Tokens that were tried to be made anew for one request.
#[derive(Default)]
struct Tried {
    ids: BTreeSet<CredentialId>,
    failed: Vec<(CredentialId, RefreshError)>,
}

impl Broker {
    /// Takes a lease.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`], [`Code::MissingCredentials`], [`Code::QuotaExceeded`], [`Code::LeaseEnded`],
    /// [`Code::IdempotencyKeyReused`], and what every call may answer.
    pub async fn create_lease(&self, call: &Call, request: CreateLease) -> Result<LeaseGrant, Error> {
        let outcome = self.create(call, request).await;
        self.noted(call, "lease.create", None, outcome)
    }

    async fn create(&self, call: &Call, request: CreateLease) -> Result<LeaseGrant, Error> {
        call.require(Operation::LeaseCreate)?;
        let wanted = request.check(self.limits.default_ttl)?;
        let mut cached = self.holdings.cached(&call.caller.subject);
        let mut tried = Tried::default();
        for _ in 0..ATTEMPTS {
            let from_cache = cached.is_some();
            let holdings = match cached.take() {
                Some(holdings) => holdings,
                None => self.holdings.fresh(&self.store, call.caller.subject).await?,
            };
            let mut resolution = resolve(call, &holdings, &wanted);
            if !resolution.missing.is_empty() && from_cache {
                continue;
            }
            if resolution.unreadable {
                return Err(Error::internal(StoreError::Missing("a readable row of the credential")));
            }
            if self.refresh_first(&resolution, &wanted, &mut tried).await {
                continue;
            }
            self.leave_out_of_date(&mut resolution, &wanted, &mut tried)?;
            let refused =
                !resolution.missing.is_empty() && (!wanted.allow_partial || resolution.sources.is_empty());
            if refused {
                return self.replay_or_refuse(call, &holdings, &wanted, &resolution).await;
            }
            let opened = self.open_all(&resolution.sources, &resolution.credentials).await?;
            let decided =
                self.store.create_lease(self.mutation(call, &wanted, &holdings, &resolution)).await?;
            if !matches!(decided, Err(Refusal::Moved)) {
                let created = self.judged(call, decided)?;
                return self.answer(call, &holdings, created, (opened, &resolution.missing)).await;
            }
        }
        Err(self.refused(call, Refusal::Moved))
    }

    /// Makes tokens anew that are too old to be lent, each once; whether any was tried, so that the choice must be made again.
    async fn refresh_first(&self, resolution: &Resolution, wanted: &Wanted, tried: &mut Tried) -> bool {
        let mut stale = self.stale(&resolution.credentials, wanted.ttl);
        stale.retain(|id| !tried.ids.contains(id));
        if stale.is_empty() {
            return false;
        }
        tried.failed.extend(self.refresh_all(&stale, wanted.ttl).await);
        tried.ids.extend(stale);
        true
    }

    /// What has run out, and got no new token: left out, if the caller takes what there is.
    fn leave_out_of_date(
        &self,
        resolution: &mut Resolution,
        wanted: &Wanted,
        tried: &mut Tried,
    ) -> Result<(), Error> {
        let has_run_out = |credential: &Credential| {
            credential.needs_refresh(wanted.ttl, self.clock.now()) && !self.serves(credential)
        };
        while let Some(at) = resolution.credentials.iter().position(|credential| has_run_out(credential)) {
            let (credential, source) = (resolution.credentials.remove(at), resolution.sources.remove(at));
            if !wanted.allow_partial {
                let why = tried.failed.iter().position(|(id, _)| *id == credential.id);
                let why = why.map_or(RefreshError::Gone, |at| tried.failed.swap_remove(at).1);
                return Err(why.into_error(credential.service.as_str()));
            }
            resolution.missing.push(source.service);
        }
        Ok(())
    }

    /// What is missing now does not matter to a request that was granted before: its lease answers, or says that it ended.
    async fn replay_or_refuse(
        &self,
        call: &Call,
        holdings: &Holdings,
        wanted: &Wanted,
        resolution: &Resolution,
    ) -> Result<LeaseGrant, Error> {
        if wanted.idempotency.is_some() {
            let nothing = Resolution::default();
            let decided = self.store.create_lease(self.mutation(call, wanted, holdings, &nothing)).await?;
            if !matches!(decided, Err(Refusal::NothingToLend)) {
                let created = self.judged(call, decided)?;
                let lent = (Lent::default(), resolution.missing.as_slice());
                return self.answer(call, holdings, created, lent).await;
            }
        }
        Err(self.missing(call, holdings, wanted, resolution).await?)
    }

    async fn answer(
        &self,
        call: &Call,
        holdings: &Holdings,
        created: CreatedLease,
        (opened, missing): (Lent, &[ServiceRef]),
    ) -> Result<LeaseGrant, Error> {
        let mut lent = match created.origin {
            LeaseOrigin::New => opened,
            // The lease found rests on sources of its own.
            LeaseOrigin::Replayed | LeaseOrigin::Reused => {
                self.open_sources(&created.sources, created.lease.ttl).await?
            }
        };
        if let Err(error) = self.complete(&mut lent, &created.lease, &created.sources).await {
            if created.origin == LeaseOrigin::New {
                self.end_empty(call, &created.lease).await?;
            }
            return Err(error);
        }
        let renew_after = self.renew_after(&created.lease, lent.earliest_expiry());
        Ok(grant(holdings, created, lent, renew_after, missing))
    }

    fn mutation(
        &self,
        call: &Call,
        wanted: &Wanted,
        holdings: &Holdings,
        resolution: &Resolution,
    ) -> mutation::CreateLease {
        let lease = self.new_lease(call, wanted, &resolution.sources);
        mutation::CreateLease {
            actor: call.actor(),
            bearer: call.bearer(),
            sources: resolution.sources.clone(),
            revisions: holdings.revisions.clone(),
            max_live: i64::from(self.limits.max_leases_per_principal),
            idempotency: wanted.idempotency.clone(),
            reuse_key: wanted
                .reuse
                .then(|| shape(&lease.services, wanted.ttl, &wanted.server_id, wanted.organization_id)),
            lease,
        }
    }

    fn new_lease(&self, call: &Call, wanted: &Wanted, sources: &[Source]) -> Lease {
        let now = self.clock.now();
        let caller = &call.caller;
        let lifetime_ends_at = now.plus_seconds(i64::from(self.limits.max_lifetime_seconds));
        Lease {
            id: self.entropy.id(now),
            owner: caller.owner,
            principal: caller.principal,
            token_id: caller.token_id,
            client_id: caller.client_id,
            user_id: caller.user_id,
            server_id: wanted.server_id.clone(),
            organization_id: wanted.organization_id,
            services: sources.iter().map(|source| source.service.clone()).collect(),
            credential_scope: CredentialScope::of(sources),
            ttl: wanted.ttl,
            created_at: now,
            expires_at: wanted.ttl.after(now).min(lifetime_ends_at),
            lifetime_ends_at,
            renewable: self.limits.max_renewals > 0,
            renewal_count: 0,
            max_renewals: self.limits.max_renewals,
            last_renewed_at: None,
            state: LeaseState::Active,
            client_info: wanted.client_info.clone(),
            address: call.origin.address.clone(),
        }
    }

    /// The refusal for services that don't resolve; recorded. Says the same of a service that nobody has, that others
    /// have, and that the token's scopes leave out.
    async fn missing(
        &self,
        call: &Call,
        holdings: &Holdings,
        wanted: &Wanted,
        resolution: &Resolution,
    ) -> Result<Error, Error> {
        // A token that no longer stands learns nothing.
        self.check_token(call).await?;
        let names: Vec<String> = resolution.missing.iter().map(ToString::to_string).collect();
        let now: Instant = self.clock.now();
        let record =
            AuditRecord::refusal(EventName::LeaseDenied, &call.actor(), None, "missing_credentials", now);
        let record = record.with("missing", names.clone()).with("server_id", wanted.server_id.clone());
        self.store.record(record).await?;
        let available = holdings.available_services().into_iter();
        let available = available.filter(|service: &ServiceName| call.caller.scopes.allows_service(service));
        let violations = resolution.missing.iter().map(|service| {
            let own = holdings.own(service).filter(|own| call.caller.scopes.allows_service(&own.service));
            let own = own.map(|own| own.status);
            Violation::new("services", format!("{service}: {}", why_missing(own)))
        });
        let violations = violations.collect();
        let missing = MissingCredentials {
            missing_services: names,
            available_services: available.map(|service| service.to_string()).collect(),
        };
        let text = "no credentials available for requested services";
        let error = Error::new(Code::MissingCredentials, text).recorded();
        Ok(Error { violations, missing: Some(Box::new(missing)), ..error })
    }
}

fn resolve(call: &Call, holdings: &Holdings, wanted: &Wanted) -> Resolution {
    let mut resolution = Resolution::default();
    for service in &wanted.services {
        let allowed = call.caller.scopes.allows_service(&service.service);
        let found = holdings.resolve(service, wanted.organization_id);
        if let Some(resolved) = found.filter(|_| allowed) {
            resolution.sources.push(resolved.source);
            resolution.credentials.push(Arc::new(resolved.credential.clone()));
        } else {
            resolution.unreadable |= allowed && holdings.is_unreadable(service, wanted.organization_id);
            resolution.missing.push(service.clone());
        }
    }
    resolution
}

/// Says of the caller's own what is to be done; of what others have, nothing.
const fn why_missing(own: Option<CredentialStatus>) -> &'static str {
    match own {
        Some(CredentialStatus::NeedsReauth) => "the account must be connected again",
        Some(CredentialStatus::Pending) => "the account that was connected must be confirmed first",
        Some(CredentialStatus::UpstreamDisabled) => "the account is switched off at the service",
        Some(CredentialStatus::Active | CredentialStatus::Inactive) | None => {
            "no credential that this caller may borrow, or outside the token's service scopes"
        }
    }
}

/// The first choice may come from a stale cache; more are made from fresh holdings, one of them after tokens were made anew.
const ATTEMPTS: usize = 6;
