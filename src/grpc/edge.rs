//! What surrounds every call: its request id, its deadline, its record, and an answer to whatever goes wrong outside
//! the handlers.
//!
//! It must know no message: it sees a path, metadata, and the status of the answer.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt as _;
use http::{HeaderValue, Method, StatusCode, header};
use tokio::time::timeout;
use tonic::{Code as Rpc, Status};

use crate::{
    broker::{Code, Error},
    telemetry::{Access, CallTrace, Metrics, REQUEST_ID_HEADER},
};

use super::{
    call::CallContext,
    deadline::{self, Deadline},
    observe,
    status::code_of,
};

/// What calls need beside the broker.
#[derive(Clone)]
pub struct Edge {
    /// Where calls are counted.
    pub metrics: Metrics,
    /// From how long on a call is logged as slow.
    pub slow: Option<Duration>,
    /// Makes the id of a call that came with none that can be kept.
    pub new_request_id: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Puts the edge around a router of gRPC services.
pub(super) fn wrap(router: Router, edge: Edge) -> Router {
    let Edge { metrics, slow, new_request_id } = edge;
    let edge = Wrapped { access: observe::access(&metrics, slow), new_request_id };
    router.layer(middleware::from_fn_with_state(edge, serve))
}

#[derive(Clone)]
struct Wrapped {
    access: Access,
    new_request_id: Arc<dyn Fn() -> String + Send + Sync>,
}

async fn serve(State(edge): State<Wrapped>, mut request: Request, next: Next) -> Response {
    let context = Arc::new(CallContext::of(&request, &*edge.new_request_id));
    let trace = Arc::new(CallTrace::new(context.origin.request_id.as_str().into()));
    let observation = edge.access.begin(observe::place(request.uri().path()), Arc::clone(&trace));
    request.extensions_mut().insert(Arc::clone(&context));
    let mut response = match deadline::read(request.headers()) {
        _ if !is_grpc(&request) => StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
        Ok(deadline) => trace.around(run(request, next, deadline, &context)).await,
        Err(error) => refusal(error),
    };
    if let Ok(id) = HeaderValue::from_str(&context.origin.request_id) {
        response.headers_mut().insert(REQUEST_ID_HEADER, id);
    }
    observe::finish(observation, &response);
    response
}

/// The gRPC specification asks for 415 on anything else; the other way in has its own listener.
fn is_grpc(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = content_type.and_then(|text| text.strip_prefix(b"application/grpc"));
    request.method() == Method::POST
        && rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Dropping the call's future at its deadline cancels it, just as the client's leaving does.
async fn run(request: Request, next: Next, deadline: Deadline, context: &CallContext) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(deadline.unwrap_or(TIME_LIMIT), answer).await {
        Ok(Ok(response)) => explained(response, context),
        // The payload may hold values of the call: it is neither answered nor logged.
        Ok(Err(_payload)) => refusal(Error::internal(Arc::new(Panicked) as Arc<_>)),
        Err(_elapsed) if deadline.is_none() => {
            refusal(Error::new(Code::Unavailable, "the answer took too long; a write may still take effect"))
        }
        Err(_elapsed) => {
            Status::deadline_exceeded("the deadline passed; a write under way may still take effect")
                .into_http()
        }
    }
}

/// What tonic refuses before a handler is reached is the client's mistake, which tonic's own codes don't always say.
fn explained(response: Response, context: &CallContext) -> Response {
    if context.was_reached() {
        return response;
    }
    let status = response.extensions().get::<Status>();
    let detail = status.map(Status::message).unwrap_or_default();
    let error = match code_of(&response) {
        Rpc::Internal => {
            Error::new(Code::MalformedRequest, "the message cannot be read: not what the proto file says")
        }
        Rpc::OutOfRange | Rpc::ResourceExhausted => {
            Error::new(Code::RequestTooLarge, "the message is larger than 1 MiB")
        }
        Rpc::Unimplemented if detail.is_empty() => {
            Error::new(Code::MethodNotAllowed, "no such method; server reflection lists them")
        }
        _ => return response,
    };
    refusal(error)
}

fn refusal(error: Error) -> Response {
    Status::from(error).into_http()
}

/// How long a call may take whose client sets no limit, as over HTTP.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A fault of the broker's code.
#[derive(Debug, thiserror::Error)]
#[error("a call panicked")]
struct Panicked;
