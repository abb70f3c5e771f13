//! The vault: values sealed and opened, each under its owner's own data key.
//!
//! Joins the store (which keeps wrapped keys and envelopes) and the keyring (which opens them). Data keys are kept
//! unwrapped in a bounded cache: that saves cryptography, never a decision.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde_json::{Map, Value};

use crate::{
    clock::Clock,
    entropy::Entropy,
    keyring::{Keyring, KeyringError, context::Context, data_key::DataKey, data_key_of},
    model::{
        application::Application,
        audit::{Actor, AuditRecord, EventName},
        credential::{Credential, Fields},
        grant::Grant,
        id::{CredentialId, DataKeyId, MintedTokenId, SigningKeyId},
        minted::MintedToken,
        owner::Owner,
        sealed::Sealed,
        secret::{SecretBytes, SecretText},
        service::ServiceName,
    },
    store::{
        Store, StoreError,
        admin::{AdminChange, Change, WrappedDataKey},
    },
    telemetry::current_request_id,
};

use super::{Error, error::Code};

/// Seals and opens; see the module.
pub(crate) struct Vault {
    store: Store,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: Cache<DataKeyId, Arc<DataKey>>,
}

impl Vault {
    pub(crate) fn new(
        store: Store,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { store, keyring, clock, entropy, keys: Cache::new(CACHED_KEYS) }
    }

    /// Whether the first root key wraps a data key.
    pub(crate) fn is_under_first(&self, key: &WrappedDataKey) -> bool {
        self.keyring.is_under_first(&key.wrapped).unwrap_or(false)
    }

    /// The ids of the root keys at hand; the first wraps.
    pub(crate) fn root_keys(&self) -> Vec<String> {
        self.keyring.root_keys().ids().map(ToOwned::to_owned).collect()
    }

    /// Opens a credential's fields.
    pub(crate) async fn open_credential(&self, credential: &Credential) -> Result<Fields, Error> {
        let row = credential.id.to_string();
        let context = credential_context(credential.owner, &row, credential.version);
        let opened = self.open(credential.owner, &context, &credential.sealed).await?;
        let text = String::from_utf8(opened.expose().to_vec()).map_err(Error::internal_corrupt)?;
        Ok(Fields::new(SecretText::new(text)))
    }

    /// Seals a credential's fields for a version of it.
    pub(crate) async fn seal_credential(
        &self,
        owner: Owner,
        id: CredentialId,
        version: i64,
        fields: &Map<String, Value>,
    ) -> Result<Sealed, Error> {
        let row = id.to_string();
        let text = SecretText::new(serde_json::to_string(fields).map_err(Error::internal_corrupt)?);
        self.seal(owner, &credential_context(owner, &row, version), text.expose().as_bytes()).await
    }

    /// Opens what a grant holds.
    pub(crate) async fn open_grant(&self, grant: &Grant) -> Result<Fields, Error> {
        let row = grant.credential_id.to_string();
        let context = grant_context(grant.owner, &row, grant.version);
        let opened = self.open(grant.owner, &context, &grant.sealed).await?;
        let text = String::from_utf8(opened.expose().to_vec()).map_err(Error::internal_corrupt)?;
        Ok(Fields::new(SecretText::new(text)))
    }

    /// Seals what a grant holds, for a version of it.
    pub(crate) async fn seal_grant(
        &self,
        owner: Owner,
        id: CredentialId,
        version: i64,
        values: &Map<String, Value>,
    ) -> Result<Sealed, Error> {
        let row = id.to_string();
        self.seal(owner, &grant_context(owner, &row, version), Fields::of(values).json().as_bytes()).await
    }

    /// Moves a grant's envelope to the owner's newest data key; none when it is there already.
    pub(crate) async fn reseal_grant(&self, grant: &Grant) -> Result<Option<Sealed>, Error> {
        let row = grant.credential_id.to_string();
        let context = grant_context(grant.owner, &row, grant.version);
        self.reseal(grant.owner, &context, &grant.sealed).await
    }

    /// Opens a token that was made for one lease; `sealed` is the row's.
    pub(crate) async fn open_minted(
        &self,
        token: &MintedToken,
        sealed: &Sealed,
    ) -> Result<SecretText, Error> {
        let row = token.id.to_string();
        let opened = self.open(token.owner, &minted_context(token.owner, &row), sealed).await?;
        String::from_utf8(opened.expose().to_vec()).map(SecretText::new).map_err(Error::internal_corrupt)
    }

    /// Seals a token that was made for one lease.
    pub(crate) async fn seal_minted(
        &self,
        owner: Owner,
        id: MintedTokenId,
        token: &SecretText,
    ) -> Result<Sealed, Error> {
        let row = id.to_string();
        self.seal(owner, &minted_context(owner, &row), token.expose().as_bytes()).await
    }

    /// Opens an application's secret.
    pub(crate) async fn open_application(&self, application: &Application) -> Result<SecretText, Error> {
        let row = application.service.to_string();
        let context = application_context(application.owner, &row, application.version);
        let opened = self.open(application.owner, &context, &application.sealed).await?;
        String::from_utf8(opened.expose().to_vec()).map(SecretText::new).map_err(Error::internal_corrupt)
    }

    /// Seals an application's secret, for a version of it.
    pub(crate) async fn seal_application(
        &self,
        owner: Owner,
        service: &ServiceName,
        version: i64,
        secret: &SecretText,
    ) -> Result<Sealed, Error> {
        let row = service.to_string();
        self.seal(owner, &application_context(owner, &row, version), secret.expose().as_bytes()).await
    }

    /// Moves an application's envelope to the owner's newest data key; none when it is there already.
    pub(crate) async fn reseal_application(
        &self,
        application: &Application,
    ) -> Result<Option<Sealed>, Error> {
        let row = application.service.to_string();
        let context = application_context(application.owner, &row, application.version);
        self.reseal(application.owner, &context, &application.sealed).await
    }

    /// Opens the private part of a signing key.
    pub(crate) async fn open_signing_key(
        &self,
        id: SigningKeyId,
        sealed: &Sealed,
    ) -> Result<SecretBytes, Error> {
        let row = id.to_string();
        self.open(Owner::System, &signing_key_context(&row), sealed).await
    }

    /// Seals the private part of a signing key.
    pub(crate) async fn seal_signing_key(
        &self,
        id: SigningKeyId,
        pkcs8: &SecretBytes,
    ) -> Result<Sealed, Error> {
        let row = id.to_string();
        self.seal(Owner::System, &signing_key_context(&row), pkcs8.expose()).await
    }

    /// Moves a credential's envelope to the owner's newest data key; none when it is there already.
    pub(crate) async fn reseal_credential(&self, credential: &Credential) -> Result<Option<Sealed>, Error> {
        let row = credential.id.to_string();
        let context = credential_context(credential.owner, &row, credential.version);
        self.reseal(credential.owner, &context, &credential.sealed).await
    }

    /// Moves a signing key's envelope to the system's newest data key; none when it is there already.
    pub(crate) async fn reseal_signing_key(
        &self,
        id: SigningKeyId,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, Error> {
        let row = id.to_string();
        self.reseal(Owner::System, &signing_key_context(&row), sealed).await
    }

    /// Makes a newer data key for an owner; what is sealed from now on is sealed under it.
    pub(crate) async fn rotate_data_key(&self, owner: Owner, actor: &Actor) -> Result<DataKeyId, Error> {
        let newest = self.store.rows().list_data_keys(owner).await?.first().map_or(0, |key| key.version);
        self.create_data_key(owner, newest + 1, actor).await.map(|key| key.id())
    }

    /// Wraps a data key under the first root key; false when it is already.
    pub(crate) async fn rewrap_data_key(&self, key: &WrappedDataKey, actor: &Actor) -> Result<bool, Error> {
        let rewrapped = self.keyring.rewrap_data_key(key.id, key.owner, &key.wrapped);
        let Some(to) = rewrapped.map_err(|error| unopened(key.owner, error))? else { return Ok(false) };
        let change = Change::RewrapDataKey { id: key.id, from: key.wrapped.clone(), to };
        let record = AuditRecord::success(EventName::KeyRotated, actor, key.id, self.clock.now());
        let record = record.with("kind", "rewrap");
        Ok(self.store.administer(AdminChange::of(change, vec![record])).await? > 0)
    }

    async fn open(&self, owner: Owner, context: &Context<'_>, sealed: &Sealed) -> Result<SecretBytes, Error> {
        let id = data_key_of(sealed).map_err(|error| unopened(owner, error))?;
        let key = self.key(owner, id).await?;
        self.keyring.open(&key, context, sealed).map_err(|error| unopened(owner, error))
    }

    async fn seal(&self, owner: Owner, context: &Context<'_>, plaintext: &[u8]) -> Result<Sealed, Error> {
        let key = self.newest_key(owner).await?;
        Ok(self.keyring.seal(&key, context, plaintext))
    }

    async fn reseal(
        &self,
        owner: Owner,
        context: &Context<'_>,
        sealed: &Sealed,
    ) -> Result<Option<Sealed>, Error> {
        let id = data_key_of(sealed).map_err(|error| unopened(owner, error))?;
        let (from, to) = (self.key(owner, id).await?, self.newest_key(owner).await?);
        if from.id() == to.id() {
            return Ok(None);
        }
        self.keyring.rewrap(&from, &to, context, sealed).map(Some).map_err(|error| unopened(owner, error))
    }

    async fn key(&self, owner: Owner, id: DataKeyId) -> Result<Arc<DataKey>, Error> {
        if let Some(key) = self.keys.get(&id) {
            return Ok(key);
        }
        let stored = self.store.rows().list_data_keys(owner).await?;
        let wrapped = stored.iter().find(|key| key.id == id);
        let wrapped =
            wrapped.ok_or_else(|| Error::internal(StoreError::Missing("the data key of a value")))?;
        self.unwrap(wrapped)
    }

    /// The key that seals. Always read, since another process may have rotated it.
    async fn newest_key(&self, owner: Owner) -> Result<Arc<DataKey>, Error> {
        match self.store.rows().list_data_keys(owner).await?.first() {
            Some(newest) => self.unwrap(newest),
            None => self.create_data_key(owner, 1, &Actor::system()).await,
        }
    }

    async fn create_data_key(
        &self,
        owner: Owner,
        version: i64,
        actor: &Actor,
    ) -> Result<Arc<DataKey>, Error> {
        let now = self.clock.now();
        let id: DataKeyId = self.entropy.id(now);
        let (key, wrapped) = self.keyring.new_data_key(owner, id);
        let actor = Actor { owner: Some(owner), ..actor.clone() };
        let record = AuditRecord::success(EventName::KeyRotated, &actor, id, now).with("kind", "data_key");
        let change = Change::CreateDataKey(WrappedDataKey { id, owner, version, wrapped, created_at: now });
        match self.store.administer(AdminChange::of(change, vec![record])).await {
            Ok(_) => {
                let key = Arc::new(key);
                self.keys.insert(id, Arc::clone(&key));
                Ok(key)
            }
            // Another call was first: its key is the one.
            Err(StoreError::Conflict { .. }) => {
                let stored = self.store.rows().list_data_keys(owner).await?;
                let winner =
                    stored.first().ok_or_else(|| Error::internal(StoreError::Missing("the data key")))?;
                self.unwrap(winner)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn unwrap(&self, stored: &WrappedDataKey) -> Result<Arc<DataKey>, Error> {
        if let Some(key) = self.keys.get(&stored.id) {
            return Ok(key);
        }
        let key = self.keyring.unwrap_data_key(stored.id, stored.owner, &stored.wrapped);
        let key = Arc::new(key.map_err(|error| unopened(stored.owner, error))?);
        self.keys.insert(stored.id, Arc::clone(&key));
        Ok(key)
    }
}

fn credential_context(owner: Owner, row: &str, version: i64) -> Context<'_> {
    Context { table: "credentials", owner, row, column: "sealed", version }
}

const fn grant_context(owner: Owner, row: &str, version: i64) -> Context<'_> {
    Context { table: "grants", owner, row, column: "sealed", version }
}

const fn minted_context(owner: Owner, row: &str) -> Context<'_> {
    Context { table: "minted_tokens", owner, row, column: "sealed", version: 1 }
}

const fn application_context(owner: Owner, row: &str, version: i64) -> Context<'_> {
    Context { table: "applications", owner, row, column: "sealed", version }
}

const fn signing_key_context(row: &str) -> Context<'_> {
    Context { table: "signing_keys", owner: Owner::System, row, column: "sealed", version: 1 }
}

/// A value that does not open: a missing root key seals everything, the rest is damage to this one row.
fn unopened(owner: Owner, error: KeyringError) -> Error {
    let request_id = current_request_id();
    match error {
        KeyringError::UnknownKey { .. } => {
            tracing::error!(request_id = request_id.as_deref(), %owner, %error, "a value needs a key that is not there");
            Error::new(Code::Sealed, "the broker lacks the key that this value is sealed with")
                .retry_after(30)
        }
        KeyringError::Malformed | KeyringError::Tampered => {
            tracing::error!(request_id = request_id.as_deref(), %owner, %error, "a sealed value does not open");
            Error::internal(error)
        }
    }
}

const CACHED_KEYS: usize = 10_000;
