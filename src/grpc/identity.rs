//! The identity service: tells callers about themselves.

use std::sync::Arc;

use leasehold_proto::v1::{WhoAmIRequest, WhoAmIResponse, identity_service_server::IdentityService};
use tonic::{Request, Response, Status};

use crate::broker::Broker;

use super::{call::admit, convert::identity as convert};

/// The service, over the broker.
pub(super) struct IdentityCalls(pub Arc<Broker>);

#[tonic::async_trait]
impl IdentityService for IdentityCalls {
    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        let (call, WhoAmIRequest {}) = admit(&self.0, request).await?;
        let who = self.0.who_am_i(&call).await?;
        Ok(Response::new(convert::who_am_i_response(who)))
    }
}
