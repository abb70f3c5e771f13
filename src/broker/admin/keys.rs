//! Keys, for operators: what there is, rotating, and ending a signing key before its time.

use crate::{
    broker::{
        Broker, Call, Error, Violation,
        authz::Authorized,
        keys::RotatedDataKey,
        listing::{ListRequest, Listing},
        signing::SignsFrom,
    },
    model::{
        audit::{AuditRecord, EventName},
        id::{DataKeyId, SigningKeyId},
        instant::Instant,
        named::named,
        owner::Owner,
        page::{Cursor, OrderKey, Page},
        scope::Operation,
    },
    store::admin::{Change, Precondition, StoredSigningKey, WrappedDataKey},
};
use std::{fmt, str::FromStr};

named! {
    /// What a signing key does at a moment.
    SigningKeyState, "signing key state":
    /// It is published and will sign.
    Published = "published";
    /// It is no longer published: nothing that it signed is good.
    Retired = "retired";
    /// It signs no more; what it signed is good until it runs out.
    Retiring = "retiring";
    /// It signs.
    Signing = "signing";
}

/// A signing key, without its private part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyFacts {
    /// Its id, the `kid` of tokens.
    pub id: SigningKeyId,
    /// What it does.
    pub state: SigningKeyState,
    /// When it was made.
    pub created_at: Instant,
    /// From when on it signs.
    pub signs_from: Instant,
    /// Until when it is published.
    pub retires_at: Option<Instant>,
    /// Seconds since it was made.
    pub age_seconds: i64,
}

/// A data key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataKeyFacts {
    /// Its id.
    pub id: DataKeyId,
    /// Whose values it seals.
    pub owner: Owner,
    /// 1 for the owner's first; the highest seals.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// Seconds since then.
    pub age_seconds: i64,
    /// The root key that wraps it.
    pub root_key_id: String,
}

/// Which data keys to list.
#[derive(Debug, Clone, Default)]
pub struct ListDataKeys {
    /// Only of this owner: a user's or organization's id, or `system`.
    pub owner: Option<String>,
    /// Which part.
    pub page: ListRequest,
}

impl Broker {
    /// Lists every signing key, the oldest first. For operators.
    ///
    /// # Errors
    /// What every operator's call may answer.
    pub async fn operator_lists_signing_keys(&self, call: &Call) -> Result<Vec<SigningKeyFacts>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let keys = self.store.rows().list_signing_keys(Instant::from_micros(0)).await?;
        Ok(described(&keys, self.clock.now()))
    }

    /// Lists data keys, the oldest first. For operators.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`].
    pub async fn operator_lists_data_keys(
        &self,
        call: &Call,
        request: ListDataKeys,
    ) -> Result<Listing<DataKeyFacts>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let (order, after, size) = request.page.read(&[OrderKey::CreatedAt])?;
        let mut keys = if let Some(owner) = request.owner.as_deref() {
            self.store.rows().list_data_keys(read_owner(owner)?).await?
        } else {
            let after = after.and_then(|cursor| cursor.id.parse().ok());
            self.store.rows().list_all_data_keys(after, size.items().saturating_add(1)).await?
        };
        let more = request.owner.is_none() && keys.len() > usize::from(size.items());
        if more {
            keys.truncate(size.items().into());
        }
        let last = keys.last().filter(|_| more).map(|key| key.id.to_string());
        let next = last.map(|id| Cursor { key: id.clone(), id });
        let now = self.clock.now();
        let items = keys.iter().map(|key| data_key(key, now)).collect::<Result<_, _>>()?;
        Ok(Listing::of(order, Page { items, next }))
    }

    /// The ids of the root keys that this process has; the first wraps. For operators.
    ///
    /// # Errors
    /// What every operator's call may answer.
    pub async fn operator_lists_root_keys(&self, call: &Call) -> Result<Vec<String>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        Ok(self.vault.root_keys())
    }

    /// Rotates the signing key: the new one is published at once and signs a minute later, or at once too. For operators.
    ///
    /// # Errors
    /// What every operator's call may answer.
    pub async fn operator_rotates_signing_key(
        &self,
        call: &Call,
        at_once: bool,
    ) -> Result<SigningKeyId, Error> {
        let Authorized { actor, .. } = self.operator(call, Operation::AdminKeys).await?;
        let signs_from = if at_once { SignsFrom::AtOnce } else { SignsFrom::Published };
        self.make_signing_key(&actor, signs_from).await
    }

    /// Ends a signing key before its time: from the commit on, whatever it signed is refused, at every replica. Another
    /// key must sign already. For operators.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Conflict`] when no other key signs.
    pub async fn operator_retires_signing_key(
        &self,
        call: &Call,
        id: &str,
    ) -> Result<SigningKeyFacts, Error> {
        let authorized = self.operator(call, Operation::AdminKeys).await?;
        let absent = || Error::not_found("signing key");
        let id: SigningKeyId = id.parse().map_err(|_| absent())?;
        let now = self.clock.now();
        let keys = self.store.rows().list_signing_keys(now).await?;
        if !keys.iter().any(|key| key.id == id) {
            return Err(absent());
        }
        let authorized = authorized.with([Precondition::AnotherKeySigns(id, now)]);
        let record = AuditRecord::success(EventName::KeyRotated, &authorized.actor, id, now);
        let record = record.with("kind", "withdraw_signing");
        self.change_recorded(call, authorized, vec![record], Change::WithdrawSigningKey(id, now)).await?;
        self.signing.forget();
        let keys = self.store.rows().list_signing_keys(Instant::from_micros(0)).await?;
        described(&keys, now).into_iter().find(|key| key.id == id).ok_or_else(absent)
    }

    /// Rotates an owner's data key. `owner` as sent: a user's or organization's id, or `system`. For operators.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::NotFound`] when there is no such owner; what the database said.
    pub async fn operator_rotates_data_key(&self, call: &Call, owner: &str) -> Result<RotatedDataKey, Error> {
        let Authorized { actor, .. } = self.operator(call, Operation::AdminKeys).await?;
        self.rotate_data_key(read_owner(owner)?, &actor).await
    }

    /// Wraps every data key under the first root key; answers how many were under another. For operators.
    ///
    /// # Errors
    /// What the database said, or a key that does not open.
    pub async fn operator_rewraps(&self, call: &Call) -> Result<u64, Error> {
        let Authorized { actor, .. } = self.operator(call, Operation::AdminKeys).await?;
        self.rewrap_data_keys(&actor).await
    }
}

fn described(keys: &[StoredSigningKey], now: Instant) -> Vec<SigningKeyFacts> {
    let is_retired = |key: &StoredSigningKey| key.retires_at.is_some_and(|at| at <= now);
    let able = keys.iter().filter(|key| key.signs_from <= now && !is_retired(key));
    let signing = able.max_by_key(|key| key.precedence()).map(|key| key.id);
    let state = |key: &StoredSigningKey| {
        if is_retired(key) {
            SigningKeyState::Retired
        } else if key.signs_from > now {
            SigningKeyState::Published
        } else if signing == Some(key.id) {
            SigningKeyState::Signing
        } else {
            SigningKeyState::Retiring
        }
    };
    let describe = |key: &StoredSigningKey| SigningKeyFacts {
        id: key.id,
        state: state(key),
        created_at: key.created_at,
        signs_from: key.signs_from,
        retires_at: key.retires_at,
        age_seconds: age(key.created_at, now),
    };
    keys.iter().map(describe).collect()
}

fn data_key(key: &WrappedDataKey, now: Instant) -> Result<DataKeyFacts, Error> {
    let envelope = key.wrapped.envelope().map_err(Error::internal)?;
    Ok(DataKeyFacts {
        id: key.id,
        owner: key.owner,
        version: key.version,
        created_at: key.created_at,
        age_seconds: age(key.created_at, now),
        root_key_id: envelope.key_id.to_owned(),
    })
}

fn age(created_at: Instant, now: Instant) -> i64 {
    now.micros_since(created_at).max(0) / 1_000_000
}

fn read_owner(text: &str) -> Result<Owner, Error> {
    text.parse().map_err(|error| Error::invalid(vec![Violation::new("owner", format!("{error}"))]))
}
