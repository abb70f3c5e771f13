//! Leases, for operators and organizations' administrators.
//!
//! An operator sees leases whole, never their values. An administrator sees those that rest on the organization's
//! credentials, and of these who holds them, since when and until when, and the organization's own services: what else a
//! lease covers, and what its holder said about itself, stay invisible.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    broker::{
        Broker, Call, Code, Error, Violation,
        authz::{Authority, Authorized},
        listing::{ListRequest, Listing},
    },
    model::{
        holdings::Subject,
        id::{LeaseId, OrganizationId},
        instant::Instant,
        lease::{Lease, LeaseStatus},
        page::{ListQuery, OrderKey},
        principal::Principal,
        resolution::Source,
        scope::Operation,
        standing::LeaseFacts,
    },
    store::{
        admin::Precondition,
        backend::{LeaseFilter, TallyQuery},
        mutation::{Reach, RevokeLease},
    },
};

pub use crate::store::backend::LeaseTally;

/// Which leases to find.
#[derive(Debug, Clone, Default)]
pub struct FindLeases {
    /// Of this client, or this person who borrows with MCP tokens.
    pub principal: Option<String>,
    /// Of this client.
    pub client_id: Option<String>,
    /// Taken for this user, by the user or own clients.
    pub user_id: Option<String>,
    /// Resting on this organization's credentials; required of who is no operator.
    pub organization_id: Option<String>,
    /// Resting on this credential.
    pub credential_id: Option<String>,
    /// Covering this service.
    pub service: Option<String>,
    /// Of this server id; for operators.
    pub server_id: Option<String>,
    /// `active`, `expired` or `revoked`.
    pub status: Option<String>,
    /// Taken at this moment or later.
    pub created_from: Option<Instant>,
    /// Taken before this moment.
    pub created_before: Option<Instant>,
    /// Which part; by creation, the newest first unless told.
    pub page: ListRequest,
}

/// Which live leases to count.
#[derive(Debug, Clone, Default)]
pub struct CountLeases {
    /// Of this client, or this person who borrows with MCP tokens.
    pub principal: Option<String>,
    /// Resting on this organization's credentials, by its own services alone; required of who is no operator.
    pub organization_id: Option<String>,
    /// Covering this service.
    pub service: Option<String>,
    /// Which part.
    pub page: ListRequest,
}

/// A lease, as far as the caller may see it.
#[derive(Debug, Clone)]
pub struct VisibleLease {
    /// The lease, as recorded.
    pub lease: Lease,
    /// What it is at this moment; one whose entitlement is to be re-checked counts as active.
    pub status: LeaseStatus,
    /// What it rests on: all, or what is the organization's.
    pub sources: Vec<Source>,
    /// Whether the rest is the caller's to see: an operator's.
    pub whole: bool,
}

/// A lease that an administrator or operator ended.
#[derive(Debug, Clone)]
pub struct EndedLease {
    /// Which.
    pub lease_id: LeaseId,
    /// When it ended: the first revocation's time, or when it ran out.
    pub ended_at: Instant,
}

/// What somebody sees of leases.
struct Sight {
    /// By organizations; everything when none.
    through: Option<BTreeSet<OrganizationId>>,
}

impl Broker {
    /// Finds leases. For operators; for an organization's administrators those that rest on its credentials.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] that names each wrong filter; [`Code::Forbidden`].
    pub async fn find_leases(
        &self,
        call: &Call,
        request: FindLeases,
    ) -> Result<Listing<VisibleLease>, Error> {
        let sight = self.sight_by(call, Operation::AdminRead, request.organization_id.as_deref()).await?;
        let (order, after, size) = newest_first(&request.page).read(&[OrderKey::CreatedAt])?;
        let filter = request.filter(self.clock.now(), sight.through.is_some())?;
        let query = ListQuery { filter, order, after, size };
        let page = self.store.rows().search_leases(&query).await?;
        let ids: Vec<LeaseId> = page.items.iter().map(|facts| facts.lease.id).collect();
        let mut sources: BTreeMap<LeaseId, Vec<Source>> = BTreeMap::new();
        for (id, source) in self.store.rows().list_sources(&ids).await? {
            sources.entry(id).or_default().push(source);
        }
        Ok(Listing::of(order, page).map(|facts| {
            let sources = sources.remove(&facts.lease.id).unwrap_or_default();
            self.visible(&sight, facts, sources)
        }))
    }

    /// Counts live leases by principal and service. For operators; for an organization's administrators by its services.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] that names each wrong filter; [`Code::Forbidden`].
    pub async fn count_leases(
        &self,
        call: &Call,
        request: CountLeases,
    ) -> Result<Listing<LeaseTally>, Error> {
        self.sight_by(call, Operation::AdminRead, request.organization_id.as_deref()).await?;
        let (order, after, size) = request.page.read(&[OrderKey::CreatedAt])?;
        let mut wrong = Vec::new();
        let query = TallyQuery {
            now: self.clock.now(),
            principal: parsed(request.principal.as_deref(), "principal", &mut wrong),
            organization_id: parsed(request.organization_id.as_deref(), "organization_id", &mut wrong),
            service: parsed(request.service.as_deref(), "service", &mut wrong),
            after,
            size,
        };
        if !wrong.is_empty() {
            return Err(Error::invalid(wrong));
        }
        Ok(Listing::of(order, self.store.rows().tally_leases(&query).await?))
    }

    /// Shows a lease, as far as the caller may see it; never a value.
    ///
    /// # Errors
    /// [`Code::NotFound`] for what is not there, malformed, or rests on nothing of the caller's, alike.
    pub async fn inspect_lease(&self, call: &Call, id: &str) -> Result<VisibleLease, Error> {
        let (facts, sources) = self.lease_in_question(call, Operation::AdminRead, id).await?;
        if call.caller.subject == Subject::Operator {
            return Ok(self.visible(&Sight { through: None }, facts, sources));
        }
        let mut through = BTreeSet::new();
        for organization in organizations(&sources) {
            if self.administers(call, Operation::AdminRead, organization).await?.is_some() {
                through.insert(organization);
            }
        }
        if through.is_empty() {
            return Err(Error::not_found("lease"));
        }
        Ok(self.visible(&Sight { through: Some(through) }, facts, sources))
    }

    /// Ends a lease, whole, with a reason. Again is answered as the first time: the first reason and time stand.
    ///
    /// # Errors
    /// [`Code::NotFound`] as [`Broker::inspect_lease`]; [`Code::InvalidRequest`] without a reason.
    pub async fn end_lease(&self, call: &Call, id: &str, reason: &str) -> Result<EndedLease, Error> {
        let (facts, sources) = self.lease_in_question(call, Operation::AdminRevoke, id).await?;
        check_reason(reason)?;
        let revoke = RevokeLease {
            actor: call.actor(),
            bearer: call.bearer(),
            lease_id: facts.lease.id,
            reason: reason.trim().to_owned(),
            reach: self.reach(call, &sources).await?,
        };
        let revoked = self.store.revoke_lease(revoke).await?;
        let revoked = revoked.map_err(|refusal| self.refused(call, refusal))?;
        Ok(EndedLease { lease_id: revoked.lease.id, ended_at: revoked.ended_at })
    }

    async fn reach(&self, call: &Call, sources: &[Source]) -> Result<Reach, Error> {
        if call.caller.subject == Subject::Operator {
            return Ok(Reach::Any);
        }
        for organization in organizations(sources) {
            let found = self.administers(call, Operation::AdminRevoke, organization).await?;
            if let Some(Authorized { mut preconditions, .. }) = found {
                // The bearer is judged with every mutation.
                preconditions.retain(|precondition| !matches!(precondition, Precondition::Stands(_)));
                return Ok(Reach::RestingOn(organization, preconditions));
            }
        }
        Err(Error::not_found("lease"))
    }

    /// The lease, for a caller with the scope who may or may not see it.
    async fn lease_in_question(
        &self,
        call: &Call,
        scope: Operation,
        id: &str,
    ) -> Result<(LeaseFacts, Vec<Source>), Error> {
        call.require(scope)?;
        self.check_token(call).await?;
        let id: LeaseId = id.parse().map_err(|_| Error::not_found("lease"))?;
        let (_, facts) = self.store.facts(call.caller.token_id, Some(id)).await?;
        let facts = facts.ok_or_else(|| Error::not_found("lease"))?;
        let sources = self.store.rows().list_sources(&[id]).await?;
        Ok((facts, sources.into_iter().map(|(_, source)| source).collect()))
    }

    /// The caller as an administrator of the organization; none for who is not.
    async fn administers(
        &self,
        call: &Call,
        scope: Operation,
        organization: OrganizationId,
    ) -> Result<Option<Authorized>, Error> {
        match self.administrator_of(call, scope, &organization.to_string()).await {
            Ok((_, authorized)) => Ok(Some(authorized)),
            Err(error) if matches!(error.code, Code::NotFound | Code::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What a caller who names this organization, or none, sees of leases.
    async fn sight_by(
        &self,
        call: &Call,
        scope: Operation,
        organization: Option<&str>,
    ) -> Result<Sight, Error> {
        let Some(organization) = organization else {
            self.operator(call, scope).await.map_err(|error| match error.code {
                Code::Forbidden => {
                    Error::new(Code::Forbidden, "name your organization; only an operator sees all leases")
                }
                _ => error,
            })?;
            return Ok(Sight { through: None });
        };
        let (id, authorized) = self.administrator_of(call, scope, organization).await?;
        let operator = authorized.authority == Authority::Operator;
        Ok(Sight { through: (!operator).then(|| BTreeSet::from([id])) })
    }

    fn visible(&self, sight: &Sight, facts: LeaseFacts, mut sources: Vec<Source>) -> VisibleLease {
        if let Some(organizations) = &sight.through {
            sources.retain(|source| source.organization_id().is_some_and(|id| organizations.contains(&id)));
        }
        let status = facts.status(self.clock.now());
        VisibleLease { lease: facts.lease, status, sources, whole: sight.through.is_none() }
    }
}

impl FindLeases {
    fn filter(&self, now: Instant, own_alone: bool) -> Result<LeaseFilter, Error> {
        let mut wrong = Vec::new();
        let client = parsed(self.client_id.as_deref(), "client_id", &mut wrong);
        let client = client.map(Principal::Client);
        let principal = parsed(self.principal.as_deref(), "principal", &mut wrong);
        if principal.is_some() && client.is_some() && principal != client {
            wrong.push(Violation::new("client_id", "is another than the principal"));
        }
        if own_alone && self.server_id.is_some() {
            wrong.push(Violation::new(
                "server_id",
                "is for operators: the holder's name for itself is its own",
            ));
        }
        let filter = LeaseFilter {
            now,
            principal: principal.or(client),
            user_id: parsed(self.user_id.as_deref(), "user_id", &mut wrong),
            organization_id: parsed(self.organization_id.as_deref(), "organization_id", &mut wrong),
            own_alone,
            credential_id: parsed(self.credential_id.as_deref(), "credential_id", &mut wrong),
            service: parsed(self.service.as_deref(), "service", &mut wrong),
            server_id: self.server_id.clone(),
            status: parsed(self.status.as_deref(), "status", &mut wrong),
            created_from: self.created_from,
            created_before: self.created_before,
        };
        if wrong.is_empty() { Ok(filter) } else { Err(Error::invalid(wrong)) }
    }
}

fn parsed<T: std::str::FromStr<Err: ToString>>(
    text: Option<&str>,
    field: &str,
    wrong: &mut Vec<Violation>,
) -> Option<T> {
    let read = text.filter(|text| !text.is_empty())?.parse::<T>();
    read.map_err(|error| wrong.push(Violation::new(field, error.to_string()))).ok()
}

fn newest_first(page: &ListRequest) -> ListRequest {
    let order_by = page.order_by.clone().filter(|order| !order.trim().is_empty());
    ListRequest { order_by: order_by.or_else(|| Some("created_at desc".to_owned())), ..page.clone() }
}

fn organizations(sources: &[Source]) -> BTreeSet<OrganizationId> {
    sources.iter().filter_map(Source::organization_id).collect()
}

fn check_reason(reason: &str) -> Result<(), Error> {
    let fits = (1..=500).contains(&reason.trim().chars().count()) && !reason.chars().any(char::is_control);
    let text = "must have 1 to 500 characters, no control characters";
    if fits { Ok(()) } else { Err(Error::invalid(vec![Violation::new("reason", text)])) }
}
