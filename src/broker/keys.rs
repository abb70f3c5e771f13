//! Keys, online: rotating signing and data keys, rewrapping under a new root key, in bounded and resumable steps.

use std::sync::Arc;

use crate::model::{
    audit::{Actor, AuditRecord, EventName},
    id::{CredentialId, DataKeyId, SigningKeyId},
    owner::Owner,
};
use crate::store::admin::{AdminChange, Change, GrantChange};

use super::{Broker, Code, Error, figures::DataKeyFigures, signing::SignsFrom};

/// What became of an owner's values when its data key was rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotatedDataKey {
    /// The new key.
    pub key_id: DataKeyId,
    /// Values that moved under it.
    pub resealed: u64,
}

impl Broker {
    /// Makes a new signing key; the others stay published until their last token has run out. It is published for a while
    /// before it signs.
    ///
    /// # Errors
    /// What the database said.
    pub async fn rotate_signing_key(&self, actor: &Actor) -> Result<SigningKeyId, Error> {
        self.make_signing_key(actor, SignsFrom::Published).await
    }

    pub(super) async fn make_signing_key(
        &self,
        actor: &Actor,
        signs_from: SignsFrom,
    ) -> Result<SigningKeyId, Error> {
        self.signing.rotate(&self.store, &self.vault, &*self.clock, &*self.entropy, actor, signs_from).await
    }

    /// Gives an owner a new data key and moves everything of the owner's under it, step by step. Stopped in the middle,
    /// it is finished by the next call: both keys open.
    ///
    /// # Errors
    /// What the database said, or a value that does not open.
    pub async fn rotate_data_key(&self, owner: Owner, actor: &Actor) -> Result<RotatedDataKey, Error> {
        let key_id = self.vault.rotate_data_key(owner, actor).await?;
        Ok(RotatedDataKey { key_id, resealed: self.reseal(owner, actor).await? })
    }

    /// Moves everything of an owner's under the newest data key; answers how many values moved.
    ///
    /// # Errors
    /// What the database said, or a value that does not open.
    pub async fn reseal(&self, owner: Owner, actor: &Actor) -> Result<u64, Error> {
        let mut moved = 0;
        let mut after: Option<CredentialId> = None;
        loop {
            let credentials = self.store.rows().list_credentials_by_owner(owner, after, STEP).await?;
            let Some(last) = credentials.last() else { break };
            after = Some(last.id);
            for credential in &credentials {
                let Some(to) = self.vault.reseal_credential(credential).await? else { continue };
                let change =
                    Change::ResealCredential { id: credential.id, from: credential.sealed.clone(), to };
                moved += self.resealed(actor, owner, &credential.id.to_string(), change).await?;
            }
        }
        moved += self.reseal_grants(owner, actor).await?;
        for application in self.store.rows().list_applications(Some(owner)).await? {
            let Some(to) = self.vault.reseal_application(&application).await? else { continue };
            let service = application.service.clone();
            let target = service.to_string();
            let change = Change::Grant(GrantChange::ResealApplication {
                owner,
                service,
                from: application.sealed.clone(),
                to,
            });
            moved += self.resealed(actor, owner, &target, change).await?;
        }
        if owner == Owner::System {
            for key in self.store.rows().list_signing_keys(self.clock.now()).await? {
                let Some(to) = self.vault.reseal_signing_key(key.id, &key.sealed).await? else { continue };
                let change = Change::ResealSigningKey { id: key.id, from: key.sealed.clone(), to };
                moved += self.resealed(actor, owner, &key.id.to_string(), change).await?;
            }
        }
        Ok(moved)
    }

    async fn reseal_grants(&self, owner: Owner, actor: &Actor) -> Result<u64, Error> {
        let mut moved = 0;
        let mut after: Option<CredentialId> = None;
        loop {
            let grants = self.store.rows().list_grants_by_owner(owner, after, STEP).await?;
            let Some(last) = grants.last() else { return Ok(moved) };
            after = Some(last.credential_id);
            for grant in &grants {
                let Some(to) = self.vault.reseal_grant(grant).await? else { continue };
                let id = grant.credential_id;
                let change = Change::Grant(GrantChange::Reseal { id, from: grant.sealed.clone(), to });
                moved += self.resealed(actor, owner, &id.to_string(), change).await?;
            }
        }
    }

    /// Wraps every data key under the first root key; answers how many were under another. Run after a new root key was
    /// put first; when it answers 0, the old root key may go. A key that does not open ends it: the others are merely
    /// counted, for [`Broker::key_figures`].
    ///
    /// # Errors
    /// What the database said, or a key that does not open.
    pub async fn rewrap_data_keys(&self, actor: &Actor) -> Result<u64, Error> {
        let mut rewrapped = 0;
        let mut after: Option<DataKeyId> = None;
        let (mut figures, mut unopened) = (DataKeyFigures::default(), None);
        loop {
            let keys = self.store.rows().list_all_data_keys(after, STEP).await?;
            let Some(last) = keys.last() else { break };
            after = Some(last.id);
            for key in &keys {
                if unopened.is_some() {
                    figures.add(key.created_at, self.vault.is_under_first(key));
                    continue;
                }
                let outcome = self.vault.rewrap_data_key(key, actor).await;
                figures.add(key.created_at, outcome.is_ok());
                match outcome {
                    Ok(was_other) => rewrapped += u64::from(was_other),
                    Err(error) if error.code == Code::Unavailable => return Err(error),
                    Err(error) => unopened = Some(error),
                }
            }
        }
        self.data_keys.store(Some(Arc::new(figures)));
        unopened.map_or(Ok(rewrapped), Err)
    }

    async fn resealed(
        &self,
        actor: &Actor,
        owner: Owner,
        target: &str,
        change: Change,
    ) -> Result<u64, Error> {
        let actor = Actor { owner: Some(owner), ..actor.clone() };
        let record = AuditRecord::success(EventName::KeyRotated, &actor, target, self.clock.now())
            .with("kind", "reseal");
        Ok(self.store.administer(AdminChange::of(change, vec![record])).await?)
    }
}

const STEP: u16 = 100;
