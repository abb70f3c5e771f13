//! The floor: what the machine can do when nothing has to be decided, recorded or sealed.
//!
//! A bare axum handler and a bare tonic service, in a process of their own, with the runtime that the broker has. They
//! answer as many bytes as the broker does, and nothing else of it.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};

use axum::{Router, http::header, response::IntoResponse, routing::post, serve::ListenerExt as _};
use bytes::Bytes;
use leasehold_proto::v1::{
    CreateLeaseRequest, CreateLeaseResponse, GetLeaseRequest, Lease, ListLeasesRequest, ListLeasesResponse,
    ReadCredentialsRequest, ReadCredentialsResponse, RenewLeaseRequest, RenewLeaseResponse,
    ReportUnauthorizedRequest, ReportUnauthorizedResponse, RevokeLeaseRequest, RevokeLeaseResponse,
    lease_service_server::{LeaseService, LeaseServiceServer},
};
use prost::Message;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use crate::{Failure, connection::Target, workload::Operation};

/// The first argument of this program when it plays the floor; the second is what [`Sizes`] prints.
pub(crate) const ROLE: &str = "floor";

/// Bytes of the broker's answers.
pub(crate) type Sizes = BTreeMap<Operation, usize>;

/// A floor that listens; it ends with this value.
pub(crate) struct Floor {
    pub(crate) target: Target,
    child: Child,
}

impl Floor {
    /// Starts one whose answers have these sizes.
    pub(crate) fn start(sizes: &Sizes) -> Result<Self, Failure> {
        let sizes: Vec<String> =
            Operation::ALL.iter().map(|operation| size(sizes, *operation).to_string()).collect();
        let mut child = Command::new(std::env::current_exe()?)
            .args([ROLE, &sizes.join(",")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let addresses = line.trim().split_once(' ').ok_or("the floor did not start")?;
        let target = Target { http: addresses.0.parse()?, grpc: addresses.1.parse()? };
        Ok(Self { target, child })
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays the floor until standard input ends, which it does with the generator.
pub(crate) fn serve(sizes: &str) -> Result<(), Failure> {
    let sizes: Vec<usize> = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let sizes: Sizes = Operation::ALL.into_iter().zip(sizes).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let http = TcpListener::bind(free).await?;
        let grpc = TcpIncoming::bind(free)?.with_nodelay(Some(true));
        println!("{} {}", http.local_addr()?, grpc.local_addr()?);
        io::stdout().flush()?;
        let http = http.tap_io(|stream| {
            // A connection that is gone already needs none.
            let _ = stream.set_nodelay(true);
        });
        let service = LeaseServiceServer::new(Answers::of(&sizes));
        let grpc = Server::builder().add_service(service).serve_with_incoming(grpc);
        let until_end = tokio::task::spawn_blocking(|| io::stdin().lock().lines().count());
        tokio::select! {
            ended = async { axum::serve(http, tokens(size(&sizes, Operation::Token))).await } => Ok(ended?),
            ended = grpc => Ok(ended?),
            _ = until_end => Ok(()),
        }
    })
}

fn tokens(size: usize) -> Router {
    let answer = Bytes::from("t".repeat(size));
    let handler = async move |_request: Bytes| ([(header::CONTENT_TYPE, "application/json")], answer.clone());
    Router::new().route("/oauth/token", post(async move |request| handler(request).await.into_response()))
}

/// An answer for each call, made once.
struct Answers {
    create: CreateLeaseResponse,
    get: Lease,
    list: ListLeasesResponse,
    read: ReadCredentialsResponse,
    renew: RenewLeaseResponse,
    revoke: RevokeLeaseResponse,
}

impl Answers {
    fn of(sizes: &Sizes) -> Self {
        let text = |operation| text(size(sizes, operation));
        Self {
            create: CreateLeaseResponse { lease_id: text(Operation::Create), ..Default::default() },
            get: Lease { lease_id: text(Operation::Get), ..Default::default() },
            list: ListLeasesResponse { next_page_token: text(Operation::List), ..Default::default() },
            read: ReadCredentialsResponse {
                lease_id: text(Operation::ReadCredentials),
                ..Default::default()
            },
            renew: RenewLeaseResponse { lease_id: text(Operation::Renew), ..Default::default() },
            revoke: RevokeLeaseResponse { lease_id: text(Operation::Revoke), ..Default::default() },
        }
    }
}

#[tonic::async_trait]
impl LeaseService for Answers {
    async fn create_lease(
        &self,
        _: Request<CreateLeaseRequest>,
    ) -> Result<Response<CreateLeaseResponse>, Status> {
        answer(&self.create)
    }

    async fn get_lease(&self, _: Request<GetLeaseRequest>) -> Result<Response<Lease>, Status> {
        answer(&self.get)
    }

    async fn list_leases(
        &self,
        _: Request<ListLeasesRequest>,
    ) -> Result<Response<ListLeasesResponse>, Status> {
        answer(&self.list)
    }

    async fn renew_lease(
        &self,
        _: Request<RenewLeaseRequest>,
    ) -> Result<Response<RenewLeaseResponse>, Status> {
        answer(&self.renew)
    }

    async fn revoke_lease(
        &self,
        _: Request<RevokeLeaseRequest>,
    ) -> Result<Response<RevokeLeaseResponse>, Status> {
        answer(&self.revoke)
    }

    async fn read_credentials(
        &self,
        _: Request<ReadCredentialsRequest>,
    ) -> Result<Response<ReadCredentialsResponse>, Status> {
        answer(&self.read)
    }

    async fn report_unauthorized(
        &self,
        _: Request<ReportUnauthorizedRequest>,
    ) -> Result<Response<ReportUnauthorizedResponse>, Status> {
        Ok(Response::new(ReportUnauthorizedResponse { changed: false, read: Some(self.read.clone()) }))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the form that the service has")]
fn answer<T: Clone>(message: &T) -> Result<Response<T>, Status> {
    Ok(Response::new(message.clone()))
}

fn size(sizes: &Sizes, operation: Operation) -> usize {
    sizes.get(&operation).copied().unwrap_or_default()
}

/// A text with which a message of one field takes so many bytes.
fn text(bytes: usize) -> String {
    let mut text = "t".repeat(bytes);
    while !text.is_empty() && (Lease { lease_id: text.clone(), ..Lease::default() }).encoded_len() > bytes {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_size_that_was_asked_for() {
        let sizes: Sizes = Operation::ALL.into_iter().zip([812, 600, 127, 129, 300, 60, 5_000]).collect();
        let answers = Answers::of(&sizes);
        let made = [answers.create.encoded_len(), answers.get.encoded_len(), answers.list.encoded_len()];
        assert_eq!(made, [600, 129, 5_000]);
        let made = [answers.read.encoded_len(), answers.renew.encoded_len(), answers.revoke.encoded_len()];
        assert_eq!(made, [300, 127, 60]);
    }
}
