//! Refreshing: tokens made anew before they run out, by one refresher in the whole cluster.
//!
//! Owns who refreshes and when (a claim in the row, one flight in the process), what is written down before the service is
//! asked, and what becomes of the credential by its answer. It must not know how a service is asked, which is the issuers'.
//!
//! The order of things is what survives a crash: the attempt is written down, then the service is asked, then what came is
//! durable, and only then anybody gets it. No lock of the database is held while the service is asked.

mod attempt;
mod claim;
mod due;
mod error;
mod flight;
mod material;
mod settle;
mod waiting;

use std::{pin::Pin, sync::Arc};

use crate::{
    clock::Clock,
    entropy::Entropy,
    issuer::Oauth,
    model::{
        catalog::{Catalog, issuing::IssuerKind},
        credential::Credential,
        grant::Grant,
        id::CredentialId,
        instant::Instant,
        ttl::Ttl,
    },
    store::{Store, StoreError},
};

use super::{Error, vault::Vault};

pub(crate) use error::RefreshError;
pub(crate) use material::{Made, Material, lent};

use flight::Flights;

/// Runs a task that the end of the process waits for.
pub type Spawn = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// See the module.
pub(crate) struct Refresher {
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) oauth: Oauth,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) spawn: Spawn,
    flights: Flights,
}

/// Why a token shall be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It is about to be lent for a ttl.
    Lending(Ttl),
    /// A chore found it due.
    Due,
    /// A borrower says that the service refused this version.
    Reported(i64),
}

impl Need {
    /// Whether it still stands, as the rows are now.
    fn stands(self, credential: &Credential, grant: &Grant, now: Instant) -> bool {
        match self {
            Self::Lending(ttl) => credential.needs_refresh(ttl, now),
            Self::Due => grant.due_at.is_some_and(|due| due <= now),
            Self::Reported(version) => {
                let recently = |at: Instant| now.micros_since(at) < BETWEEN_REPORTS_MICROS;
                credential.version == version && !grant.reported_at.is_some_and(recently)
            }
        }
    }
}

impl Refresher {
    pub(crate) fn new(
        (store, vault): (Store, Arc<Vault>),
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
        (oauth, catalog): (Oauth, Arc<Catalog>),
        spawn: Spawn,
    ) -> Self {
        Self { store, vault, clock, entropy, oauth, catalog, spawn, flights: Flights::default() }
    }

    /// The credential with a token that serves the need, made anew if it must be. Calls for the same credential share one
    /// refresh, and it goes on when they give up.
    pub(crate) async fn refreshed(
        self: &Arc<Self>,
        id: CredentialId,
        need: Need,
    ) -> Result<Credential, RefreshError> {
        let (credential, grant) = self.load(id).await?;
        if !need.stands(&credential, &grant, self.clock.now()) {
            return Ok(credential);
        }
        let patience = waiting::patience(&credential, self.clock.now());
        self.fly(id, need, patience).await?;
        let (credential, _) = self.load(id).await?;
        Ok(credential)
    }

    /// A credential and what makes its tokens, as they are now. The grant is read first: a refresh between the two makes
    /// the credential the newer one, and is seen; the other way round it would be missed.
    async fn load(&self, id: CredentialId) -> Result<(Credential, Grant), RefreshError> {
        let grant = self.store.rows().find_grant(id).await.map_err(Error::from)?;
        let credential = self.store.rows().load_credentials(&[id]).await.map_err(Error::from)?.pop();
        let credential = credential.ok_or(RefreshError::Gone)?.map_err(Error::from)?;
        match grant {
            Some(grant) => Ok((credential, grant)),
            // A new deposit is lent as it is.
            None if matches!(credential.issuer, IssuerKind::Static | IssuerKind::Signed) => {
                Err(RefreshError::Gone)
            }
            None => Err(Error::internal(StoreError::Missing("the grant of a credential")).into()),
        }
    }

    /// A random number to spread things by.
    fn jitter(&self) -> u16 {
        u16::from_be_bytes(self.entropy.bytes())
    }
}

/// A report makes one refresh in that time at most.
const BETWEEN_REPORTS_MICROS: i64 = 30_000_000;
