//! The standard health service (`grpc.health.v1`): serving while the broker is ready.
//!
//! It must know nothing of why the broker is not ready: a probe says yes or no.

use std::{sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use leasehold_proto::v1::{identity_service_server, lease_service_server, token_service_server};
use tokio::time::{sleep, timeout};
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health,
};

use crate::broker::Broker;

/// Asks whether the broker is ready, and doesn't wait long for the answer.
pub(super) fn readiness(broker: &Arc<Broker>) -> impl Probe {
    let broker = Arc::clone(broker);
    move || {
        let broker = Arc::clone(&broker);
        let answer = async move { matches!(timeout(PROBE_TIMEOUT, broker.is_ready()).await, Ok(Ok(()))) };
        Box::pin(answer) as ProbeFuture
    }
}

/// Tells whether calls can be served.
pub(super) trait Probe: Fn() -> ProbeFuture + Send + Sync + 'static {}

impl<F: Fn() -> ProbeFuture + Send + Sync + 'static> Probe for F {}

/// What a probe answers with.
pub(super) type ProbeFuture = futures::future::BoxFuture<'static, bool>;

/// The service, over a probe.
pub(super) struct HealthCalls<P>(Arc<P>);

impl<P: Probe> HealthCalls<P> {
    /// Over a probe.
    pub(super) fn new(probe: P) -> Self {
        Self(Arc::new(probe))
    }
}

#[tonic::async_trait]
impl<P: Probe> Health for HealthCalls<P> {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !is_known(&request.get_ref().service) {
            return Err(Status::not_found("no such service"));
        }
        Ok(Response::new(answer(serving(&*self.0).await)))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if !is_known(&request.get_ref().service) {
            // The protocol wants the stream kept open, should the service appear; here none ever does.
            let unknown = stream::iter([Ok(answer(ServingStatus::ServiceUnknown))]);
            return Ok(Response::new(unknown.chain(stream::pending()).boxed()));
        }
        Ok(Response::new(changes(Arc::clone(&self.0)).map(|status| Ok(answer(status))).boxed()))
    }
}

/// The present status at once, then each change of it.
fn changes<P: Probe>(probe: Arc<P>) -> impl futures::Stream<Item = ServingStatus> {
    stream::unfold((probe, None), |(probe, last)| async move {
        loop {
            if last.is_some() {
                sleep(WATCH_PERIOD).await;
            }
            let status = serving(&*probe).await;
            if last != Some(status) {
                return Some((status, (probe, Some(status))));
            }
        }
    })
}

async fn serving(probe: &impl Probe) -> ServingStatus {
    if probe().await { ServingStatus::Serving } else { ServingStatus::NotServing }
}

/// The empty name stands for the whole server.
fn is_known(service: &str) -> bool {
    let services = [
        "",
        identity_service_server::SERVICE_NAME,
        lease_service_server::SERVICE_NAME,
        token_service_server::SERVICE_NAME,
    ];
    services.contains(&service)
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const WATCH_PERIOD: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tonic::Code;

    use super::*;

    fn calls() -> (Arc<AtomicBool>, HealthCalls<impl Probe>) {
        let ready = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&ready);
        let probe = move || {
            let ready = seen.load(Ordering::Relaxed);
            Box::pin(async move { ready }) as ProbeFuture
        };
        (ready, HealthCalls::new(probe))
    }

    fn ask(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest { service: service.to_owned() })
    }

    #[tokio::test]
    async fn check_follows_the_probe() {
        let (ready, calls) = calls();
        for (is_ready, expected) in [(true, ServingStatus::Serving), (false, ServingStatus::NotServing)] {
            ready.store(is_ready, Ordering::Relaxed);
            for service in ["", "leasehold.v1.LeaseService"] {
                let answer = calls.check(ask(service)).await.expect("an answer").into_inner();
                assert_eq!(answer.status(), expected);
            }
        }
        let unknown = calls.check(ask("nobody.v1.Service")).await;
        assert_eq!(unknown.map(|_| ()).map_err(|status| status.code()), Err(Code::NotFound));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn watch_tells_each_change_once() {
        let (ready, calls) = calls();
        let mut stream = calls.watch(ask("")).await.expect("a stream").into_inner();
        let first = stream.next().await.and_then(Result::ok).map(|answer| answer.status());
        assert_eq!(first, Some(ServingStatus::Serving));
        ready.store(false, Ordering::Relaxed);
        let second = stream.next().await.and_then(Result::ok).map(|answer| answer.status());
        assert_eq!(second, Some(ServingStatus::NotServing));
        let mut unknown = calls.watch(ask("nobody")).await.expect("a stream").into_inner();
        let answer = unknown.next().await.and_then(Result::ok).map(|answer| answer.status());
        assert_eq!(answer, Some(ServingStatus::ServiceUnknown));
    }
}
