//! The audit log, for operators and organizations' administrators.

use futures::stream::BoxStream;

use crate::{
    broker::{
        Broker, Call, Code, Error,
        audit::{AuditPage, ExportedRecord, Verification},
    },
    model::{owner::Owner, scope::Operation},
    store::audit::{AuditFilter, AuditOrder, AuditQuery},
};

impl Broker {
    /// Looks for records: an operator for any, an organization's administrator for those on its behalf.
    ///
    /// # Errors
    /// [`Code::Forbidden`] for who names no organization and is no operator; [`Code::NotFound`] for another's.
    pub async fn administrator_queries_audit(
        &self,
        call: &Call,
        wanted: AuditQuery,
    ) -> Result<AuditPage, Error> {
        self.may_see_records(call, &wanted.filter).await?;
        self.query_audit(wanted).await
    }

    /// Every record of a filter; as [`Broker::administrator_queries_audit`].
    ///
    /// # Errors
    /// As there.
    pub async fn administrator_exports_audit(
        &self,
        call: &Call,
        filter: AuditFilter,
        order: AuditOrder,
    ) -> Result<BoxStream<'static, Result<ExportedRecord, Error>>, Error> {
        self.may_see_records(call, &filter).await?;
        Ok(self.export_audit(filter, order))
    }

    /// Verifies every chain. For operators.
    ///
    /// # Errors
    /// [`Code::Forbidden`]; what the database said.
    pub async fn operator_verifies_audit(&self, call: &Call) -> Result<Verification, Error> {
        self.operator(call, Operation::AdminRead).await?;
        self.verify_audit().await
    }

    async fn may_see_records(&self, call: &Call, filter: &AuditFilter) -> Result<(), Error> {
        if call.caller.owner == Owner::System {
            return self.operator(call, Operation::AdminRead).await.map(drop);
        }
        call.require(Operation::AdminRead)?;
        if let Some(Owner::Organization(id)) = filter.owner {
            return self.administrator_of(call, Operation::AdminRead, &id.to_string()).await.map(drop);
        }
        self.check_token(call).await?;
        Err(Error::new(Code::Forbidden, "name in `owner` an organization that you administer"))
    }
}
