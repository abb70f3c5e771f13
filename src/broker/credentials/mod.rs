//! Credentials: deposits checked against the catalog, new values, sharing, switching, deleting.
//!
//! Two rooms come here: a person with what is the person's own ([`own`]), and administrators ([`super::admin`]). Both
//! authorize first; what follows is the same. Values go in and never come out here, but for what is no secret of a
//! person's own: who borrows gets them through leases alone.

mod deposit;
mod own;
mod trial;

use serde_json::{Map, Value, json};

use crate::{
    model::{
        audit::{Actor, AuditRecord, EventName},
        catalog::Service,
        credential::{Credential, CredentialStatus, FieldNames},
        grant::Grant,
        id::CredentialId,
        instant::Instant,
        organization::SharingRule,
        owner::Owner,
        service::{AccountName, ServiceName},
    },
    store::admin::{Change, CredentialPatch, GrantChange, LeasesOf, Precondition, Row},
};

use super::{
    Broker, Call, Error, Violation,
    admin::Updated,
    authz::Authorized,
    refresh::{Made, Material},
};

pub(super) use deposit::checked_place;
pub use own::OwnCredential;
pub use trial::Deposited;

/// A credential to deposit, checked but for its fields.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// Whose it is.
    pub owner: Owner,
    /// The kind of backend.
    pub service: ServiceName,
    /// The account there.
    pub account: AccountName,
    /// Who in the organization may borrow it.
    pub sharing: SharingRule,
    /// The value.
    pub fields: Map<String, Value>,
    /// When the value itself runs out.
    pub expires_at: Option<Instant>,
}

/// A credential to deposit, as sent.
#[derive(Clone, Default)]
pub struct Deposit {
    /// A service of the catalog.
    pub service: String,
    /// The account there; `default` when none.
    pub account: Option<String>,
    /// The value.
    pub fields: Map<String, Value>,
    /// Who may borrow an organization's: required there, and only there.
    pub sharing: Option<Vec<String>>,
    /// When the value itself runs out.
    pub expires_at: Option<Instant>,
    /// Why; required of an operator who deposits for a person.
    pub reason: Option<String>,
    /// Whether it is tried at its service first, and not stored when that refuses it.
    pub validate: bool,
}

/// A new value of a credential.
#[derive(Clone, Default)]
pub struct NewValue {
    /// All of it: what is left out is gone.
    pub fields: Map<String, Value>,
    /// When it runs out by itself.
    pub expires_at: Option<Instant>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
    /// As in [`Deposit`].
    pub reason: Option<String>,
    /// As in [`Deposit`].
    pub validate: bool,
}

/// What to change of a credential; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct UpdateCredential {
    /// Who may borrow an organization's.
    pub sharing: Option<Vec<String>>,
    /// Inactive: nobody borrows it, and leases that rest on it end.
    pub status: Option<CredentialStatus>,
    /// True: the bare service name means this account from now on.
    pub primary: Option<bool>,
    /// The revision that the caller read, if it cares.
    pub revision: Option<i64>,
    /// As in [`Deposit`].
    pub reason: Option<String>,
}

impl Broker {
    /// Deposits a credential, for what the broker and its commands do by themselves.
    ///
    /// # Errors
    /// [`super::Code::InvalidRequest`] for fields that are not of the service; [`super::Code::Conflict`] when the owner has one of this
    /// service and account.
    pub async fn deposit_credential(&self, actor: &Actor, new: NewCredential) -> Result<CredentialId, Error> {
        let fields = self.checked_fields(&new.service, new.fields)?;
        let (credential, change) = self.sealed(NewCredential { fields, ..new }).await?;
        let (id, owner) = (credential.id, credential.owner);
        let actor = Actor { owner: Some(owner), ..actor.clone() };
        self.administer(&actor, EventName::CredentialCreated, &id.to_string(), change).await?;
        Ok(id)
    }

    /// Gives a credential a new value, for what the broker and its commands do by themselves.
    ///
    /// # Errors
    /// [`super::Code::InvalidRequest`]; [`super::Code::NotFound`]; [`super::Code::Conflict`] when another call gave it a new
    /// value first.
    pub async fn rotate_credential(
        &self,
        actor: &Actor,
        id: CredentialId,
        fields: &Map<String, Value>,
        expires_at: Option<Instant>,
    ) -> Result<i64, Error> {
        let credential = self.credential(id).await?;
        let fields = self.checked_fields(&credential.service, fields.clone())?;
        let (version, change) = self.rotation(&credential, &fields, expires_at).await?;
        let actor = Actor { owner: Some(credential.owner), ..actor.clone() };
        self.administer(&actor, EventName::CredentialRotated, &id.to_string(), change).await?;
        Ok(version)
    }

    /// Deposits what an authorized caller sent for an owner.
    pub(super) async fn deposit(
        &self,
        call: &Call,
        authorized: Authorized,
        owner: Owner,
        deposit: Deposit,
    ) -> Result<Deposited, Error> {
        let (reason, validate) = (deposit.reason.clone(), deposit.validate);
        let new = self.checked_deposit(owner, deposit)?;
        let verdict = self.tried_first(validate, &new).await?;
        let (credential, change) = self.sealed(new).await?;
        let record = self.record(&authorized, EventName::CredentialCreated, credential.id, reason);
        let record = record.with("service", credential.service.to_string());
        let record = record.with("account", credential.account.to_string());
        let record = match owner {
            Owner::Organization(_) => record.with("sharing", json!(credential.sharing)),
            Owner::User(_) | Owner::System => record,
        };
        let record = trial::noting(record, verdict.as_ref());
        let id = credential.id;
        self.change_recorded(call, authorized, vec![record], change)
            .await
            .map_err(|error| error.on_conflict(EXISTS))?;
        // Whether it is the primary one, the database knows.
        Ok(Deposited { credential: self.credential(id).await?, verdict })
    }

    /// Gives a credential the value that an authorized caller sent.
    pub(super) async fn renew_value(
        &self,
        call: &Call,
        authorized: Authorized,
        credential: &Credential,
        value: NewValue,
    ) -> Result<Deposited, Error> {
        let NewValue { fields, expires_at, revision, reason, validate } = value;
        if let Some(violation) = deposit::past(expires_at, self.clock.now()) {
            return Err(Error::invalid(vec![violation]));
        }
        let id = credential.id;
        let fields = self.checked_fields(&credential.service, fields)?;
        let verdict = self.tried(validate, &credential.service, &fields).await?;
        let (version, change) = self.rotation(credential, &fields, expires_at).await?;
        let record =
            self.record(&authorized, EventName::CredentialRotated, id, reason).with("version", version);
        let record = trial::noting(record, verdict.as_ref());
        let authorized = authorized.with(at_revision(id, revision));
        self.change_recorded(call, authorized, vec![record], change)
            .await
            .map_err(|error| error.on_race("the credential got another value meanwhile; try again"))?;
        Ok(Deposited { credential: self.credential(id).await?, verdict })
    }

    /// Changes what an authorized caller named.
    pub(super) async fn update_credential(
        &self,
        call: &Call,
        authorized: Authorized,
        before: &Credential,
        update: UpdateCredential,
    ) -> Result<Updated<Credential>, Error> {
        let UpdateCredential { sharing, status, primary, revision, reason } = update;
        let sharing = deposit::check_update(before, sharing.as_deref(), (primary, status))?;
        let id = before.id;
        // What does not change must not raise an epoch.
        let sharing = sharing.filter(|rule| *rule != before.sharing);
        let status = status.filter(|status| *status != before.status);
        let becomes_primary = primary == Some(true) && !before.primary;
        let leases_ended = self.ended_by(before, sharing.as_ref(), status).await?;
        let mut record = self.record(&authorized, EventName::CredentialUpdated, id, reason);
        if let Some(rule) = &sharing {
            let entries: Vec<String> = rule.0.iter().map(ToString::to_string).collect();
            record = record.with("sharing", entries);
        }
        if let Some(status) = status {
            record = record.with("status", status.as_str());
        }
        if becomes_primary {
            record = record.with("primary", true);
        }
        let patch = CredentialPatch { sharing, status, becomes_primary };
        let authorized = authorized.with(at_revision(id, revision));
        self.change_recorded(call, authorized, vec![record], Change::UpdateCredential(id, patch)).await?;
        Ok(Updated { row: self.credential(id).await?, leases_ended })
    }

    /// Deletes what an authorized caller named; answers how many live leases that ended.
    pub(super) async fn delete_credential(
        &self,
        call: &Call,
        authorized: Authorized,
        id: CredentialId,
        revision: Option<i64>,
        reason: Option<String>,
    ) -> Result<i64, Error> {
        let leases_ended = self.live_leases_of(LeasesOf::Credential(id)).await?;
        let record = self.record(&authorized, EventName::CredentialDeleted, id, reason);
        let record = record.with("leases_ended", leases_ended);
        let authorized = authorized.with(at_revision(id, revision));
        self.change_recorded(call, authorized, vec![record], Change::DeleteCredential(id)).await?;
        Ok(leases_ended)
    }

    /// A credential that is there and reads back.
    pub(super) async fn credential(&self, id: CredentialId) -> Result<Credential, Error> {
        let found = self.store.rows().load_credentials(&[id]).await?.pop();
        Ok(found.ok_or_else(|| Error::not_found(CREDENTIAL))??)
    }

    /// A new credential, and the change that makes it: with a grant, when its tokens are made.
    async fn sealed(&self, new: NewCredential) -> Result<(Credential, Change), Error> {
        let created_at = self.clock.now();
        let id: CredentialId = self.entropy.id(created_at);
        let NewCredential { owner, service, account, sharing, expires_at, fields } = new;
        let Made { issuer, lent, material } = Made::of(self.described(&service)?, fields, expires_at);
        let sealed = self.vault.seal_credential(owner, id, 1, &lent).await?;
        let credential = Credential {
            id,
            owner,
            service,
            account,
            primary: false,
            status: CredentialStatus::Active,
            status_reason: None,
            issuer,
            identity: None,
            sharing,
            epoch: 1,
            version: 1,
            sealed,
            expires_at,
            created_at,
            rotated_at: created_at,
            fields: names(&lent),
            revision: 1,
        };
        let create = Change::CreateCredential(credential.clone());
        let change = match material {
            Some(material) => Change::All(vec![create, self.grant(&credential, 1, &material).await?]),
            None => create,
        };
        Ok((credential, change))
    }

    /// The grant of a credential that was deposited: due at once, unless its token is good for a while.
    async fn grant(
        &self,
        credential: &Credential,
        version: i64,
        material: &Material,
    ) -> Result<Change, Error> {
        let (now, owner) = (self.clock.now(), credential.owner);
        Ok(Change::Grant(GrantChange::Put(Box::new(Grant {
            credential_id: credential.id,
            owner,
            service: credential.service.clone(),
            version,
            sealed: self.vault.seal_grant(owner, credential.id, version, material.values()).await?,
            refreshed_at: now,
            refresh_expires_at: None,
            due_at: self.refresher.next_look(now, credential.expires_at, None),
            failures: 0,
            failure: None,
            claim: None,
            attempt: None,
            reported_at: None,
        }))))
    }

    pub(super) fn described(&self, service: &ServiceName) -> Result<&Service, Error> {
        let unknown = "no such service: the catalog of services names those there are";
        self.catalog.find(service).ok_or_else(|| Error::invalid(vec![Violation::new("service", unknown)]))
    }

    async fn rotation(
        &self,
        credential: &Credential,
        value: &Map<String, Value>,
        expires_at: Option<Instant>,
    ) -> Result<(i64, Change), Error> {
        let (id, version) = (credential.id, credential.version + 1);
        let Made { issuer, lent, material } =
            Made::of(self.described(&credential.service)?, value.clone(), expires_at);
        let sealed = self.vault.seal_credential(credential.owner, id, version, &lent).await?;
        let (fields, at) = (names(&lent), self.clock.now());
        let rotate = Change::RotateCredential { id, version, sealed, expires_at, fields, issuer, at };
        let mut changes = vec![rotate];
        let grant = self.store.rows().find_grant(id).await?;
        match (material, grant) {
            (Some(material), grant) => {
                let next = grant.map_or(1, |grant| grant.version + 1);
                let now_known = Credential { expires_at, ..credential.clone() };
                changes.push(self.grant(&now_known, next, &material).await?);
            }
            (None, Some(_)) => changes.push(Change::Grant(GrantChange::Delete(id))),
            (None, None) => {}
        }
        // What its service had ended begins anew with another value.
        if matches!(credential.status, CredentialStatus::NeedsReauth | CredentialStatus::UpstreamDisabled) {
            changes.push(Change::SetCredentialCondition(id, CredentialStatus::Active, None));
        }
        Ok((version, Change::All(changes)))
    }

    /// Live leases that a change of sharing or status ends.
    async fn ended_by(
        &self,
        credential: &Credential,
        sharing: Option<&SharingRule>,
        status: Option<CredentialStatus>,
    ) -> Result<i64, Error> {
        if status == Some(CredentialStatus::Inactive) {
            return self.live_leases_of(LeasesOf::Credential(credential.id)).await;
        }
        let Some(rule) = sharing else { return Ok(0) };
        let holders = self.store.rows().list_holders(credential.id, self.clock.now()).await?;
        let ended =
            holders.iter().filter(|holder| !holder.role.is_some_and(|role| rule.admits(role, holder.user)));
        Ok(ended.map(|holder| holder.leases).sum())
    }

    fn record(
        &self,
        authorized: &Authorized,
        event: EventName,
        id: CredentialId,
        reason: Option<String>,
    ) -> AuditRecord {
        let record = AuditRecord::success(event, &authorized.actor, id, self.clock.now());
        match reason {
            Some(reason) => record.with("reason", reason),
            None => record,
        }
    }
}

/// An id of no credential's form is one that nobody has.
pub(super) fn credential_id(text: &str) -> Result<CredentialId, Error> {
    text.parse().map_err(|_| Error::not_found(CREDENTIAL))
}

fn at_revision(id: CredentialId, revision: Option<i64>) -> Option<Precondition> {
    revision.map(|revision| Precondition::Revision(Row::Credential(id), revision))
}

pub(super) fn names(fields: &Map<String, Value>) -> FieldNames {
    fields.keys().map(String::as_str).collect()
}

/// What it is called where it is not found.
pub(super) const CREDENTIAL: &str = "credential";
/// What is said to who deposits another of one service and account.
const EXISTS: &str = "a credential of this service and account exists";
