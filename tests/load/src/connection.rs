//! Connections to a broker or a floor, and the requests that go over them.
//!
//! HTTP: one keep-alive connection for each request in flight. gRPC: a few channels that all share.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use leasehold_proto::v1::{
    CreateLeaseRequest, GetLeaseRequest, ListLeasesRequest, ReadCredentialsRequest, RenewLeaseRequest,
    RevokeLeaseRequest, lease_service_client::LeaseServiceClient,
};
use prost::Message;
use tokio::{net::TcpStream, task::JoinSet};
use tonic::{
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::Failure;

/// Where something listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
}

/// A keep-alive HTTP/1.1 connection, opened anew when the other side closed it between two requests.
pub(crate) struct Http {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    /// Ends with this value.
    _driver: JoinSet<()>,
}

impl Http {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Why a connection broke off shows at the request that it was for.
            let _ = connection.await;
        });
        Ok(Self { address, sender, host: address.to_string().parse()?, _driver: driver })
    }

    /// Asks for an access token.
    pub(crate) async fn token(&mut self, basic: &HeaderValue) -> Result<Bytes, Failure> {
        let request = Request::post("/oauth/token")
            .header(header::HOST, self.host.clone())
            .header(header::AUTHORIZATION, basic.clone())
            .header(header::CONTENT_TYPE, FORM)
            .body(Full::new(Bytes::from_static(b"grant_type=client_credentials")))?;
        let (status, body) = self.send(request).await?;
        if status == StatusCode::OK { Ok(body) } else { Err(unexpected(status, &body)) }
    }

    /// The status of a page.
    pub(crate) async fn status(&mut self, path: &'static str) -> Result<StatusCode, Failure> {
        let request = Request::get(path).header(header::HOST, self.host.clone());
        Ok(self.send(request.body(Full::default())?).await?.0)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        if self.sender.ready().await.is_err() {
            *self = Self::open(self.address).await?;
        }
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// A gRPC channel, shared by many.
pub(crate) async fn channel(address: SocketAddr) -> Result<Channel, Failure> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true).connect().await?)
}

/// Calls of the lease service. Each answers how many bytes came, or the text of the status.
pub(crate) struct Grpc(pub(crate) LeaseServiceClient<Channel>);

impl Grpc {
    pub(crate) fn over(channel: &Channel) -> Self {
        Self(LeaseServiceClient::new(channel.clone()))
    }

    /// Takes a lease; answers its id too.
    pub(crate) async fn create(
        &mut self,
        bearer: &MetadataValue<Ascii>,
        services: &[String],
    ) -> Result<(usize, String), Failure> {
        let message = CreateLeaseRequest {
            services: services.to_vec(),
            server_id: "load".to_owned(),
            ..CreateLeaseRequest::default()
        };
        let lease = self.0.create_lease(request(bearer, message)).await?.into_inner();
        Ok((lease.encoded_len(), lease.lease_id))
    }

    pub(crate) async fn renew(&mut self, bearer: &MetadataValue<Ascii>, id: &str) -> Result<usize, Failure> {
        let message = RenewLeaseRequest { lease_id: id.to_owned(), ..RenewLeaseRequest::default() };
        Ok(self.0.renew_lease(request(bearer, message)).await?.get_ref().encoded_len())
    }

    pub(crate) async fn get(&mut self, bearer: &MetadataValue<Ascii>, id: &str) -> Result<usize, Failure> {
        let message = GetLeaseRequest { lease_id: id.to_owned() };
        Ok(self.0.get_lease(request(bearer, message)).await?.get_ref().encoded_len())
    }

    pub(crate) async fn read(&mut self, bearer: &MetadataValue<Ascii>, id: &str) -> Result<usize, Failure> {
        let message = ReadCredentialsRequest { lease_id: id.to_owned() };
        Ok(self.0.read_credentials(request(bearer, message)).await?.get_ref().encoded_len())
    }

    pub(crate) async fn revoke(&mut self, bearer: &MetadataValue<Ascii>, id: &str) -> Result<usize, Failure> {
        let message = RevokeLeaseRequest { lease_id: id.to_owned(), ..RevokeLeaseRequest::default() };
        Ok(self.0.revoke_lease(request(bearer, message)).await?.get_ref().encoded_len())
    }

    pub(crate) async fn list(&mut self, bearer: &MetadataValue<Ascii>) -> Result<usize, Failure> {
        let message = ListLeasesRequest { page_size: LISTED, ..ListLeasesRequest::default() };
        Ok(self.0.list_leases(request(bearer, message)).await?.get_ref().encoded_len())
    }
}

fn request<T>(bearer: &MetadataValue<Ascii>, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert(AUTHORIZATION.as_str(), bearer.clone());
    request
}

fn unexpected(status: StatusCode, body: &Bytes) -> Failure {
    format!("HTTP {status}: {}", String::from_utf8_lossy(body)).into()
}

const AUTHORIZATION: HeaderName = header::AUTHORIZATION;
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
/// Leases on a page of a list.
const LISTED: i32 = 10;
