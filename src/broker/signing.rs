//! The keys that sign access tokens: loaded, rotated with overlap, published.
//!
//! A new key is published a while before it signs, so that verifiers have it when its first token arrives; an old one
//! stays published until the last token it signed has run out.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::{
    clock::Clock,
    entropy::Entropy,
    keyring::signing::{PublicJwk, SigningKey, VerifyingKey},
    model::{
        audit::{Actor, AuditRecord, EventName},
        id::SigningKeyId,
        instant::Instant,
        owner::Owner,
        token::TokenReading,
    },
    store::{
        Store, StoreError,
        admin::{AdminChange, Change, StoredSigningKey},
    },
};

use super::{ACCESS_TOKEN_SECONDS, Error, vault::Vault};

/// When a new key begins to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignsFrom {
    /// At once: verifiers that keep the published keys meet tokens of a key that they have to look up.
    AtOnce,
    /// Once it was published for a while.
    Published,
}

/// The keys, as last loaded.
pub(crate) struct SigningKeys {
    loaded: ArcSwapOption<Loaded>,
    /// One load at a time.
    loading: tokio::sync::Mutex<()>,
}

/// A set of keys, usable as it is.
pub(crate) struct Loaded {
    keys: Vec<(StoredSigningKey, Arc<SigningKey>)>,
    verifying: Vec<VerifyingKey>,
    /// How many keys had been withdrawn when these were read.
    withdrawals: i64,
    at: Instant,
}

impl Loaded {
    /// Every published key.
    pub(crate) fn verifying(&self) -> &[VerifyingKey] {
        &self.verifying
    }

    /// Every published key, as a JWK.
    pub(crate) fn jwks(&self) -> Vec<PublicJwk> {
        self.verifying.iter().map(VerifyingKey::jwk).collect()
    }

    /// How many keys had been withdrawn when these were read.
    pub(crate) const fn withdrawals(&self) -> i64 {
        self.withdrawals
    }

    /// The key that signs at `now`: the newest that may. One that a newer key is to follow goes on until that one may.
    pub(crate) fn signing(&self, now: Instant) -> Option<&Arc<SigningKey>> {
        self.newest(now).map(|(_, key)| key)
    }

    /// The key that signs the heads of audit chains: the same, or, while none may sign tokens yet, the first that will.
    /// Whoever verifies a head has the keys from the database, so that one need not have been published for a while.
    pub(crate) fn vouching(&self, now: Instant) -> Option<&Arc<SigningKey>> {
        let first = || self.keys.iter().min_by_key(|(stored, _)| stored.signs_from).map(|(_, key)| key);
        self.signing(now).or_else(first)
    }

    /// When the key was made that signs at `now`.
    pub(crate) fn signing_since(&self, now: Instant) -> Option<Instant> {
        self.newest(now).map(|(stored, _)| stored.created_at)
    }

    fn newest(&self, now: Instant) -> Option<&(StoredSigningKey, Arc<SigningKey>)> {
        let may = |stored: &StoredSigningKey| stored.signs_from <= now;
        self.keys.iter().filter(|(stored, _)| may(stored)).max_by_key(|(stored, _)| stored.precedence())
    }
}

impl SigningKeys {
    pub(crate) const fn new() -> Self {
        Self { loaded: ArcSwapOption::const_empty(), loading: tokio::sync::Mutex::const_new(()) }
    }

    /// The keys, read anew when they were read longer than a bounded time ago.
    pub(crate) async fn current(
        &self,
        store: &Store,
        vault: &Vault,
        clock: &dyn Clock,
    ) -> Result<Arc<Loaded>, Error> {
        let now = clock.now();
        if let Some(loaded) = self.loaded.load_full().filter(|loaded| loaded.is_fresh(now, REFRESH_SECONDS)) {
            return Ok(loaded);
        }
        let reloaded = self.reload(store, vault, clock, REFRESH_SECONDS).await;
        // While the database is away, known keys go on verifying: every use asks the database anyway.
        reloaded.or_else(|error| self.loaded.load_full().ok_or(error))
    }

    /// Whether a token was read with the keys that are known now; of another, the signature is checked anew.
    pub(crate) fn may_have_read(&self, reading: TokenReading) -> bool {
        let loaded = self.loaded.load();
        let known = loaded.as_ref().map(|loaded| loaded.withdrawals);
        reading.withdrawals.is_none() || (known.is_some() && reading.withdrawals == known)
    }

    /// Has the keys read anew at their next use.
    pub(crate) fn forget(&self) {
        self.loaded.store(None);
    }

    /// The keys for a token whose key is unknown: another replica may just have made it.
    pub(crate) async fn refreshed(
        &self,
        store: &Store,
        vault: &Vault,
        clock: &dyn Clock,
    ) -> Result<Arc<Loaded>, Error> {
        self.reload(store, vault, clock, UNKNOWN_KEY_SECONDS).await
    }

    /// Makes a new key and retires the others: each stays published until its last token has run out.
    pub(crate) async fn rotate(
        &self,
        store: &Store,
        vault: &Vault,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
        actor: &Actor,
        signs_from: SignsFrom,
    ) -> Result<SigningKeyId, Error> {
        let now = clock.now();
        let actor = &Actor { owner: Some(Owner::System), ..actor.clone() };
        let old = store.rows().list_signing_keys(now).await?;
        let waits = signs_from == SignsFrom::Published && !old.is_empty();
        let signs_from = if waits { now.plus_seconds(PUBLISHED_BEFORE_SECONDS) } else { now };
        let id = create(store, vault, entropy, actor, (now, signs_from)).await?;
        for key in old.iter().filter(|key| key.retires_at.is_none()) {
            let retires_at = signs_from.plus_seconds(ACCESS_TOKEN_SECONDS + PUBLISHED_BEFORE_SECONDS);
            let record = AuditRecord::success(EventName::KeyRotated, actor, key.id, now)
                .with("kind", "retire_signing");
            store
                .administer(AdminChange::of(Change::RetireSigningKey(key.id, retires_at), vec![record]))
                .await?;
        }
        self.loaded.store(None);
        Ok(id)
    }

    async fn reload(
        &self,
        store: &Store,
        vault: &Vault,
        clock: &dyn Clock,
        max_age: i64,
    ) -> Result<Arc<Loaded>, Error> {
        let _one_at_a_time = self.loading.lock().await;
        let now = clock.now();
        if let Some(loaded) = self.loaded.load_full().filter(|loaded| loaded.is_fresh(now, max_age)) {
            return Ok(loaded);
        }
        let known = self.loaded.load_full();
        // Read before the keys: a withdrawal in between shows as one that was not seen.
        let withdrawals = store.rows().count_withdrawals().await?;
        let mut keys = Vec::new();
        for stored in store.rows().list_signing_keys(now).await? {
            let opened = known.as_ref().and_then(|loaded| loaded.find(stored.id));
            let key = match opened {
                Some(key) => key,
                None => Arc::new(open(vault, &stored).await?),
            };
            keys.push((stored, key));
        }
        let verifying = keys.iter().map(|(_, key)| key.verifying_key().clone()).collect();
        let loaded = Arc::new(Loaded { keys, verifying, withdrawals, at: now });
        self.loaded.store(Some(Arc::clone(&loaded)));
        Ok(loaded)
    }
}

impl Loaded {
    const fn is_fresh(&self, now: Instant, max_age: i64) -> bool {
        now.micros_since(self.at) < max_age * 1_000_000
    }

    fn find(&self, id: SigningKeyId) -> Option<Arc<SigningKey>> {
        self.keys.iter().find(|(stored, _)| stored.id == id).map(|(_, key)| Arc::clone(key))
    }
}

async fn open(vault: &Vault, stored: &StoredSigningKey) -> Result<SigningKey, Error> {
    let pkcs8 = vault.open_signing_key(stored.id, &stored.sealed).await?;
    SigningKey::from_pkcs8(stored.id, &pkcs8).map_err(Error::internal)
}

async fn create(
    store: &Store,
    vault: &Vault,
    entropy: &dyn Entropy,
    actor: &Actor,
    (now, signs_from): (Instant, Instant),
) -> Result<SigningKeyId, Error> {
    let id: SigningKeyId = entropy.id(now);
    let (key, pkcs8) = SigningKey::generate(id).map_err(Error::internal)?;
    let sealed = vault.seal_signing_key(id, &pkcs8).await?;
    let public_jwk = serde_json::to_string(&key.verifying_key().jwk()).map_err(Error::internal)?;
    let stored = StoredSigningKey { id, sealed, public_jwk, created_at: now, signs_from, retires_at: None };
    let record = AuditRecord::success(EventName::KeyRotated, actor, id, now).with("kind", "signing");
    let created = store.administer(AdminChange::of(Change::CreateSigningKey(stored), vec![record])).await;
    match created {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(id),
        Err(error) => Err(error.into()),
    }
}

/// How long loaded keys serve before they are read again; also what a rotation waits before a new key signs.
const REFRESH_SECONDS: i64 = 30;
/// How often an unknown key may cause a reading.
const UNKNOWN_KEY_SECONDS: i64 = 1;
/// How long a new key is published before it signs.
const PUBLISHED_BEFORE_SECONDS: i64 = 2 * REFRESH_SECONDS;
