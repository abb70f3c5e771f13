//! The token service: the token endpoint of OAuth 2.0, over gRPC.

use std::sync::Arc;

use leasehold_proto::v1::{
    IntrospectTokenRequest, IntrospectTokenResponse, IssueTokenRequest, IssueTokenResponse,
    RevokeTokenRequest, RevokeTokenResponse, token_service_server::TokenService,
};
use tonic::{Request, Response, Status};

use crate::broker::Broker;

use super::{call::context, client::credentials, convert::token as convert};

/// The service, over the broker.
pub(super) struct TokenCalls(pub Arc<Broker>);

#[tonic::async_trait]
impl TokenService for TokenCalls {
    async fn issue_token(
        &self,
        request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let context = context(&extensions)?;
        let IssueTokenRequest { grant_type, client_id, client_secret, scope, resource } = message;
        let client = credentials(&metadata, client_id, client_secret)?;
        let request = convert::issue_request(client, grant_type, scope, resource);
        let issued = self.0.issue_token(&context.origin, request).await?;
        Ok(Response::new(convert::issue_response(issued)))
    }

    async fn introspect_token(
        &self,
        request: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let context = context(&extensions)?;
        let IntrospectTokenRequest { token, client_id, client_secret } = message;
        let client = credentials(&metadata, client_id, client_secret)?;
        let introspection = self.0.introspect_token(&context.origin, client, &token).await?;
        Ok(Response::new(convert::introspect_response(introspection)))
    }

    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let context = context(&extensions)?;
        let RevokeTokenRequest { token, client_id, client_secret } = message;
        let client = credentials(&metadata, client_id, client_secret)?;
        self.0.revoke_token(&context.origin, client, &token).await?;
        Ok(Response::new(RevokeTokenResponse {}))
    }
}
