//! The edge, around a service that misbehaves on request, and reflection, as clients see them.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body};
use futures::StreamExt as _;
use leasehold_proto::v1::{
    WhoAmIRequest, WhoAmIResponse,
    identity_service_client::IdentityServiceClient,
    identity_service_server::{IdentityService, IdentityServiceServer},
};
use tokio::net::TcpListener;
use tonic::{Code as Rpc, Request, Response, Status, service::Routes};
use tonic_reflection::pb::{v1, v1alpha};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use crate::{
    broker::{Code, Error},
    telemetry::Metrics,
};

use super::{call::context, edge, *};

const PATH: &str = "/leasehold.v1.IdentityService/WhoAmI";
const CANARY: &str = "canary-91c2";

/// Does what the `act` entry of the metadata says.
struct Stage;

#[tonic::async_trait]
impl IdentityService for Stage {
    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Result<Response<WhoAmIResponse>, Status> {
        let (metadata, extensions, _) = request.into_parts();
        let context = context(&extensions)?;
        match metadata.get("act").and_then(|act| act.to_str().ok()) {
            Some("panic") => panic!("{CANARY}"),
            // Longer than any deadline that a test sets: it never ends by itself.
            Some("sleep") => tokio::time::sleep(Duration::from_mins(1)).await,
            Some("fail") => return Err(Error::new(Code::LeaseExpired, "it ran out").into()),
            Some("break") => {
                let cause =
                    Arc::new(io::Error::other("disk gone")) as Arc<dyn std::error::Error + Send + Sync>;
                return Err(Error::internal(cause).into());
            }
            _ => {}
        }
        let name = context.origin.address.clone().unwrap_or_default();
        Ok(Response::new(WhoAmIResponse { name, ..Default::default() }))
    }
}

fn edge_of_tests() -> Edge {
    let new_request_id = Arc::new(|| "made-here".to_owned());
    Edge { metrics: Metrics::new(), slow: Some(Duration::from_secs(1)), new_request_id }
}

fn stage() -> Router {
    let service = IdentityServiceServer::new(Stage).max_decoding_message_size(MAX_MESSAGE_BYTES);
    edge::wrap(Routes::default().add_service(service).prepare().into_axum_router(), edge_of_tests())
}

async fn act(
    act: &'static str,
    change: impl FnOnce(&mut Request<WhoAmIRequest>),
) -> Result<Response<WhoAmIResponse>, Status> {
    let mut request = Request::new(WhoAmIRequest {});
    request.metadata_mut().insert("act", act.parse().expect("a value"));
    change(&mut request);
    IdentityServiceClient::new(stage()).who_am_i(request).await
}

/// Sends bytes as the one message of a call and gives the status of the answer.
async fn send(path: &str, message: &[u8]) -> Status {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).expect("small").to_be_bytes());
    frame.extend(message);
    let request =
        http::Request::post(path).header("content-type", "application/grpc").body(Body::from(frame));
    let response = stage().oneshot(request.expect("a request")).await.expect("an answer");
    assert_eq!(
        response.headers().get("x-request-id").map(http::HeaderValue::as_bytes),
        Some(&b"made-here"[..])
    );
    Status::from_header_map(response.headers()).expect("a status")
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

#[tokio::test]
async fn every_answer_carries_the_request_id() {
    let kept = |request: &mut Request<WhoAmIRequest>| {
        request.metadata_mut().insert("x-request-id", "mine.1".parse().expect("a value"));
    };
    let answered = act("nothing", kept).await.expect("an answer");
    assert_eq!(
        answered.metadata().get("x-request-id").map(tonic::metadata::MetadataValue::as_bytes),
        Some(&b"mine.1"[..])
    );
    for what in ["fail", "break", "panic"] {
        let refused = act(what, kept).await.expect_err(what);
        assert_eq!(
            refused.metadata().get("x-request-id").map(tonic::metadata::MetadataValue::as_bytes),
            Some(&b"mine.1"[..]),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error_that_tells_nothing() {
    let status = act("panic", |_| {}).await.expect_err("a panic");
    assert_eq!((status.code(), reason(&status).as_str()), (Rpc::Internal, "INTERNAL"));
    assert!(!format!("{status:?}").contains(CANARY));
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let status = act("sleep", |request| request.set_timeout(Duration::from_millis(20))).await;
    assert_eq!(status.expect_err("too late").code(), Rpc::DeadlineExceeded);
    let unreadable = |request: &mut Request<WhoAmIRequest>| {
        request.metadata_mut().insert("grpc-timeout", "soon".parse().expect("a value"));
    };
    let status = act("nothing", unreadable).await.expect_err("no limit");
    assert_eq!((status.code(), reason(&status).as_str()), (Rpc::InvalidArgument, "MALFORMED_REQUEST"));
}

#[tokio::test]
async fn what_cannot_be_read_is_the_clients_mistake() {
    // Field 1, length-delimited: a length beyond the end, then a tag that is none.
    for message in [&[0x0a, 0x05, b'x'][..], &[0x07][..]] {
        let status = send(PATH, message).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Rpc::InvalidArgument, "MALFORMED_REQUEST"));
    }
    let status = send(PATH, &vec![0; MAX_MESSAGE_BYTES + 1]).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Rpc::InvalidArgument, "REQUEST_TOO_LARGE"));
    for path in ["/leasehold.v1.IdentityService/WhoAreYou", "/nobody.v1.Service/Call", "/"] {
        let status = send(path, &[]).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Rpc::Unimplemented, "METHOD_NOT_ALLOWED"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn anything_but_grpc_is_an_unsupported_media_type() {
    for content_type in ["application/json", "application/grpc-web", "text/plain", ""] {
        let request = http::Request::post(PATH).header("content-type", content_type).body(Body::empty());
        let response = stage().oneshot(request.expect("a request")).await.expect("an answer");
        assert_eq!(response.status(), http::StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
        assert_eq!(response.headers()["x-request-id"], "made-here");
    }
}

#[tokio::test]
async fn a_listener_of_axum_serves_it_and_names_the_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = axum::serve(listener, stage().into_make_service_with_connect_info::<SocketAddr>());
    let client = async {
        let mut client =
            IdentityServiceClient::connect(format!("http://{address}")).await.expect("a connection");
        client.who_am_i(WhoAmIRequest {}).await
    };
    let answer = tokio::select! {
        answer = client => answer.expect("an answer"),
        ended = server.into_future() => panic!("the server ended: {ended:?}"),
    };
    assert_eq!(answer.get_ref().name, "127.0.0.1");
}

#[tokio::test(flavor = "current_thread")]
async fn every_call_is_recorded_once_without_its_values() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let _ = act("nothing", |request| {
        request.metadata_mut().insert("authorization", CANARY.parse().expect("a value"));
    })
    .await;
    let _ = act("fail", |_| {}).await;
    let _ = act("break", |_| {}).await;
    // The client leaves.
    let _ = tokio::time::timeout(Duration::from_millis(20), act("sleep", |_| {})).await;

    let text = log.text();
    let calls: Vec<&str> = text.lines().filter(|line| line.contains("leasehold::access")).collect();
    assert_eq!(calls.len(), 4, "{text}");
    for (line, expected) in calls.iter().zip([
        &["DEBUG", "status=\"OK\""][..],
        &[" INFO", "status=\"FAILED_PRECONDITION\"", "code=\"lease_expired\""],
        &["ERROR", "status=\"INTERNAL\"", "code=\"internal\"", "cause=disk gone"],
        &[" INFO", "status=\"CANCELLED\""],
    ]) {
        let always =
            ["transport=\"grpc\"", "operation=\"who_am_i\"", "request_id=\"made-here\"", "duration_us="];
        for part in expected.iter().chain(&always) {
            assert!(line.contains(part), "{line} lacks {part}");
        }
    }
    assert_eq!(text.lines().filter(|line| line.contains("disk gone")).count(), 1, "{text}");
    assert!(!text.contains(CANARY));
}

#[tokio::test]
async fn reflection_lists_every_service_in_both_versions() {
    let routes = Routes::default()
        .add_service(reflection::v1().expect("descriptors"))
        .add_service(reflection::v1alpha().expect("descriptors"));
    let app = edge::wrap(routes.prepare().into_axum_router(), edge_of_tests());

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(app.clone());
    let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = v1::ServerReflectionRequest { message_request: Some(list), ..Default::default() };
    let mut answers =
        client.server_reflection_info(futures::stream::iter([request])).await.expect("a stream").into_inner();
    let answer = answers.next().await.expect("an answer").expect("no error").message_response;
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("no list: {answer:?}");
    };
    assert_services(
        list.service.into_iter().map(|service| service.name),
        "grpc.reflection.v1.ServerReflection",
    );

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(app);
    let list = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
    let request = v1alpha::ServerReflectionRequest { message_request: Some(list), ..Default::default() };
    let mut answers =
        client.server_reflection_info(futures::stream::iter([request])).await.expect("a stream").into_inner();
    let answer = answers.next().await.expect("an answer").expect("no error").message_response;
    let Some(v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list)) = answer
    else {
        panic!("no list: {answer:?}");
    };
    assert_services(
        list.service.into_iter().map(|service| service.name),
        "grpc.reflection.v1alpha.ServerReflection",
    );
}

fn assert_services(names: impl Iterator<Item = String>, reflection: &str) {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    let ours = crate::api::operations().filter_map(|operation| operation.rpc?.split_once('/'));
    let mut expected: Vec<String> = ours.map(|(service, _)| format!("leasehold.v1.{service}")).collect();
    expected.extend(["grpc.health.v1.Health".to_owned(), reflection.to_owned()]);
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(names, expected);
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic while held")).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while held").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
