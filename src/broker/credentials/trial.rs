//! Trying a credential at its service, before it is stored or because somebody asks. What the service itself said is never
//! repeated, neither in an answer nor in a record: it may hold the credential.

use serde_json::{Map, Value};

use crate::{
    broker::{Broker, Call, Code, Error, Violation, authz::Authorized, listing::ListRequest},
    issuer::validate::{Verdict, validate},
    model::{
        audit::{AuditRecord, EventName},
        credential::{Credential, CredentialFilter},
        page::PageSize,
        service::ServiceName,
    },
};

use super::{EXISTS, NewCredential};

/// A credential that was stored, and what its service said of it, if it was to be asked.
#[derive(Debug, Clone)]
pub struct Deposited {
    /// The row.
    pub credential: Credential,
    /// Never [`Verdict::Refused`].
    pub verdict: Option<Verdict>,
}

impl Broker {
    /// Tries a credential of one's own at its service. Nothing is changed.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for who is no person.
    pub async fn validate_own_credential(&self, call: &Call, id: &str) -> Result<Verdict, Error> {
        let (credential, authorized) = self.own_credential(call, id).await?;
        self.try_stored(&authorized, &credential, None).await
    }

    /// Tries a credential that the caller administers at its service. Nothing is changed.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] without a reason for a person's; [`Code::NotFound`].
    pub async fn administrator_validates_credential(
        &self,
        call: &Call,
        id: &str,
        reason: Option<String>,
    ) -> Result<Verdict, Error> {
        let (credential, authorized) = self.administered_for_reason(call, id, reason.as_deref()).await?;
        self.try_stored(&authorized, &credential, reason).await
    }

    /// Tries what is about to be deposited, when the caller wants it. What exists already is refused without asking the
    /// service; the transaction judges again.
    ///
    /// # Errors
    /// [`Code::Conflict`]; [`Code::InvalidRequest`] when the service refuses it.
    pub(super) async fn tried_first(
        &self,
        wanted: bool,
        new: &NewCredential,
    ) -> Result<Option<Verdict>, Error> {
        if wanted && self.exists(new).await? {
            return Err(Error { exists: true, ..Error::new(Code::Conflict, EXISTS) });
        }
        self.tried(wanted, &new.service, &new.fields).await
    }

    /// Tries what is about to be stored, when the caller wants it.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] when the service refuses it.
    pub(super) async fn tried(
        &self,
        wanted: bool,
        service: &ServiceName,
        fields: &Map<String, Value>,
    ) -> Result<Option<Verdict>, Error> {
        if !wanted {
            return Ok(None);
        }
        match self.verdict(service, fields).await {
            Verdict::Refused(status) => {
                let reason = format!("the service refuses this credential (status {status})");
                Err(Error::invalid(vec![Violation::new("fields", reason)]))
            }
            verdict => Ok(Some(verdict)),
        }
    }

    async fn exists(&self, new: &NewCredential) -> Result<bool, Error> {
        let (owner, service) = (Some(new.owner), Some(new.service.clone()));
        let page = ListRequest { page_size: Some(PageSize::MAX.into()), ..ListRequest::default() };
        let found = self.list_credentials(CredentialFilter { owner, service, status: None }, &page).await?;
        Ok(found.items.iter().any(|credential| credential.account == new.account))
    }

    async fn try_stored(
        &self,
        authorized: &Authorized,
        credential: &Credential,
        reason: Option<String>,
    ) -> Result<Verdict, Error> {
        let fields = self.vault.open_credential(credential).await?.parsed();
        let verdict = self.verdict(&credential.service, &fields).await;
        let record = self.record(authorized, EventName::CredentialValidated, credential.id, reason);
        let record = record.with("service", credential.service.to_string());
        let record = record.with("version", credential.version).with("validation", verdict.as_str());
        let record = match verdict.status() {
            Some(status) => record.with("status", status),
            None => record,
        };
        self.store.record(record).await?;
        Ok(verdict)
    }

    async fn verdict(&self, service: &ServiceName, fields: &Map<String, Value>) -> Verdict {
        match self.catalog.find(service) {
            Some(service) => validate(self.refresher.oauth.egress(), service, fields).await,
            // Its file was taken away since the deposit.
            None => Verdict::Untried,
        }
    }
}

/// Adds to the record of a deposit what the service said of it.
pub(super) fn noting(record: AuditRecord, verdict: Option<&Verdict>) -> AuditRecord {
    match verdict {
        Some(verdict) => record.with("validation", verdict.as_str()),
        None => record,
    }
}
