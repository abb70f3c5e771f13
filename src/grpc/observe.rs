//! How calls are named in logs and figures: operations by path, the statuses of gRPC, and what each says of a call.

use std::{error::Error as _, time::Duration};

use axum::response::Response;
use tonic::{Code, Status};

use crate::{
    api::operations,
    telemetry::{Access, Answer, Metrics, Observation, Outcome, Transport},
};

use super::status::{Reason, code_of};

/// Where calls are recorded.
pub(super) fn access(metrics: &Metrics, slow: Option<Duration>) -> Access {
    let operations = operations().map(|operation| (operation.name, operation.is_routine()));
    Access::new(metrics, &TRANSPORT, operations.chain(COMMON.iter().map(|(_, name)| (*name, true))), slow)
}

/// The place of the operation behind a path: in the table, then behind it. Paths come from the client: an unknown one has
/// none.
pub(super) fn place(path: &str) -> Option<usize> {
    if let Some(rpc) = path.strip_prefix("/leasehold.v1.") {
        return operations().position(|operation| operation.rpc == Some(rpc));
    }
    let common = COMMON.iter().position(|(known, _)| *known == path);
    common.map(|place| operations().count() + place)
}

/// Records how a call was answered.
pub(super) fn finish(observation: Observation, response: &Response) {
    // Only what is no call of gRPC is answered by a status of HTTP.
    let is_call = response.status().is_success();
    let code = if is_call { code_of(response) } else { Code::InvalidArgument };
    let status = response.extensions().get::<Status>();
    let reason = status.and_then(|status| status.source()?.downcast_ref::<Reason>());
    observation.finish(Answer {
        // The codes are numbered in the order of the list.
        status: usize::try_from(code as i32).unwrap_or(usize::MAX),
        outcome: outcome(code),
        code: reason.map(|reason| reason.code).or_else(|| (!is_call).then_some(NOT_GRPC)),
        cause: reason.and_then(Reason::cause),
    });
}

const fn outcome(code: Code) -> Outcome {
    match code {
        Code::Ok => Outcome::Ok,
        Code::Cancelled => Outcome::Cancelled,
        Code::DataLoss | Code::DeadlineExceeded | Code::Internal | Code::Unavailable | Code::Unknown => {
            Outcome::Failed
        }
        Code::Aborted
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::InvalidArgument
        | Code::NotFound
        | Code::OutOfRange
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::Unauthenticated
        | Code::Unimplemented => Outcome::Refused,
    }
}

/// gRPC, as telemetry knows it: <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>, in order.
static TRANSPORT: Transport = Transport {
    name: "grpc",
    statuses: &[
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ],
    cancelled: Code::Cancelled as usize,
};

const NOT_GRPC: &str = crate::broker::Code::UnsupportedMediaType.as_str();
/// Services that every gRPC server has.
const COMMON: &[(&str, &str)] = &[
    ("/grpc.health.v1.Health/Check", "health_check"),
    ("/grpc.health.v1.Health/Watch", "health_watch"),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "reflection"),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "reflection"),
];

#[cfg(test)]
mod tests {
    use leasehold_proto::DESCRIPTORS;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_has_its_own_operation() {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
        let services = set.file.iter().flat_map(|file| file.service.iter().map(move |s| (file.package(), s)));
        let mut places: Vec<Option<usize>> = services
            .flat_map(|(package, service)| {
                let path = move |method: &str| format!("/{package}.{}/{method}", service.name());
                service.method.iter().map(move |method| place(&path(method.name())))
            })
            .collect();
        let count = places.len();
        assert!(count > 0 && !places.contains(&None), "{places:?}");
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), count);
        assert_eq!(place("/leasehold.v1.LeaseService/Nothing"), None);
        assert_eq!(place("/grpc.health.v1.Health/Watch"), Some(operations().count() + 1));
    }

    #[test]
    fn the_statuses_stand_in_the_order_of_their_numbers() {
        for number in 0..17 {
            let code = Code::from_i32(number);
            let words: String = format!("{code:?}").chars().fold(String::new(), |mut text, c| {
                if c.is_uppercase() && !text.is_empty() {
                    text.push('_');
                }
                text.push(c.to_ascii_uppercase());
                text
            });
            let name = TRANSPORT.statuses[code as usize];
            assert_eq!(name, if number == 0 { "OK" } else { &words });
        }
    }
}
