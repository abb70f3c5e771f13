//! A person's own credentials, for the person.

use serde_json::{Map, Value};

use crate::{
    broker::{
        Broker, Call, Code, Error,
        admin::Updated,
        authz::Authorized,
        listing::{ListRequest, Listing},
    },
    model::{
        credential::{Credential, CredentialFilter, CredentialStatus},
        holdings::Subject,
        owner::Owner,
        page::{ListQuery, OrderKey},
        scope::Operation,
        service::ServiceName,
    },
};

use super::{CREDENTIAL, Deposit, Deposited, NewValue, UpdateCredential, credential_id};

/// A credential, as shown to the person it belongs to.
#[derive(Debug, Clone)]
pub struct OwnCredential {
    /// The row.
    pub credential: Credential,
    /// The values of its fields that are no secrets.
    pub values: Map<String, Value>,
}

impl Broker {
    /// Deposits a credential of one's own.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] that names each wrong field; [`Code::Conflict`] when there is one of this service and
    /// account; [`Code::Forbidden`] for who is no person.
    pub async fn deposit_own_credential(&self, call: &Call, deposit: Deposit) -> Result<Deposited, Error> {
        let (owner, authorized) = self.person(call).await?;
        self.deposit(call, authorized, owner, deposit).await
    }

    /// Lists one's own credentials, never values, by deposit or by service.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for a page or an order that is none; [`Code::Forbidden`] for who is no person.
    pub async fn list_own_credentials(
        &self,
        call: &Call,
        service: Option<ServiceName>,
        status: Option<CredentialStatus>,
        page: &ListRequest,
    ) -> Result<Listing<Credential>, Error> {
        let (owner, _) = self.person(call).await?;
        self.list_credentials(CredentialFilter { owner: Some(owner), service, status }, page).await
    }

    /// Shows a credential of one's own, with the values that are no secrets.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::Forbidden`] for who is no person.
    pub async fn show_own_credential(&self, call: &Call, id: &str) -> Result<OwnCredential, Error> {
        let (credential, _) = self.own_credential(call, id).await?;
        let opened = self.vault.open_credential(&credential).await?.parsed();
        let service = self.catalog.find(&credential.service);
        let open = |name: &str| service.is_some_and(|service| service.is_open(name));
        let values = opened.into_iter().filter(|(name, _)| open(name)).collect();
        Ok(OwnCredential { credential, values })
    }

    /// Gives a credential of one's own a new value. Leases that hold the old one hear of it at their next renewal.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::NotFound`]; [`Code::PreconditionFailed`]; [`Code::Conflict`] when another call
    /// gave it a new value first.
    pub async fn rotate_own_credential(
        &self,
        call: &Call,
        id: &str,
        value: NewValue,
    ) -> Result<Deposited, Error> {
        let (credential, authorized) = self.own_credential(call, id).await?;
        self.renew_value(call, authorized, &credential, value).await
    }

    /// Switches a credential of one's own, or makes it the primary one.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`]; [`Code::NotFound`]; [`Code::PreconditionFailed`].
    pub async fn update_own_credential(
        &self,
        call: &Call,
        id: &str,
        update: UpdateCredential,
    ) -> Result<Updated<Credential>, Error> {
        let (credential, authorized) = self.own_credential(call, id).await?;
        self.update_credential(call, authorized, &credential, update).await
    }

    /// Deletes a credential of one's own; answers how many live leases that ended.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::PreconditionFailed`].
    pub async fn delete_own_credential(
        &self,
        call: &Call,
        id: &str,
        revision: Option<i64>,
    ) -> Result<i64, Error> {
        let (credential, authorized) = self.own_credential(call, id).await?;
        self.delete_credential(call, authorized, credential.id, revision, None).await
    }

    /// A page of credentials; who may see them was checked.
    pub(in crate::broker) async fn list_credentials(
        &self,
        filter: CredentialFilter,
        page: &ListRequest,
    ) -> Result<Listing<Credential>, Error> {
        let (order, after, size) = page.read(&[OrderKey::CreatedAt, OrderKey::Service])?;
        let query = ListQuery { filter, order, after, size };
        Ok(Listing::of(order, self.store.rows().list_credentials(&query).await?))
    }

    pub(super) async fn own_credential(
        &self,
        call: &Call,
        id: &str,
    ) -> Result<(Credential, Authorized), Error> {
        let (owner, authorized) = self.person(call).await?;
        let credential = self.credential(credential_id(id)?).await?;
        if credential.owner == owner {
            Ok((credential, authorized))
        } else {
            Err(Error::not_found(CREDENTIAL))
        }
    }

    /// The person that the caller is, or acts for.
    async fn person(&self, call: &Call) -> Result<(Owner, Authorized), Error> {
        self.person_with(call, Operation::CredentialWrite).await
    }

    /// The same by another scope.
    pub(in crate::broker) async fn person_with(
        &self,
        call: &Call,
        scope: Operation,
    ) -> Result<(Owner, Authorized), Error> {
        let authorized = self.own(call, scope).await?;
        match call.caller.subject {
            Subject::User(id) => Ok((Owner::User(id), authorized.on_behalf_of(Owner::User(id)))),
            Subject::Operator | Subject::OrganizationClient { .. } => {
                Err(Error::new(Code::Forbidden, "only a person has credentials of their own"))
            }
        }
    }
}
