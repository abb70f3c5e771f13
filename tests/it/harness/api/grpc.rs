//! gRPC, by the client that the proto files generate.

use std::{collections::BTreeMap, net::SocketAddr};

use async_trait::async_trait;
use futures::TryStreamExt as _;
use leasehold::{
    grpc::dynamic::{DynamicCodec, from_json, to_json},
    model::instant::Instant,
};
use leasehold_proto::v1::{
    self, identity_service_client::IdentityServiceClient, lease_service_client::LeaseServiceClient,
    token_service_client::TokenServiceClient,
};
use prost_reflect::{
    DescriptorPool, DynamicMessage, Kind as FieldKind, MessageDescriptor, ReflectMessage as _,
};
use prost_types::{Duration, Struct, Timestamp, value::Kind};
use serde_json::{Map, Number, Value, json};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use super::{
    Answer, Api, Ask, Failure, Grant, Included, Introspected, Issued, ListAsk, Me, OwnTeam, Page, Read,
    RenewAsk, Renewed, ReportSeen, Revoked, Shown, SourceSeen, TokenAsk, Values, known,
};

pub(crate) struct Grpc(Channel);

impl Grpc {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(Endpoint::from_shared(format!("http://{address}")).expect("an address").connect_lazy())
    }

    fn leases(&self) -> LeaseServiceClient<Channel> {
        LeaseServiceClient::new(self.0.clone())
    }
}

#[async_trait]
impl Api for Grpc {
    async fn token(&self, ask: &TokenAsk) -> Answer<Issued> {
        let request = v1::IssueTokenRequest {
            grant_type: "client_credentials".to_owned(),
            client_id: ask.client_id.clone(),
            client_secret: ask.client_secret.clone(),
            scope: ask.scope.clone().unwrap_or_default(),
            resource: ask.resource.clone().unwrap_or_default(),
        };
        let issued = TokenServiceClient::new(self.0.clone()).issue_token(request).await;
        // Where HTTP names the wrong parameter in words, gRPC names it as a field.
        let issued = issued.map_err(|status| Failure { fields: Vec::new(), ..Failure::from(status) })?;
        let v1::IssueTokenResponse { access_token, token_type, expires_in, scope } = issued.into_inner();
        assert_eq!(token_type, "Bearer");
        Ok(Issued { access_token, expires_in: expires_in.expect("a duration").seconds, scope })
    }

    async fn introspect(&self, ask: &TokenAsk, token: &str) -> Answer<Introspected> {
        let request = v1::IntrospectTokenRequest {
            token: token.to_owned(),
            client_id: ask.client_id.clone(),
            client_secret: ask.client_secret.clone(),
        };
        let mut client = TokenServiceClient::new(self.0.clone());
        let found = client.introspect_token(request).await?.into_inner();
        Ok(Introspected {
            active: found.active,
            scope: given(found.scope),
            client_id: given(found.client_id),
            sub: given(found.sub),
            aud: given(found.aud),
            iss: given(found.iss),
            exp: found.exp.map(|at| at.seconds),
            iat: found.iat.map(|at| at.seconds),
            jti: given(found.jti),
            owner: given(found.owner),
        })
    }

    async fn withdraw(&self, ask: &TokenAsk, token: &str) -> Answer<()> {
        let request = v1::RevokeTokenRequest {
            token: token.to_owned(),
            client_id: ask.client_id.clone(),
            client_secret: ask.client_secret.clone(),
        };
        TokenServiceClient::new(self.0.clone()).revoke_token(request).await?;
        Ok(())
    }

    async fn me(&self, authorization: Option<&str>) -> Answer<Me> {
        let mut client = IdentityServiceClient::new(self.0.clone());
        let me = client.who_am_i(request(authorization, v1::WhoAmIRequest {})).await?.into_inner();
        let team = |team: v1::OrganizationMembership| OwnTeam {
            role: enum_name(team.role().as_str_name(), "ORGANIZATION_ROLE_"),
            id: team.id,
            name: team.name,
        };
        Ok(Me {
            user_id: given(me.user_id),
            client_id: given(me.client_id),
            email: given(me.email),
            name: me.name,
            organizations: me.organizations.into_iter().map(team).collect(),
            available_services: me.available_services,
            token_scopes: me.token_scopes,
        })
    }

    async fn create(&self, authorization: Option<&str>, ask: &Ask) -> Answer<Grant> {
        let ask = ask.clone();
        let message = v1::CreateLeaseRequest {
            services: ask.services,
            ttl: ask.ttl.map(duration),
            server_id: ask.server_id,
            organization_id: ask.organization_id.unwrap_or_default(),
            allow_partial: ask.allow_partial,
            reuse: ask.reuse,
            client_info: ask.client_info.unwrap_or_default(),
            idempotency_key: ask.idempotency_key.unwrap_or_default(),
        };
        Ok(grant(self.leases().create_lease(request(authorization, message)).await?.into_inner()))
    }

    async fn show(&self, authorization: Option<&str>, id: &str) -> Answer<Shown> {
        let message = v1::GetLeaseRequest { lease_id: id.to_owned() };
        Ok(shown(self.leases().get_lease(request(authorization, message)).await?.into_inner()))
    }

    async fn list(&self, authorization: Option<&str>, ask: &ListAsk) -> Answer<Page> {
        let status = match ask.status {
            None => v1::LeaseStatus::Unspecified,
            Some("active") => v1::LeaseStatus::Active,
            Some("expired") => v1::LeaseStatus::Expired,
            Some("revoked") => v1::LeaseStatus::Revoked,
            Some(other) => panic!("gRPC knows no status {other}"),
        };
        let message = v1::ListLeasesRequest {
            status: status.into(),
            service: ask.service.unwrap_or_default().to_owned(),
            server_id: ask.server_id.unwrap_or_default().to_owned(),
            page_size: ask.page_size.unwrap_or_default(),
            page_token: ask.page_token.clone().unwrap_or_default(),
        };
        let page = self.leases().list_leases(request(authorization, message)).await?.into_inner();
        let leases = page.leases.into_iter().map(shown).collect();
        Ok(Page { leases, next_page_token: given(page.next_page_token) })
    }

    async fn renew(&self, authorization: Option<&str>, id: &str, ask: &RenewAsk) -> Answer<Renewed> {
        let message = v1::RenewLeaseRequest {
            lease_id: id.to_owned(),
            ttl: ask.ttl.map(duration),
            include_credentials: ask.with_credentials,
        };
        let renewed = self.leases().renew_lease(request(authorization, message)).await?.into_inner();
        let capped_by = match renewed.capped_by() {
            v1::RenewalCap::Unspecified => None,
            cap @ v1::RenewalCap::MaxLifetime => Some(enum_name(cap.as_str_name(), "RENEWAL_CAP_")),
        };
        Ok(Renewed {
            lease_id: renewed.lease_id,
            expires_at: instant(renewed.expires_at).expect("a time"),
            renewal_count: renewed.renewal_count,
            max_renewals: renewed.max_renewals,
            renewals_remaining: renewed.renewals_remaining,
            last_renewed_at: instant(renewed.last_renewed_at),
            renew_after: instant(renewed.renew_after).expect("a time"),
            capped_by,
            credentials: (!renewed.credentials.is_empty()).then(|| values(renewed.credentials)),
        })
    }

    async fn read(&self, authorization: Option<&str>, id: &str) -> Answer<Read> {
        let message = v1::ReadCredentialsRequest { lease_id: id.to_owned() };
        let read = self.leases().read_credentials(request(authorization, message)).await?.into_inner();
        Ok(Read {
            lease_id: read.lease_id,
            credentials: values(read.credentials),
            expires_at: instant(read.expires_at).expect("a time"),
            renew_after: instant(read.renew_after).expect("a time"),
        })
    }

    async fn report(
        &self,
        authorization: Option<&str>,
        id: &str,
        service: &str,
        version: i64,
    ) -> Answer<ReportSeen> {
        let message = v1::ReportUnauthorizedRequest {
            lease_id: id.to_owned(),
            service: service.to_owned(),
            credential_version: version,
        };
        let sent = self.leases().report_unauthorized(request(authorization, message)).await?;
        let v1::ReportUnauthorizedResponse { changed, read } = sent.into_inner();
        let read = read.expect("values");
        Ok(ReportSeen {
            changed,
            credentials: values(read.credentials),
            credential_versions: read.credential_versions.into_iter().collect(),
        })
    }

    async fn revoke(&self, authorization: Option<&str>, id: &str, reason: Option<&str>) -> Answer<Revoked> {
        let reason = reason.unwrap_or_default().to_owned();
        let message = v1::RevokeLeaseRequest { lease_id: id.to_owned(), reason };
        let revoked = self.leases().revoke_lease(request(authorization, message)).await?.into_inner();
        let revoked_at = instant(revoked.revoked_at).expect("a time");
        Ok(Revoked { lease_id: revoked.lease_id, revoked_at })
    }

    async fn run(&self, authorization: Option<&str>, operation: &str, fields: Value) -> Answer<Value> {
        let rpc = known(operation).rpc.expect("the operation has an RPC");
        let (service, method) = rpc.split_once('/').expect("a service and a method");
        let pool = DescriptorPool::decode(leasehold_proto::DESCRIPTORS).expect("descriptors");
        let service = pool.get_service_by_name(&format!("leasehold.v1.{service}")).expect("the service");
        let method = service.methods().find(|known| known.name() == method).expect("the method");
        // What the message has no place for cannot be asked this way; HTTP refuses it as an unknown field.
        let message = from_json(&fields, method.input()).map_err(|misfit| Failure {
            code: "invalid_request".to_owned(),
            fields: vec![misfit.0],
            ..Failure::default()
        })?;
        let mut client = tonic::client::Grpc::new(self.0.clone());
        client.ready().await.expect("a connection");
        let path = format!("/leasehold.v1.{rpc}").parse().expect("a path");
        let codec = DynamicCodec::new(method.output());
        if method.is_server_streaming() {
            let answer = client.server_streaming(request(authorization, message), path, codec).await?;
            let lines: Vec<DynamicMessage> = answer.into_inner().try_collect().await?;
            return Ok(json!({ "lines": lines.iter().map(to_json).collect::<Vec<_>>() }));
        }
        let answer = client.unary(request(authorization, message), path, codec).await?;
        let mut seen = to_json(answer.get_ref());
        complete(&mut seen, &answer.get_ref().descriptor());
        Ok(seen)
    }
}

/// Adds what a client of the message sees although it is not sent: empty lists, zeros and falsehoods.
fn complete(seen: &mut Value, message: &MessageDescriptor) {
    let Some(object) = seen.as_object_mut() else { return };
    for field in message.fields().filter(|field| !field.supports_presence()) {
        let unsent = match field.kind() {
            _ if field.is_map() => continue,
            _ if field.is_list() => json!([]),
            FieldKind::Bool => json!(false),
            FieldKind::Int32 | FieldKind::Int64 => json!(0),
            _ => continue,
        };
        object.entry(field.name().to_owned()).or_insert(unsent);
    }
    for field in message.fields().filter(|field| !field.is_map()) {
        let (FieldKind::Message(inner), Some(value)) = (field.kind(), object.get_mut(field.name())) else {
            continue;
        };
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| complete(item, &inner)),
            value if inner.package_name() == message.package_name() => complete(value, &inner),
            _ => {}
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
        assert_eq!(info.domain, "leasehold");
        let code = info.reason.to_ascii_lowercase();
        if let Some(known) = leasehold::broker::Code::ALL.iter().find(|known| known.as_str() == code) {
            // What exists already is a conflict of its own.
            let exists = code == "conflict" && status.code() == tonic::Code::AlreadyExists;
            assert!(exists || status.code() == leasehold::wire::statuses(*known).1, "{status:?}");
        }
        let list = |name: &str| -> Vec<String> {
            let names = info.metadata.get(name).map_or("", String::as_str).split(',');
            names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        let delay = details.retry_info().and_then(|retry| retry.retry_delay);
        Self {
            fields: fields.into_iter().map(|violation| violation.field).collect(),
            missing: list("missing_services"),
            available: list("available_services"),
            retry_after: delay.map(|delay| u32::try_from(delay.as_secs()).expect("seconds")),
            code,
        }
    }
}

fn request<T>(authorization: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value.parse().expect("ASCII"));
    }
    request
}

fn grant(grant: v1::CreateLeaseResponse) -> Grant {
    let scope = enum_name(grant.credential_scope().as_str_name(), "CREDENTIAL_SCOPE_");
    let source = |source: v1::CredentialSource| SourceSeen {
        scope: enum_name(source.scope().as_str_name(), "CREDENTIAL_SCOPE_"),
        organization_id: given(source.organization_id),
        organization_name: given(source.organization_name),
        credential_id: source.credential_id,
        credential_version: source.credential_version,
    };
    let included = grant.included_org_credentials.into_iter();
    let expiries = grant.credential_expires_at.into_iter();
    Grant {
        lease_id: grant.lease_id,
        credentials: values(grant.credentials),
        credential_sources: grant.credential_sources.into_iter().map(|(name, s)| (name, source(s))).collect(),
        credential_expires_at: expiries
            .map(|(name, at)| (name, instant(Some(at)).expect("a time")))
            .collect(),
        expires_at: instant(grant.expires_at).expect("a time"),
        renew_after: instant(grant.renew_after).expect("a time"),
        renewable: grant.renewable,
        max_renewals: grant.max_renewals,
        credential_scope: scope,
        included_org_credentials: included
            .map(|part| Included { organization_id: part.organization_id, services: part.services })
            .collect(),
        missing_services: grant.missing_services,
        reused: grant.reused,
        fresh: !grant.reused && !grant.replayed,
    }
}

fn shown(lease: v1::Lease) -> Shown {
    Shown {
        status: enum_name(lease.status().as_str_name(), "LEASE_STATUS_"),
        credential_scope: enum_name(lease.credential_scope().as_str_name(), "CREDENTIAL_SCOPE_"),
        lease_id: lease.lease_id,
        services: lease.services,
        expires_at: instant(lease.expires_at).expect("a time"),
        renewable: lease.renewable,
        renewal_count: lease.renewal_count,
        max_renewals: lease.max_renewals,
        renewals_remaining: lease.renewals_remaining,
        server_id: lease.server_id,
        organization_id: given(lease.organization_id),
        created_at: instant(lease.created_at).expect("a time"),
        last_renewed_at: instant(lease.last_renewed_at),
        revoked_at: instant(lease.revoked_at),
        revocation_reason: given(lease.revocation_reason),
        revoked_by: given(lease.revoked_by),
        ttl: lease.ttl.expect("a duration").seconds,
        client_info: given(lease.client_info),
    }
}

fn values(structs: BTreeMap<String, Struct>) -> Values {
    structs.into_iter().map(|(service, fields)| (service, object(fields))).collect()
}

fn object(fields: Struct) -> Map<String, Value> {
    fields.fields.into_iter().map(|(name, value)| (name, json(value))).collect()
}

fn json(value: prost_types::Value) -> Value {
    match value.kind.expect("a kind") {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(flag) => Value::Bool(flag),
        Kind::NumberValue(number) => number_of(number),
        Kind::StringValue(text) => Value::String(text),
        Kind::ListValue(list) => list.values.into_iter().map(json).collect(),
        Kind::StructValue(fields) => Value::Object(object(fields)),
    }
}

/// A Struct knows doubles alone; whole ones compare as JSON's integers do.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn number_of(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return Value::from(number as i64);
    }
    Value::Number(Number::from_f64(number).expect("finite"))
}

fn instant(at: Option<Timestamp>) -> Option<Instant> {
    let Timestamp { seconds, nanos } = at?;
    Some(Instant::from_micros(seconds * 1_000_000 + i64::from(nanos) / 1_000))
}

const fn duration(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// `LEASE_STATUS_ACTIVE` → `active`.
fn enum_name(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).expect("the prefix of its kind").to_ascii_lowercase()
}
