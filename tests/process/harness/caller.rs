//! One caller of one broker, over HTTP or gRPC. The same calls either way; what counts is how they end: answered,
//! refused with a code, or never answered, so that nobody knows.

use std::{sync::Once, time::Duration};

use leasehold::model::instant::Instant;
use leasehold_proto::v1::{
    CreateLeaseRequest, GetLeaseRequest, LeaseStatus, ReadCredentialsRequest, RenewLeaseRequest,
    RevokeLeaseRequest, lease_service_client::LeaseServiceClient,
};
use prost_types::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

/// Over which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Grpc,
    Http,
}

/// A program with a token.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) way: Way,
    http: reqwest::Client,
    url: String,
    grpc: LeaseServiceClient<Channel>,
    token: String,
}

/// How a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No answer: it may have been done or not.
    Lost,
    /// The stable code of the refusal.
    Refused(String),
}

/// A lease to ask for.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) services: &'a [&'a str],
    pub(crate) server_id: &'a str,
    pub(crate) key: Option<&'a str>,
}

/// What is told of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: String,
    pub(crate) renewal_count: u64,
    pub(crate) expires_at: Instant,
    pub(crate) reason: String,
}

type Called<T> = Result<T, Failure>;

impl Caller {
    /// A caller of the broker at these addresses.
    pub(crate) async fn connect(way: Way, url: &str, grpc: &str, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(grpc.to_owned()).expect("an address").timeout(TIMEOUT);
        let channel = match way {
            Way::Grpc => endpoint.connect().await.expect("the gRPC port"),
            Way::Http => endpoint.connect_lazy(),
        };
        Self {
            way,
            http: http_client(),
            url: url.to_owned(),
            grpc: LeaseServiceClient::new(channel),
            token: token.to_owned(),
        }
    }

    /// The same, with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Takes a lease: id and expiry.
    pub(crate) async fn create(&self, ask: Ask<'_>) -> Called<(String, Instant)> {
        let Ask { services, server_id, key } = ask;
        if self.way == Way::Grpc {
            let message = CreateLeaseRequest {
                services: services.iter().map(|&service| service.to_owned()).collect(),
                server_id: server_id.to_owned(),
                idempotency_key: key.unwrap_or_default().to_owned(),
                ..Default::default()
            };
            let granted = self
                .grpc
                .clone()
                .create_lease(self.request(message))
                .await
                .map_err(|status| failed(&status))?
                .into_inner();
            return Ok((granted.lease_id, instant(granted.expires_at)));
        }
        let body = json!({ "services": services, "server_id": server_id });
        let granted = self.call(Method::POST, LEASES, Some(body), key).await?;
        assert!(granted["credentials"].is_object(), "a lease without credentials");
        Ok((text(&granted, "lease_id"), time(&granted)))
    }

    /// Shows a lease.
    pub(crate) async fn show(&self, id: &str) -> Called<Standing> {
        if self.way == Way::Grpc {
            let message = GetLeaseRequest { lease_id: id.to_owned() };
            let lease = self
                .grpc
                .clone()
                .get_lease(self.request(message))
                .await
                .map_err(|status| failed(&status))?
                .into_inner();
            let status = match lease.status() {
                LeaseStatus::Active => "active",
                LeaseStatus::Expired => "expired",
                LeaseStatus::Revoked => "revoked",
                LeaseStatus::Unspecified => "unspecified",
            };
            return Ok(Standing {
                status: status.to_owned(),
                renewal_count: lease.renewal_count.into(),
                expires_at: instant(lease.expires_at),
                reason: lease.revocation_reason,
            });
        }
        let lease = self.call(Method::GET, &format!("{LEASES}/{id}"), None, None).await?;
        Ok(Standing {
            status: text(&lease, "status"),
            renewal_count: lease["renewal_count"].as_u64().expect("renewal_count"),
            expires_at: time(&lease),
            reason: lease["revocation_reason"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Renews a lease: renewals so far, and the new expiry.
    pub(crate) async fn renew(&self, id: &str) -> Called<(u64, Instant)> {
        if self.way == Way::Grpc {
            let message = RenewLeaseRequest { lease_id: id.to_owned(), ..Default::default() };
            let renewed = self
                .grpc
                .clone()
                .renew_lease(self.request(message))
                .await
                .map_err(|status| failed(&status))?
                .into_inner();
            return Ok((renewed.renewal_count.into(), instant(renewed.expires_at)));
        }
        let renewed = self.call(Method::POST, &format!("{LEASES}/{id}/renew"), None, None).await?;
        Ok((renewed["renewal_count"].as_u64().expect("renewal_count"), time(&renewed)))
    }

    /// Reads a lease's values again, and finds some.
    pub(crate) async fn read(&self, id: &str) -> Called<()> {
        if self.way == Way::Grpc {
            let message = ReadCredentialsRequest { lease_id: id.to_owned() };
            let read = self
                .grpc
                .clone()
                .read_credentials(self.request(message))
                .await
                .map_err(|status| failed(&status))?;
            assert!(!read.into_inner().credentials.is_empty(), "no credentials");
            return Ok(());
        }
        let read = self.call(Method::GET, &format!("{LEASES}/{id}/credentials"), None, None).await?;
        assert!(read["credentials"].as_object().is_some_and(|values| !values.is_empty()), "no credentials");
        Ok(())
    }

    /// Revokes a lease.
    pub(crate) async fn revoke(&self, id: &str) -> Called<()> {
        if self.way == Way::Grpc {
            let message = RevokeLeaseRequest { lease_id: id.to_owned(), reason: "done".to_owned() };
            return self
                .grpc
                .clone()
                .revoke_lease(self.request(message))
                .await
                .map(drop)
                .map_err(|status| failed(&status));
        }
        let body = json!({ "reason": "done" });
        self.call(Method::DELETE, &format!("{LEASES}/{id}"), Some(body), None).await.map(drop)
    }

    /// Calls a path over HTTP: the body of a success.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> Called<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await.map_err(|_| Failure::Lost)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|_| Failure::Lost)?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let code =
            body["code"].as_str().map_or_else(|| format!("http_{}", status.as_u16()), ToOwned::to_owned);
        Err(Failure::Refused(code))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().expect("a token");
        request.metadata_mut().insert("authorization", bearer);
        request
    }
}

/// A client for plain HTTP and, with roots of its own, for HTTPS.
pub(crate) fn http_client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().expect("an HTTP client")
}

/// The broker explains every refusal; a status without explanation was made by the transport here.
fn failed(status: &Status) -> Failure {
    let info = status.get_details_error_info();
    info.map_or(Failure::Lost, |info| Failure::Refused(info.reason.to_ascii_lowercase()))
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("{name} is missing")).to_owned()
}

fn time(body: &Value) -> Instant {
    text(body, "expires_at").parse().expect("a time")
}

fn instant(at: Option<Timestamp>) -> Instant {
    let at = at.expect("expires_at");
    Instant::from_micros(at.seconds * 1_000_000 + i64::from(at.nanos / 1_000))
}

/// Where leases are.
pub(crate) const LEASES: &str = "/api/mcp/credentials/lease";
const TIMEOUT: Duration = Duration::from_secs(45);
