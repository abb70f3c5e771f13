//! A borrower says that a service refuses what it was lent.
//!
//! The broker does not take its word: it compares versions, and asks the service for a new token, at most one for many
//! reports. What the service itself says then counts.

use std::sync::Arc;

use crate::{
    broker::{
        Broker, Call, Error, Violation,
        refresh::{Need, RefreshError},
    },
    model::{
        audit::{AuditRecord, EventName},
        catalog::issuing::IssuerKind,
        credential::Credential,
        resolution::Source,
        scope::Operation,
        service::ServiceRef,
    },
    store::mutation,
};

use super::{
    lease_id,
    minted::Replacing,
    types::{LeaseCredentials, Report, Reported},
};

impl Broker {
    /// Takes the report that a service refuses a version of what was lent, and answers what to use instead, if anything.
    ///
    /// # Errors
    /// The refusals of [`crate::model::renewal::UseRefusal`]; [`crate::broker::Code::UpstreamUnavailable`] when the service
    /// gives no new token now.
    pub async fn report_unauthorized(
        &self,
        call: &Call,
        id: &str,
        report: Report,
    ) -> Result<Reported, Error> {
        let outcome = self.report(call, id, report).await;
        self.noted(call, "lease.report_unauthorized", Some(id), outcome)
    }

    async fn report(&self, call: &Call, id: &str, report: Report) -> Result<Reported, Error> {
        call.require(Operation::LeaseCreate)?;
        let lease_id = lease_id(id)?;
        let service: ServiceRef = report
            .service
            .parse()
            .map_err(|error| Error::invalid(vec![Violation::new("service", format!("{error}"))]))?;
        let read = || mutation::ReadCredentials { actor: call.actor(), bearer: call.bearer(), lease_id };
        let readable = self.judged(call, self.store.read_credentials(read()).await?)?;
        let source = readable.sources.iter().find(|source| source.service == service);
        let source = source.ok_or_else(|| {
            Error::invalid(vec![Violation::new("service", "is none of the lease's, as it was asked for")])
        })?;
        let credential = self.credential(source.credential_id).await?;
        self.record_report(call, source, &report).await?;
        let newest = match self.replaced(credential, report.credential_version).await {
            Ok(newest) => newest,
            // The service ended it, and with it the entitlement: the lease says so.
            Err(RefreshError::Gone) => {
                self.judged(call, self.store.read_credentials(read()).await?)?;
                return Err(RefreshError::Gone.into_error(service.service.as_str()));
            }
            Err(error) => return Err(error.into_error(service.service.as_str())),
        };
        let mut lent = self.open_all(std::slice::from_ref(source), &[Arc::new(newest)]).await?;
        self.sign_lent(&mut lent, &readable.lease).await?;
        let refused = [source.clone()];
        let made = self.mint_lent(&mut lent, &readable.lease, &refused, Replacing::Whatever).await?;
        let version = lent.versions.values().next().copied().unwrap_or_default();
        Ok(Reported {
            changed: made || version != report.credential_version,
            read: LeaseCredentials {
                renew_after: self.renew_after(&readable.lease, lent.earliest_expiry()),
                credentials: lent.credentials,
                credential_expires_at: lent.expires_at,
                credential_versions: lent.versions,
                lease: readable.lease,
            },
        })
    }

    /// The credential in a version that is not the one reported, where there is one or one can be made.
    async fn replaced(&self, credential: Credential, reported: i64) -> Result<Credential, RefreshError> {
        if reported > credential.version {
            let reason = "is newer than any that was lent";
            return Err(Error::invalid(vec![Violation::new("credential_version", reason)]).into());
        }
        let makes =
            matches!(credential.issuer, IssuerKind::AuthorizationCode | IssuerKind::ClientCredentials);
        if reported < credential.version || !makes {
            return Ok(credential);
        }
        self.refresher.refreshed(credential.id, Need::Reported(reported)).await
    }

    async fn record_report(&self, call: &Call, source: &Source, report: &Report) -> Result<(), Error> {
        let id = source.credential_id;
        let record = AuditRecord::success(EventName::CredentialReported, &call.actor(), id, self.clock.now());
        let record =
            record.with("service", source.service.to_string()).with("version", report.credential_version);
        Ok(self.store.record(record).await?)
    }
}
