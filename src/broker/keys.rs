//! Keys, online: rotating signing and data keys, rewrapping under a new root key, in bounded and resumable steps.

use crate::model::{
    audit::{Actor, AuditRecord, EventName},
    id::{CredentialId, DataKeyId, SigningKeyId},
    owner::Owner,
    scope::Operation,
};
use crate::store::admin::{AdminChange, Change};

use super::{Broker, Call, Error, Violation};

/// What became of an owner's values when its data key was rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotatedDataKey {
    /// The new key.
    pub key_id: DataKeyId,
    /// Values that moved under it.
    pub resealed: u64,
}

impl Broker {
    /// Checks that a caller may work with keys, and answers it as the audit names it.
    async fn key_keeper(&self, call: &Call) -> Result<Actor, Error> {
        call.require(Operation::AdminKeys)?;
        self.check_token(call).await?;
        Ok(call.actor())
    }

    /// Rotates the signing key, for operators.
    ///
    /// # Errors
    /// [`super::Code::InsufficientScope`]; what the database said.
    pub async fn operator_rotates_signing_key(&self, call: &Call) -> Result<SigningKeyId, Error> {
        let actor = self.key_keeper(call).await?;
        self.rotate_signing_key(&actor).await
    }

    /// Rotates an owner's data key, for operators. `owner` as sent: a user's or organization's id, or `system`.
    ///
    /// # Errors
    /// [`super::Code::InsufficientScope`]; [`super::Code::InvalidRequest`]; what the database said.
    pub async fn operator_rotates_data_key(&self, call: &Call, owner: &str) -> Result<RotatedDataKey, Error> {
        let actor = self.key_keeper(call).await?;
        let owner: Owner = owner
            .parse()
            .map_err(|error| Error::invalid(vec![Violation::new("owner", format!("{error}"))]))?;
        self.rotate_data_key(owner, &actor).await
    }

    /// Wraps every data key under the first root key, for operators; answers how many were under another.
    ///
    /// # Errors
    /// [`super::Code::InsufficientScope`]; what the database said, or a key that does not open.
    pub async fn operator_rewraps(&self, call: &Call) -> Result<u64, Error> {
        let actor = self.key_keeper(call).await?;
        self.rewrap_data_keys(&actor).await
    }

    /// Makes a new signing key; the others stay published until their last token has run out.
    ///
    /// # Errors
    /// What the database said.
    pub async fn rotate_signing_key(&self, actor: &Actor) -> Result<SigningKeyId, Error> {
        self.signing.rotate(&self.store, &self.vault, &*self.clock, &*self.entropy, actor).await
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
        if owner == Owner::System {
            for key in self.store.rows().list_signing_keys(self.clock.now()).await? {
                let Some(to) = self.vault.reseal_signing_key(key.id, &key.sealed).await? else { continue };
                let change = Change::ResealSigningKey { id: key.id, from: key.sealed.clone(), to };
                moved += self.resealed(actor, owner, &key.id.to_string(), change).await?;
            }
        }
        Ok(moved)
    }

    /// Wraps every data key under the first root key; answers how many were under another. Run after a new root key was
    /// put first; when it answers 0, the old root key may go.
    ///
    /// # Errors
    /// What the database said, or a key that does not open.
    pub async fn rewrap_data_keys(&self, actor: &Actor) -> Result<u64, Error> {
        let mut rewrapped = 0;
        let mut after: Option<DataKeyId> = None;
        loop {
            let keys = self.store.rows().list_all_data_keys(after, STEP).await?;
            let Some(last) = keys.last() else { return Ok(rewrapped) };
            after = Some(last.id);
            for key in &keys {
                rewrapped += u64::from(self.vault.rewrap_data_key(key, actor).await?);
            }
        }
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
        Ok(self.store.administer(AdminChange { records: vec![record], change }).await?)
    }
}

const STEP: u16 = 100;
