//! Floor 4: every rule.
//!
//! A way in makes a [`Call`] with [`Broker::authenticate`] and hands it, with what was asked, to one method; the method
//! checks scope and values, decides with the model, writes through the store, and answers a plain value or an [`Error`]
//! with a stable code. It must know neither axum nor tonic nor SQL; it reads no clock and no randomness of its own.

pub mod admin;
pub mod applications;
pub mod audit;
mod authn;
mod authz;
mod call;
pub mod connections;
pub mod credentials;
mod development;
mod error;
pub mod figures;
mod holdings;
mod identity;
pub mod keys;
pub mod leases;
pub mod listing;
mod rate;
mod refresh;
mod services;
mod signing;
mod sweeps;
pub mod tokens;
mod usage;
mod vault;
pub mod withdrawals;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use quick_cache::sync::Cache;

use crate::{
    clock::Clock,
    egress::Egress,
    entropy::Entropy,
    issuer::Oauth,
    keyring::{Keyring, signing::SigningKey},
    model::{
        address::Reach, audit::Actor, catalog::Catalog, credential::Credential, id::CredentialId,
        instant::Instant, principal::Principal, ttl::Ttl,
    },
    store::Store,
};

use audit::Signer;
use authn::CallerCache;
use figures::DataKeyFigures;
use holdings::HoldingsCache;
use rate::RateLimit;
use refresh::Refresher;
use signing::SigningKeys;
use tokens::ClientCache;
use usage::UsageLog;
use vault::Vault;

pub use call::{Call, Caller, Origin};
pub use development::{Development, SEED_EMAIL};
pub use error::{Code, Error, MissingCredentials, Violation};
pub use refresh::Spawn;

/// The broker: one value, shared by every way in.
pub struct Broker {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    issuer_url: String,
    catalog: Arc<Catalog>,
    refresher: Arc<Refresher>,
    vault: Arc<Vault>,
    signing: SigningKeys,
    signer: Signer,
    holdings: HoldingsCache,
    callers: CallerCache,
    clients: ClientCache,
    credentials: Cache<(CredentialId, i64), Arc<Credential>>,
    rate: RateLimit<Principal>,
    failures: RateLimit<String>,
    usage: UsageLog,
    /// As of the last rewrapping.
    data_keys: ArcSwapOption<DataKeyFigures>,
}

/// Everything a broker is made of.
pub struct Parts {
    /// Rows.
    pub store: Store,
    /// Cryptography.
    pub keyring: Arc<Keyring>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Bounds.
    pub limits: Limits,
    /// The broker's own URL, without a slash at the end: the tokens' issuer and default audience.
    pub issuer_url: String,
    /// The services that credentials can be deposited for.
    pub catalog: Catalog,
    /// Calls of those services.
    pub egress: Egress,
    /// Tasks that outlive the call that began them.
    pub spawn: Spawn,
}

/// Bounds that an operator may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Live leases of one principal.
    pub max_leases_per_principal: u32,
    /// Calls a second of one principal, at each process.
    pub requests_per_second: u32,
    /// Calls at once of one principal.
    pub burst: u32,
    /// Renewals of one lease.
    pub max_renewals: u32,
    /// Seconds from a lease's start that no renewal reaches past.
    pub max_lifetime_seconds: u32,
    /// What a lease gets when the request names no ttl.
    pub default_ttl: Ttl,
    /// Where URLs of credentials may lead.
    pub url_reach: Reach,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_leases_per_principal: 1_000,
            requests_per_second: 100,
            burst: 200,
            max_renewals: 24,
            max_lifetime_seconds: 30 * 86_400,
            default_ttl: Ttl::DEFAULT,
            url_reach: Reach::Public,
        }
    }
}

impl Broker {
    /// Puts the parts together. Nothing is read: [`Broker::open_keys`] and [`Broker::prepare`] do that.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, keyring, clock, entropy, limits, issuer_url, catalog, egress, spawn } = parts;
        let vault = Vault::new(store.clone(), keyring, Arc::clone(&clock), Arc::clone(&entropy));
        let (vault, catalog) = (Arc::new(vault), Arc::new(catalog));
        let refresher = Arc::new(Refresher::new(
            (store.clone(), Arc::clone(&vault)),
            (Arc::clone(&clock), Arc::clone(&entropy)),
            (Oauth::new(egress, Arc::clone(&clock)), Arc::clone(&catalog)),
            spawn,
        ));
        let rate = RateLimit::new(limits.requests_per_second, limits.burst);
        Self {
            store,
            clock,
            entropy,
            limits,
            issuer_url,
            catalog,
            refresher,
            vault,
            signing: SigningKeys::new(),
            signer: Signer::new(),
            holdings: HoldingsCache::new(),
            callers: CallerCache::new(),
            clients: ClientCache::new(),
            credentials: Cache::new(CACHED_CREDENTIALS),
            rate,
            failures: RateLimit::new(FAILURES_PER_SECOND, FAILURE_BURST),
            usage: UsageLog::default(),
            data_keys: ArcSwapOption::const_empty(),
        }
    }

    /// Opens what the database holds under the root keys, and writes nothing: a root key that is not the one the database
    /// was made with shows here.
    ///
    /// # Errors
    /// [`Code::Sealed`] or [`Code::Internal`] when the keys don't open; [`Code::Unavailable`].
    pub async fn open_keys(&self) -> Result<(), Error> {
        self.signing.current(&self.store, &self.vault, &*self.clock).await.map(drop)
    }

    /// Makes the first signing key in a new database.
    ///
    /// # Errors
    /// As [`Broker::open_keys`].
    pub async fn prepare(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let loaded = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        if loaded.signing(now).is_none() && loaded.verifying().is_empty() {
            self.signing
                .rotate(
                    &self.store,
                    &self.vault,
                    &*self.clock,
                    &*self.entropy,
                    &Actor::system(),
                    signing::SignsFrom::AtOnce,
                )
                .await?;
        }
        Ok(())
    }

    /// Whether calls can be served: the database answers and the keys are open.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn is_ready(&self) -> Result<(), Error> {
        self.store.rows().ping().await?;
        self.signing_key().await.map(drop)
    }

    /// The key that signs now. When none is known that does, another replica may just have made one.
    pub(crate) async fn signing_key(&self) -> Result<Arc<SigningKey>, Error> {
        let keys = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        if let Some(key) = keys.signing(self.clock.now()) {
            return Ok(Arc::clone(key));
        }
        let keys = self.signing.refreshed(&self.store, &self.vault, &*self.clock).await?;
        keys.signing(self.clock.now()).cloned().ok_or_else(|| {
            let message = "no key signs access tokens: an operator makes one with \
                           `leasehold admin keys rotate-signing --at-once`";
            Error::new(Code::Unavailable, message).retry_after(30)
        })
    }

    /// The broker's own URL: the tokens' issuer and default audience.
    #[must_use]
    pub fn issuer_url(&self) -> &str {
        &self.issuer_url
    }

    /// The present moment, as every rule has it.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }
}

/// Seconds that an access token is good for.
pub const ACCESS_TOKEN_SECONDS: i64 = 3_600;
const CACHED_CREDENTIALS: usize = 10_000;
const FAILURES_PER_SECOND: u32 = 20;
const FAILURE_BURST: u32 = 100;
