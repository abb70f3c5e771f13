//! Calls of operations that the table does by itself: the message becomes the request's JSON by the names of its fields,
//! the answer's JSON becomes the message.

use std::sync::Arc;

use axum::{Router, body::Body, routing::post};
use futures::StreamExt as _;
use leasehold_proto::DESCRIPTORS;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use tonic::{Request, Response, Status, server::Grpc};
use tower::service_fn;

use crate::{
    api::{Operation, operations},
    broker::{Broker, Error},
};

use super::{
    MAX_MESSAGE_BYTES,
    call::admit,
    dynamic::{DynamicCodec, from_json, to_json},
};

/// The compiled-in descriptors and the table of operations don't fit.
#[derive(Debug, thiserror::Error)]
pub enum GenericError {
    /// The descriptors don't read.
    #[error("the descriptors of the gRPC interface don't read")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// The table names a call that the proto files don't have.
    #[error("no such call in the proto files: {0}")]
    Unknown(&'static str),
}

/// Adds every such call to a router.
pub(super) fn add(mut router: Router, broker: &Arc<Broker>) -> Result<Router, GenericError> {
    let pool = DescriptorPool::decode(DESCRIPTORS)?;
    for operation in operations().filter(|operation| operation.generic.is_some()) {
        let Some(rpc) = operation.rpc else { continue };
        let method = method(&pool, rpc).ok_or(GenericError::Unknown(rpc))?;
        let broker = Arc::clone(broker);
        let handle = move |request: axum::extract::Request| serve(operation, method, broker, request);
        router = router.route(&format!("/{PACKAGE}.{rpc}"), post(handle));
    }
    Ok(router)
}

fn method(pool: &DescriptorPool, rpc: &str) -> Option<MethodDescriptor> {
    let (service, method) = rpc.split_once('/')?;
    let service = pool.get_service_by_name(&format!("{PACKAGE}.{service}"))?;
    service.methods().find(|known| known.name() == method)
}

async fn serve(
    operation: &'static Operation,
    method: MethodDescriptor,
    broker: Arc<Broker>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let codec = DynamicCodec::new(method.input());
    let mut grpc = Grpc::new(codec).apply_max_message_size_config(Some(MAX_MESSAGE_BYTES), None);
    let output = method.output();
    if operation.answers_lines() {
        let run = service_fn(move |request: Request<DynamicMessage>| {
            let (broker, output) = (Arc::clone(&broker), output.clone());
            async move {
                let (call, message) = admit(&broker, request).await?;
                let lines = operation.stream(broker, call, to_json(&message)).await?;
                let messages =
                    lines.map(move |line| Ok(from_json(&line?, output.clone()).map_err(Error::internal)?));
                Ok::<_, Status>(Response::new(messages.boxed()))
            }
        });
        return grpc.server_streaming(run, request).await.map(Body::new);
    }
    let run = service_fn(move |request: Request<DynamicMessage>| {
        let (broker, output) = (Arc::clone(&broker), output.clone());
        async move {
            let (call, message) = admit(&broker, request).await?;
            let request = to_json(&message);
            let answer = operation.run(broker, call, request).await?;
            let message = from_json(&answer, output).map_err(Error::internal)?;
            Ok::<_, Status>(Response::new(message))
        }
    });
    grpc.unary(run, request).await.map(Body::new)
}

const PACKAGE: &str = "leasehold.v1";
