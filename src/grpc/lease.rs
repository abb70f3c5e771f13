//! The lease service: each method admits the call, asks the broker, and translates.

use std::sync::Arc;

use leasehold_proto::v1::{
    CreateLeaseRequest, CreateLeaseResponse, GetLeaseRequest, Lease, ListLeasesRequest, ListLeasesResponse,
    ReadCredentialsRequest, ReadCredentialsResponse, RenewLeaseRequest, RenewLeaseResponse,
    ReportUnauthorizedRequest, ReportUnauthorizedResponse, RevokeLeaseRequest, RevokeLeaseResponse,
    lease_service_server::LeaseService,
};
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::broker::{Broker, Error, Violation};

use super::{call::admit, convert::lease as convert};

/// The service, over the broker.
pub(super) struct LeaseCalls(pub Arc<Broker>);

#[tonic::async_trait]
impl LeaseService for LeaseCalls {
    async fn create_lease(
        &self,
        request: Request<CreateLeaseRequest>,
    ) -> Result<Response<CreateLeaseResponse>, Status> {
        let key = idempotency_key(request.metadata());
        let (call, message) = admit(&self.0, request).await?;
        let grant = self.0.create_lease(&call, convert::create_request(message, key?)?).await?;
        Ok(Response::new(convert::create_response(grant)))
    }

    async fn get_lease(&self, request: Request<GetLeaseRequest>) -> Result<Response<Lease>, Status> {
        let (call, GetLeaseRequest { lease_id }) = admit(&self.0, request).await?;
        let view = self.0.show_lease(&call, &lease_id).await?;
        Ok(Response::new(convert::lease(view)))
    }

    async fn list_leases(
        &self,
        request: Request<ListLeasesRequest>,
    ) -> Result<Response<ListLeasesResponse>, Status> {
        let (call, message) = admit(&self.0, request).await?;
        let page = self.0.list_leases(&call, convert::list_request(message)?).await?;
        Ok(Response::new(convert::list_response(page)))
    }

    async fn renew_lease(
        &self,
        request: Request<RenewLeaseRequest>,
    ) -> Result<Response<RenewLeaseResponse>, Status> {
        let (call, message) = admit(&self.0, request).await?;
        let (lease_id, request) = convert::renew_request(message)?;
        let renewed = self.0.renew_lease(&call, &lease_id, request).await?;
        Ok(Response::new(convert::renew_response(renewed)))
    }

    async fn revoke_lease(
        &self,
        request: Request<RevokeLeaseRequest>,
    ) -> Result<Response<RevokeLeaseResponse>, Status> {
        let (call, message) = admit(&self.0, request).await?;
        let (lease_id, reason) = convert::revoke_request(message);
        let revoked = self.0.revoke_lease(&call, &lease_id, reason).await?;
        Ok(Response::new(convert::revoke_response(revoked)))
    }

    async fn read_credentials(
        &self,
        request: Request<ReadCredentialsRequest>,
    ) -> Result<Response<ReadCredentialsResponse>, Status> {
        let (call, ReadCredentialsRequest { lease_id }) = admit(&self.0, request).await?;
        let read = self.0.read_credentials(&call, &lease_id).await?;
        Ok(Response::new(convert::read_response(read)))
    }

    async fn report_unauthorized(
        &self,
        request: Request<ReportUnauthorizedRequest>,
    ) -> Result<Response<ReportUnauthorizedResponse>, Status> {
        let (call, message) = admit(&self.0, request).await?;
        let (lease_id, report) = convert::report_request(message);
        let reported = self.0.report_unauthorized(&call, &lease_id, report).await?;
        Ok(Response::new(convert::report_response(reported)))
    }
}

/// The `idempotency-key` entry, if any; the rules judge its text.
fn idempotency_key(metadata: &MetadataMap) -> Result<Option<String>, Error> {
    let mut values = metadata.get_all("idempotency-key").iter();
    let Some(first) = values.next() else { return Ok(None) };
    let refused = |reason: &str| Error::invalid(vec![Violation::new("idempotency_key", reason)]);
    if values.next().is_some() {
        return Err(refused("must come once in the metadata"));
    }
    let text = first.to_str().map_err(|_| refused("must be visible ASCII characters"))?;
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idempotency_key_comes_once_and_as_text() {
        let mut metadata = MetadataMap::new();
        assert!(matches!(idempotency_key(&metadata), Ok(None)));
        metadata.append("idempotency-key", "k 1".parse().expect("a value"));
        assert!(matches!(idempotency_key(&metadata), Ok(Some(key)) if key == "k 1"));
        metadata.append("idempotency-key", "k 1".parse().expect("a value"));
        let twice = idempotency_key(&metadata).expect_err("twice");
        assert!(twice.violations.iter().any(|violation| violation.field == "idempotency_key"));
    }
}
