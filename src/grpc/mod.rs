//! Floor 5: the gRPC way in. Translates a call, asks the broker, translates the answer back.
//!
//! Owns what is particular to gRPC: metadata, statuses and their details, deadlines, health, reflection. It must know
//! no rule, no store and no listener: [`router`] gives a plain `axum::Router`, served by whoever owns the sockets,
//! which leaves the peer's address in the request's extensions (`ConnectInfo<SocketAddr>` or a bare `SocketAddr`).
//!
//! One call passes `edge` (request id, deadline, panics, what tonic refuses by itself, the record of the call), tonic
//! (decoding), then one of `lease`, `token`, `identity`, or `generic` for everything that the table of operations
//! does by itself.

use std::sync::Arc;

use axum::Router;
use leasehold_proto::v1::{
    identity_service_server::IdentityServiceServer, lease_service_server::LeaseServiceServer,
    token_service_server::TokenServiceServer,
};
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;

use crate::broker::Broker;

mod call;
mod client;
mod convert;
mod deadline;
pub mod dynamic;
mod edge;
mod generic;
mod health;
mod identity;
mod lease;
mod observe;
mod reflection;
mod status;
#[cfg(test)]
mod tests;
mod token;

pub use edge::Edge;
pub use generic::GenericError;
pub use reflection::ReflectionError;

/// The gRPC interface cannot be served: a fault of the build.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// The calls of the table.
    #[error(transparent)]
    Generic(#[from] GenericError),
    /// Server reflection.
    #[error(transparent)]
    Reflection(#[from] ReflectionError),
}

/// The largest message that is read, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Every service of the interface, with health and reflection.
///
/// # Errors
/// [`InterfaceError`] when the compiled-in descriptors don't read, which would be a fault of the build.
pub fn router(broker: &Arc<Broker>, edge: Edge) -> Result<Router, InterfaceError> {
    let lease = LeaseServiceServer::new(lease::LeaseCalls(Arc::clone(broker)));
    let token = TokenServiceServer::new(token::TokenCalls(Arc::clone(broker)));
    let identity = IdentityServiceServer::new(identity::IdentityCalls(Arc::clone(broker)));
    let health = HealthServer::new(health::HealthCalls::new(health::readiness(broker)));
    let routes = Routes::default()
        .add_service(lease.max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(token.max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(identity.max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(health.max_decoding_message_size(MAX_MESSAGE_BYTES))
        .add_service(reflection::v1()?)
        .add_service(reflection::v1alpha()?);
    let services = generic::add(routes.prepare().into_axum_router(), broker)?;
    Ok(edge::wrap(services, edge))
}
