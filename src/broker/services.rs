//! The catalog of services, for whoever shows a token.

use crate::model::{
    catalog::{Catalog, Service},
    service::ServiceName,
};

use super::{Broker, Call, Error};

impl Broker {
    /// Every service that credentials can be deposited for, by name.
    ///
    /// # Errors
    /// [`super::Code::Unauthenticated`] when the token no longer stands.
    pub async fn list_services(
        &self,
        call: &Call,
    ) -> Result<impl Iterator<Item = &'static Service> + use<>, Error> {
        self.check_token(call).await?;
        Ok(Catalog::built_in().services())
    }

    /// A service.
    ///
    /// # Errors
    /// [`super::Code::NotFound`].
    pub async fn show_service(&self, call: &Call, name: &str) -> Result<&'static Service, Error> {
        self.check_token(call).await?;
        let name = name.parse::<ServiceName>().ok();
        name.and_then(|name| Catalog::built_in().find(&name)).ok_or_else(|| Error::not_found("service"))
    }
}
