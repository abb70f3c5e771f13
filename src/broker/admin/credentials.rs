//! Credentials, for administrators: an organization's for its owners and admins, everybody's for operators. No value is
//! ever answered here. Who touches a person's credential gives a reason, which the audit keeps.

use crate::{
    broker::{
        Broker, Call, Error, Violation,
        authz::Authorized,
        credentials::{CREDENTIAL, Deposit, Deposited, NewValue, UpdateCredential, credential_id},
        listing::{ListRequest, Listing},
    },
    model::{
        credential::{Credential, CredentialFilter, CredentialStatus},
        owner::Owner,
        scope::Operation,
        service::ServiceName,
    },
};

use super::{Updated, owner::reason_violation};

/// Which credentials to list.
#[derive(Debug, Clone, Default)]
pub struct ListCredentials {
    /// Whose, as sent; only operators may leave it out.
    pub owner: Option<String>,
    /// Only for this service.
    pub service: Option<ServiceName>,
    /// Only of this status.
    pub status: Option<CredentialStatus>,
    /// Which part.
    pub page: ListRequest,
}

impl Broker {
    /// Deposits a credential for an organization, or as an operator for a person, with a reason.
    ///
    /// # Errors
    /// [`crate::broker::Code::InvalidRequest`] that names each wrong field; [`crate::broker::Code::Conflict`] when the owner
    /// has one of this service and account; [`crate::broker::Code::NotFound`] for who does not administer the owner.
    pub async fn administrator_deposits_credential(
        &self,
        call: &Call,
        owner: &str,
        deposit: Deposit,
    ) -> Result<Deposited, Error> {
        let (owner, authorized) = self.administrator_of_named(call, Operation::AdminWrite, owner).await?;
        if owner == Owner::System {
            let reason = "must be an organization or a person";
            return Err(Error::invalid(vec![Violation::new("owner", reason)]));
        }
        require_reason(owner, deposit.reason.as_deref())?;
        self.deposit(call, authorized, owner, deposit).await
    }

    /// Lists credentials, never values, by deposit or by service.
    ///
    /// # Errors
    /// [`crate::broker::Code::InvalidRequest`] for a page or an order that is none; [`crate::broker::Code::NotFound`] for
    /// who does not administer the owner.
    pub async fn administrator_lists_credentials(
        &self,
        call: &Call,
        request: ListCredentials,
    ) -> Result<Listing<Credential>, Error> {
        let ListCredentials { owner, service, status, page } = request;
        let owner = self.administered(call, owner.as_deref()).await?;
        self.list_credentials(CredentialFilter { owner, service, status }, &page).await
    }

    /// Shows a credential, without its value.
    ///
    /// # Errors
    /// [`crate::broker::Code::NotFound`], also for who does not administer its owner.
    pub async fn administrator_shows_credential(&self, call: &Call, id: &str) -> Result<Credential, Error> {
        self.administered_credential(call, Operation::AdminRead, id).await.map(|(credential, _)| credential)
    }

    /// Gives a credential a new value. Leases that hold the old one hear of it at their next renewal.
    ///
    /// # Errors
    /// [`crate::broker::Code::InvalidRequest`]; [`crate::broker::Code::NotFound`];
    /// [`crate::broker::Code::PreconditionFailed`]; [`crate::broker::Code::Conflict`] when another call gave it a new value
    /// first.
    pub async fn administrator_rotates_credential(
        &self,
        call: &Call,
        id: &str,
        value: NewValue,
    ) -> Result<Deposited, Error> {
        let (credential, authorized) =
            self.administered_for_reason(call, id, value.reason.as_deref()).await?;
        self.renew_value(call, authorized, &credential, value).await
    }

    /// Changes who may borrow a credential, switches it, or makes it the primary one.
    ///
    /// # Errors
    /// [`crate::broker::Code::InvalidRequest`]; [`crate::broker::Code::NotFound`];
    /// [`crate::broker::Code::PreconditionFailed`].
    pub async fn administrator_updates_credential(
        &self,
        call: &Call,
        id: &str,
        update: UpdateCredential,
    ) -> Result<Updated<Credential>, Error> {
        let (credential, authorized) =
            self.administered_for_reason(call, id, update.reason.as_deref()).await?;
        self.update_credential(call, authorized, &credential, update).await
    }

    /// Deletes a credential; answers how many live leases that ended.
    ///
    /// # Errors
    /// [`crate::broker::Code::NotFound`]; [`crate::broker::Code::PreconditionFailed`].
    pub async fn administrator_deletes_credential(
        &self,
        call: &Call,
        id: &str,
        revision: Option<i64>,
        reason: Option<String>,
    ) -> Result<i64, Error> {
        let (credential, authorized) = self.administered_for_reason(call, id, reason.as_deref()).await?;
        self.delete_credential(call, authorized, credential.id, revision, reason).await
    }

    /// A credential to do something to: a person's only with a reason.
    pub(in crate::broker) async fn administered_for_reason(
        &self,
        call: &Call,
        id: &str,
        reason: Option<&str>,
    ) -> Result<(Credential, Authorized), Error> {
        let found = self.administered_credential(call, Operation::AdminWrite, id).await?;
        require_reason(found.0.owner, reason)?;
        Ok(found)
    }

    async fn administered_credential(
        &self,
        call: &Call,
        scope: Operation,
        id: &str,
    ) -> Result<(Credential, Authorized), Error> {
        // Before anything is looked up: who lacks the scope learns nothing.
        call.require(scope)?;
        let credential = self.credential(credential_id(id)?).await?;
        let authorized = self.administrator_of_owner(call, scope, credential.owner, CREDENTIAL).await?;
        Ok((credential, authorized))
    }
}

fn require_reason(owner: Owner, reason: Option<&str>) -> Result<(), Error> {
    reason_violation(owner, reason).map_or(Ok(()), |violation| Err(Error::invalid(vec![violation])))
}
