//! Server reflection: the compiled-in descriptors, so that a client needs no proto file.

use leasehold_proto::DESCRIPTORS;
use tonic_reflection::server::{Builder, Error, v1, v1alpha};

use super::MAX_MESSAGE_BYTES;

/// The compiled-in descriptors don't read.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of the gRPC interface don't read")]
pub struct ReflectionError(#[from] Error);

/// `grpc.reflection.v1`.
pub(super) fn v1() -> Result<v1::ServerReflectionServer<impl v1::ServerReflection>, ReflectionError> {
    Ok(builder().build_v1()?.max_decoding_message_size(MAX_MESSAGE_BYTES))
}

/// `grpc.reflection.v1alpha`, which many tools still ask for.
pub(super) fn v1alpha()
-> Result<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>, ReflectionError> {
    Ok(builder().build_v1alpha()?.max_decoding_message_size(MAX_MESSAGE_BYTES))
}

fn builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
