//! The catalog of services, for whoever shows a token.

use std::collections::HashMap;

use crate::model::{catalog::Service, scope::Operation, service::ServiceName};

use super::{Broker, Call, Error};

impl Broker {
    /// Every service that credentials can be deposited for, by name.
    ///
    /// # Errors
    /// [`super::Code::Unauthenticated`] when the token no longer stands.
    pub async fn list_services(&self, call: &Call) -> Result<impl Iterator<Item = &Service>, Error> {
        self.check_token(call).await?;
        Ok(self.catalog.services())
    }

    /// Every service, with how many credentials of it there are. For operators.
    ///
    /// # Errors
    /// [`super::Code::Forbidden`] for a caller that is none.
    pub async fn operator_counts_services(&self, call: &Call) -> Result<Vec<(&Service, i64)>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let counts: HashMap<String, i64> = self.store.rows().count_credentials().await?.into_iter().collect();
        let count = |service: &Service| counts.get(service.name.as_str()).copied().unwrap_or_default();
        Ok(self.catalog.services().map(|service| (service, count(service))).collect())
    }

    /// A service.
    ///
    /// # Errors
    /// [`super::Code::NotFound`].
    pub async fn show_service(&self, call: &Call, name: &str) -> Result<&Service, Error> {
        self.check_token(call).await?;
        let name = name.parse::<ServiceName>().ok();
        name.and_then(|name| self.catalog.find(&name)).ok_or_else(|| Error::not_found("service"))
    }
}
