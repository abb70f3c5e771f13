//! The record of a call for operators: what, how it ended, how long it took, who and under which id. Never a value.
//!
//! [`observe`] is the one place where logs and metrics of gRPC calls are attached.

use std::{error::Error, fmt, sync::Arc};

use axum::response::Response;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    clock::Clock,
    model::{instant::Instant, principal::Principal},
};

use super::{call::CallContext, status::code_of};

/// How a call ended.
pub(super) struct Outcome<'a> {
    /// Which operation, from a fixed set of names.
    pub operation: &'static str,
    /// The status code.
    pub code: Code,
    /// The error code in `UPPER_SNAKE`, when it failed with one.
    pub reason: Option<String>,
    /// The call's id.
    pub request_id: &'a str,
    /// Who called, once known.
    pub principal: Option<Principal>,
    /// From the first byte of the message to the answer, in microseconds.
    pub duration_us: i64,
    /// The internal cause of a failure, for the log alone.
    pub cause: Option<&'a (dyn Error + 'static)>,
}

/// Records a call.
pub(super) fn observe(outcome: &Outcome<'_>) {
    let Outcome { operation, code, reason, request_id, principal, duration_us, cause } = outcome;
    let reason = reason.as_deref();
    let principal = principal.map(tracing::field::display);
    tracing::info!(operation, ?code, reason, request_id, principal, duration_us, "call");
    if let Some(cause) = cause {
        tracing::error!(operation, ?code, request_id, cause = %Chain(*cause), "call failed");
    }
}

/// A call under way. Dropped unfinished, because the client left, it is recorded as cancelled.
pub(super) struct Observation {
    operation: &'static str,
    context: Arc<CallContext>,
    clock: Arc<dyn Clock>,
    started_at: Instant,
    finished: bool,
}

impl Observation {
    /// Starts the clock on a call to a path.
    pub(super) fn begin(path: &str, context: Arc<CallContext>, clock: Arc<dyn Clock>) -> Self {
        let started_at = clock.now();
        Self { operation: operation(path), context, clock, started_at, finished: false }
    }

    /// Records how the call was answered.
    pub(super) fn finish(mut self, response: &Response) {
        let status = response.extensions().get::<Status>();
        let info = status.and_then(StatusExt::get_details_error_info);
        let cause = status.and_then(Error::source);
        self.finished = true;
        self.record(code_of(response), info.map(|info| info.reason), cause);
    }

    fn record(&self, code: Code, reason: Option<String>, cause: Option<&(dyn Error + 'static)>) {
        observe(&Outcome {
            operation: self.operation,
            code,
            reason,
            request_id: &self.context.origin.request_id,
            principal: self.context.principal(),
            duration_us: self.clock.now().micros_since(self.started_at),
            cause,
        });
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.finished {
            self.record(Code::Cancelled, None, None);
        }
    }
}

/// An error with all its causes, in one line.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

/// The name of the operation behind a path. Paths come from the client: an unknown one never becomes a name.
fn operation(path: &str) -> &'static str {
    let found = OPERATIONS.iter().find(|(known, _)| *known == path);
    found.map_or("unknown", |(_, operation)| operation)
}

const OPERATIONS: &[(&str, &str)] = &[
    ("/leasehold.v1.LeaseService/CreateLease", "lease.create"),
    ("/leasehold.v1.LeaseService/RenewLease", "lease.renew"),
    ("/leasehold.v1.LeaseService/GetLease", "lease.show"),
    ("/leasehold.v1.LeaseService/ReadCredentials", "lease.read_credentials"),
    ("/leasehold.v1.LeaseService/RevokeLease", "lease.revoke"),
    ("/leasehold.v1.LeaseService/ListLeases", "lease.list"),
    ("/leasehold.v1.TokenService/IssueToken", "token.issue"),
    ("/leasehold.v1.TokenService/IntrospectToken", "token.introspect"),
    ("/leasehold.v1.TokenService/RevokeToken", "token.revoke"),
    ("/leasehold.v1.IdentityService/WhoAmI", "identity.who_am_i"),
    ("/grpc.health.v1.Health/Check", "health.check"),
    ("/grpc.health.v1.Health/Watch", "health.watch"),
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
        let mut names: Vec<&str> = services
            .flat_map(|(package, service)| {
                let path = move |method: &str| format!("/{package}.{}/{method}", service.name());
                service.method.iter().map(move |method| operation(&path(method.name())))
            })
            .collect();
        let count = names.len();
        assert!(count > 0 && !names.contains(&"unknown"), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
