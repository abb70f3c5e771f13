//! Resource servers (RFC 8707), for operators: whom access tokens may be meant for besides the broker.

use crate::{
    broker::{
        Broker, Call, Code, Error, Violation,
        listing::{ListRequest, Listing},
    },
    model::{
        audit::EventName,
        page::{ListQuery, OrderKey},
        resource::{Resource, ResourceUri},
        scope::Operation,
    },
    store::admin::Change,
};

impl Broker {
    /// Registers a resource server. For operators.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for what is no absolute URI, or the broker's own;
    /// [`Code::Conflict`] when it is registered.
    pub async fn operator_registers_resource(&self, call: &Call, uri: &str) -> Result<Resource, Error> {
        let authorized = self.operator(call, Operation::AdminWrite).await?;
        let wrong = |reason: String| Error::invalid(vec![Violation::new("uri", reason)]);
        let parsed = uri.parse::<ResourceUri>().map_err(|error| wrong(error.to_string()))?;
        if uri.trim_end_matches('/') == self.issuer_url {
            return Err(wrong("the broker itself needs no registration".to_owned()));
        }
        let resource = Resource { uri: parsed, created_at: self.clock.now() };
        let change = Change::CreateResource(resource.uri.clone(), resource.created_at);
        self.change(call, authorized, EventName::ResourceCreated, uri, change)
            .await
            .map_err(|error| error.on_conflict("the resource is registered"))?;
        Ok(resource)
    }

    /// Lists resource servers, by URI. For operators.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for a page or an order that is none.
    pub async fn operator_lists_resources(
        &self,
        call: &Call,
        page: &ListRequest,
    ) -> Result<Listing<Resource>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let (order, after, size) = page.read(&[OrderKey::Uri])?;
        let query = ListQuery { filter: (), order, after, size };
        Ok(Listing::of(order, self.store.rows().list_resources(&query).await?))
    }

    /// Forgets a resource server: no token is issued for it any more; those that were stay good until they run out. For
    /// operators.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn operator_deletes_resource(&self, call: &Call, uri: &str) -> Result<(), Error> {
        let authorized = self.operator(call, Operation::AdminWrite).await?;
        let absent = || Error::not_found("resource");
        let parsed: ResourceUri = uri.parse().map_err(|_| absent())?;
        let change = Change::DeleteResource(parsed);
        let deleted = self.change(call, authorized, EventName::ResourceDeleted, uri, change).await;
        deleted.map(drop).map_err(|error| if error.code == Code::NotFound { absent() } else { error })
    }
}
