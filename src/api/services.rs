//! The catalog of services: `/api/services`. Whoever shows a token may read it; how much each is used is for operators.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    broker::{Broker, Call, Error},
    model::catalog::{Field, FieldKind, Service, requests::Attachment},
};

use super::table;

table! {
    /// List services
    ///
    /// Those that credentials can be deposited for.
    list_services(ListServicesRequest) -> ListServicesResponse:
        GET "/api/services" 200, rpc "ServiceCatalog/ListServices", Own Any, cli "services list";
    /// List services and how much they are used
    ///
    /// Every service of the catalog, with how many credentials of it are deposited.
    count_services(CountServicesRequest) -> CountServicesResponse:
        GET "/api/admin/services" 200, rpc "ServiceCatalog/CountServices", Operator AdminRead, cli "services list";
    /// Show a service
    ///
    /// With the fields of its credentials, for a form.
    show_service(GetServiceRequest) -> ServiceView:
        GET "/api/services/{name}" 200, rpc "ServiceCatalog/GetService", Own Any, cli "services show";
}

/// Asks for every service.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListServicesRequest {}

/// Asks how much every service is used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountServicesRequest {}

/// Which service to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetServiceRequest {
    /// The service's name.
    name: String,
}

/// A service that credentials can be deposited for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
pub struct ServiceView {
    /// What credentials and leases call it.
    #[schema(example = "jira")]
    name: String,
    /// What people call it.
    #[schema(example = "Jira")]
    title: String,
    /// What tells several accounts there apart.
    #[schema(example = "The site, such as dev-team.atlassian.net")]
    account: String,
    /// What a credential consists of, in the order of a form.
    fields: Vec<ServiceFieldView>,
    /// How what is lent comes about: `static` (as deposited), `authorization_code` (a person connects an account, the
    /// token is refreshed), `client_credentials` (the credential is a client that tokens are made with), `signed` (the
    /// token is one of the broker's own).
    #[schema(example = "authorization_code")]
    issuer: &'static str,
    /// Whether what was lent is withdrawn at the service when a lease ends. Otherwise it is good there until it runs out,
    /// or until it is replaced.
    can_revoke: bool,
    /// How requests carry it: `header`, `basic`, `query`.
    authentication: Vec<String>,
    /// Where it may be sent; names in braces are fields that hold URLs.
    hosts: Vec<String>,
}

/// One field of a service's credentials.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceField)]
pub struct ServiceFieldView {
    /// Its name.
    name: String,
    /// `boolean`, `email`, `header_name`, `header_value`, `headers`, `integer`, `text`, `url` or `username`.
    kind: String,
    /// Whether no credential is complete without it.
    required: bool,
    /// Another field that makes it required, as `name=value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    required_if: Option<String>,
    /// The other field that may stand in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    required_unless: Option<String>,
    /// Whether nobody is shown it.
    secret: bool,
    /// Whether borrowers get it: what the broker needs to make tokens with, they don't.
    lent: bool,
    /// What is kept when it is left out, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    /// A value to show, as text.
    example: String,
    /// What it is.
    description: String,
}

/// The services.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListServicesResponse {
    /// By name.
    services: Vec<ServiceView>,
}

async fn list_services(
    broker: &Broker,
    call: &Call,
    request: ListServicesRequest,
) -> Result<ListServicesResponse, Error> {
    let ListServicesRequest {} = request;
    Ok(ListServicesResponse { services: broker.list_services(call).await?.map(view).collect() })
}

/// How much the services are used.
#[derive(Debug, Serialize, ToSchema)]
pub struct CountServicesResponse {
    /// By name.
    services: Vec<CountedServiceView>,
}

/// How much a service is used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CountedService)]
pub struct CountedServiceView {
    /// What credentials and leases call it.
    #[schema(example = "jira")]
    name: String,
    /// What people call it.
    #[schema(example = "Jira")]
    title: String,
    /// Credentials of everybody, inactive ones too.
    credentials: i64,
}

async fn count_services(
    broker: &Broker,
    call: &Call,
    request: CountServicesRequest,
) -> Result<CountServicesResponse, Error> {
    let CountServicesRequest {} = request;
    let counted = |(service, credentials): (&Service, i64)| CountedServiceView {
        name: service.name.to_string(),
        title: service.title.clone(),
        credentials,
    };
    let services = broker.operator_counts_services(call).await?;
    Ok(CountServicesResponse { services: services.into_iter().map(counted).collect() })
}

async fn show_service(
    broker: &Broker,
    call: &Call,
    request: GetServiceRequest,
) -> Result<ServiceView, Error> {
    broker.show_service(call, &request.name).await.map(view)
}

/// A service, as it is answered.
#[must_use]
pub fn view(service: &Service) -> ServiceView {
    ServiceView {
        name: service.name.to_string(),
        title: service.title.clone(),
        account: service.account.clone(),
        fields: service.fields.iter().map(field).collect(),
        issuer: service.issuing.kind.as_str(),
        can_revoke: service.issuing.can_revoke(),
        authentication: ways(service),
        hosts: service.hosts.iter().map(ToString::to_string).collect(),
    }
}

/// Each way once.
fn ways(service: &Service) -> Vec<String> {
    let ways: BTreeSet<&str> = service.authentication.iter().map(Attachment::kind).collect();
    ways.into_iter().map(ToOwned::to_owned).collect()
}

fn field(field: &Field) -> ServiceFieldView {
    let condition = field.required_if.as_ref();
    ServiceFieldView {
        name: field.name.clone(),
        kind: kind(field.kind).to_owned(),
        required: field.required,
        required_if: condition.map(|condition| format!("{}={}", condition.field, text(&condition.is))),
        required_unless: field.required_unless.clone(),
        secret: field.secret,
        lent: field.lent,
        default: field.default.as_ref().map(text),
        example: text(&field.example),
        description: field.description.clone(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

const fn kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Boolean => "boolean",
        FieldKind::Email => "email",
        FieldKind::HeaderName => "header_name",
        FieldKind::HeaderValue => "header_value",
        FieldKind::Headers => "headers",
        FieldKind::Integer => "integer",
        FieldKind::Text => "text",
        FieldKind::Url => "url",
        FieldKind::Username => "username",
    }
}
