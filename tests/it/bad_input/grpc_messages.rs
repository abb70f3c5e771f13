//! gRPC messages that cannot be read, or say what the proto file does not.

use leasehold_proto::v1::{CreateLeaseRequest, ListLeasesRequest, lease_service_client::LeaseServiceClient};
use prost::Message as _;
use prost_types::Duration;
use reqwest::{Client, header};
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

use super::http_requests::Front;
use crate::harness::api::Failure;

#[tokio::test]
async fn invalid_utf_8_is_malformed() {
    let front = Front::opens().await;
    // Field 3, a string, of one byte that is no UTF-8.
    let refused = raw(&front, CREATE, framed(&[0x1a, 0x01, 0xff])).await;
    assert_eq!((refused.code(), code(refused)), (Code::InvalidArgument, "malformed_request".to_owned()));
    front.world.end().await;
}

#[tokio::test]
async fn a_message_cut_short_is_malformed() {
    let front = Front::opens().await;
    let whole = CreateLeaseRequest { server_id: "s".repeat(50), ..Default::default() }.encode_to_vec();
    let refused = raw(&front, CREATE, framed(&whole[..20])).await;
    assert_eq!((refused.code(), code(refused)), (Code::InvalidArgument, "malformed_request".to_owned()));
    front.world.end().await;
}

#[tokio::test]
async fn a_message_too_large_is_not_read() {
    let front = Front::opens().await;
    let large = CreateLeaseRequest { client_info: "a".repeat((1 << 20) + 1), ..Default::default() };
    let refused = leases(&front).create_lease(shown(&front, large)).await.unwrap_err();
    assert_eq!((refused.code(), code(refused)), (Code::InvalidArgument, "request_too_large".to_owned()));
    front.world.end().await;
}

#[tokio::test]
async fn deep_nesting_is_harmless() {
    let front = Front::opens().await;
    // An unknown field of groups within groups, unclosed.
    let refused = raw(&front, CREATE, framed(&vec![0x7b; 500_000])).await;
    assert_eq!((refused.code(), code(refused)), (Code::InvalidArgument, "malformed_request".to_owned()));
    front.world.end().await;
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let front = Front::opens().await;
    for content_type in ["application/json", "application/grpcx", "text/plain", ""] {
        let url = format!("http://{}{CREATE}", front.world.grpc);
        let request = h2().post(url).header(header::CONTENT_TYPE, content_type).body("{}");
        assert_eq!(request.send().await.unwrap().status(), 415, "{content_type}");
    }
    front.world.end().await;
}

#[tokio::test]
async fn an_unknown_method_is_refused() {
    let front = Front::opens().await;
    for path in ["/leasehold.v1.LeaseService/StealLease", "/leasehold.v2.LeaseService/CreateLease", "/"] {
        let refused = raw(&front, path, framed(&[])).await;
        assert_eq!(
            (refused.code(), code(refused)),
            (Code::Unimplemented, "method_not_allowed".to_owned()),
            "{path}"
        );
    }
    front.world.end().await;
}

#[tokio::test]
async fn a_ttl_of_split_seconds_is_refused() {
    let front = Front::opens().await;
    for ttl in [
        Duration { seconds: 600, nanos: 1 },
        Duration { seconds: 600, nanos: -1 },
        Duration { seconds: 0, nanos: i32::MIN },
    ] {
        let message = CreateLeaseRequest { ttl: Some(ttl), ..good() };
        let refused = leases(&front).create_lease(shown(&front, message)).await.unwrap_err();
        assert_eq!(Failure::from(refused).fields, ["ttl"]);
    }
    front.world.end().await;
}

#[tokio::test]
async fn an_unknown_enumeration_value_is_named() {
    let front = Front::opens().await;
    let message = ListLeasesRequest { status: 99, ..Default::default() };
    let refused = leases(&front).list_leases(shown(&front, message)).await.unwrap_err();
    assert_eq!(Failure::from(refused).fields, ["status"]);
    front.world.end().await;
}

#[tokio::test]
async fn two_idempotency_keys_are_one_too_many() {
    let front = Front::opens().await;
    let mut request = shown(&front, CreateLeaseRequest { idempotency_key: "a".to_owned(), ..good() });
    request.metadata_mut().insert("idempotency-key", "b".parse().unwrap());
    let refused = Failure::from(leases(&front).create_lease(request).await.unwrap_err());
    assert_eq!(
        (refused.code.as_str(), &*refused.fields),
        ("invalid_request", &["idempotency_key".to_owned()][..])
    );
    front.world.end().await;
}

#[tokio::test]
async fn a_token_shown_twice_is_none() {
    let front = Front::opens().await;
    let mut request = shown(&front, good());
    let again = request.metadata().get("authorization").cloned().expect("a token");
    request.metadata_mut().append("authorization", again);
    let refused = leases(&front).create_lease(request).await.unwrap_err();
    assert_eq!((refused.code(), code(refused)), (Code::Unauthenticated, "unauthenticated".to_owned()));
    front.world.end().await;
}

fn good() -> CreateLeaseRequest {
    CreateLeaseRequest { services: vec!["jira".to_owned()], server_id: "s".to_owned(), ..Default::default() }
}

fn leases(front: &Front) -> LeaseServiceClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", front.world.grpc)).expect("an address");
    LeaseServiceClient::new(endpoint.connect_lazy())
}

/// A request with the person's token.
fn shown<T>(front: &Front, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let header = front.ann.authorization.as_deref().expect("a header");
    request.metadata_mut().insert("authorization", header.parse().expect("ASCII"));
    request
}

/// Sends bytes as a message, with the person's token.
async fn raw(front: &Front, path: &str, body: Vec<u8>) -> Status {
    let request = h2()
        .post(format!("http://{}{path}", front.world.grpc))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::AUTHORIZATION, front.ann.authorization.as_deref().expect("a header"));
    let response = request.body(body).send().await.expect("an answer");
    Status::from_header_map(response.headers()).expect("a status without a message")
}

fn h2() -> Client {
    // An earlier test of the same process may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client")
}

/// A message as it goes over the wire: uncompressed, with its length.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    [&[0][..], &length, message].concat()
}

fn code(status: Status) -> String {
    Failure::from(status).code
}

const CREATE: &str = "/leasehold.v1.LeaseService/CreateLease";
