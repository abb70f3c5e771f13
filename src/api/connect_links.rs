//! Links to connect accounts: `/api/connect-links`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        connections::{LinkSeen, MadeLink, NewLink},
    },
    model::{connection::ConnectLink, id::ConnectLinkId, instant::Instant},
};

use super::table;

table! {
    /// Ask for a link to connect an account
    ///
    /// For oneself, or for an organization that the caller administers. A person opens the link in a browser and consents at
    /// the service; then whoever asked confirms the account. Good for ten minutes, once, in the browser that opened it first.
    create_connect_link(CreateConnectLinkRequest) -> CreateConnectLinkResponse:
        POST "/api/connect-links" 201, rpc "ConnectLinkService/CreateConnectLink", Own CredentialConnect,
        cli "connect-links create";
    /// Show a link to connect an account
    ///
    /// What came of it, never the link itself. Only whoever asked for it sees it.
    show_connect_link(GetConnectLinkRequest) -> ConnectLinkView:
        GET "/api/connect-links/{id}" 200, rpc "ConnectLinkService/GetConnectLink", Own CredentialConnect,
        cli "connect-links show";
    /// Confirm the account that was connected
    ///
    /// Names the account that the link shows as `identity`: from now on it can be borrowed.
    confirm_connect_link(ConfirmConnectLinkRequest) -> ConnectLinkView:
        POST "/api/connect-links/{id}/confirm" 200, rpc "ConnectLinkService/ConfirmConnectLink", Own CredentialConnect,
        cli "connect-links confirm";
    /// Take a link to connect an account back
    ///
    /// An account that was reached by it and not confirmed is forgotten.
    cancel_connect_link(CancelConnectLinkRequest) -> ConnectLinkView:
        DELETE "/api/connect-links/{id}" 200, rpc "ConnectLinkService/CancelConnectLink", Own CredentialConnect,
        cli "connect-links cancel";
}

/// What to connect.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateConnectLinkRequest {
    /// A service whose accounts are connected.
    #[schema(example = "tray")]
    service: String,
    /// What the account shall be called; `default` unless told.
    #[schema(example = "www.loja.example")]
    account: Option<String>,
    /// An organization's id; oneself unless told.
    owner: Option<String>,
    /// Who may borrow an organization's. Required there, and only there.
    #[schema(example = json!(["all_members"]))]
    sharing: Option<Vec<String>>,
    /// The credential to connect anew, instead of a new one. Another account than before is refused.
    credential_id: Option<String>,
    /// What the service must know before, as its description says.
    #[schema(value_type = Option<Object>, example = json!({"store_host": "https://www.loja.example"}))]
    fields: Option<Map<String, Value>>,
}

/// Which link to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetConnectLinkRequest {
    /// The link's id.
    id: String,
}

/// Which account to confirm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmConnectLinkRequest {
    /// The link's id.
    id: String,
    /// The account, as the link shows it; left out where the service names none.
    #[schema(example = "https://www.loja.example (store 123456)")]
    identity: Option<String>,
}

/// Which link to take back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelConnectLinkRequest {
    /// The link's id.
    id: String,
}

/// A link, and what to open; shown this once. No `Debug`: the URL is a secret.
#[derive(Serialize, ToSchema)]
pub struct CreateConnectLinkResponse {
    /// The link.
    link: ConnectLinkView,
    /// What a person opens in a browser.
    #[schema(example = "https://leasehold.example/connect/lhc_…")]
    url: String,
}

/// A link to connect an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectLink)]
pub struct ConnectLinkView {
    /// The id.
    #[schema(value_type = String, example = "cnl_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: ConnectLinkId,
    /// Whose credential it makes.
    owner: String,
    /// The service.
    service: String,
    /// The account, as the owner calls it.
    account: String,
    /// `open`, `begun`, `exchanging`, `connected`, `confirmed`, `failed` or `expired`.
    state: String,
    /// Why nothing came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// The account that was reached, as the service names it: compare it before confirming.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    /// What was connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_id: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// Until when it can be opened.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Instant,
}

async fn create_connect_link(
    broker: &Broker,
    call: &Call,
    request: CreateConnectLinkRequest,
) -> Result<CreateConnectLinkResponse, Error> {
    let CreateConnectLinkRequest { service, account, owner, sharing, credential_id, fields } = request;
    let fields = fields.unwrap_or_default();
    let new = NewLink { service, account, owner, sharing, credential_id, fields };
    let MadeLink { link, url } = broker.create_connect_link(call, new).await?;
    Ok(CreateConnectLinkResponse {
        link: view(LinkSeen { link, expired: false }),
        url: url.expose().to_owned(),
    })
}

async fn show_connect_link(
    broker: &Broker,
    call: &Call,
    request: GetConnectLinkRequest,
) -> Result<ConnectLinkView, Error> {
    broker.show_connect_link(call, &request.id).await.map(view)
}

async fn confirm_connect_link(
    broker: &Broker,
    call: &Call,
    request: ConfirmConnectLinkRequest,
) -> Result<ConnectLinkView, Error> {
    broker.confirm_connect_link(call, &request.id, request.identity.as_deref()).await.map(view)
}

async fn cancel_connect_link(
    broker: &Broker,
    call: &Call,
    request: CancelConnectLinkRequest,
) -> Result<ConnectLinkView, Error> {
    broker.cancel_connect_link(call, &request.id).await.map(view)
}

fn view(seen: LinkSeen) -> ConnectLinkView {
    let LinkSeen { link, expired } = seen;
    let ConnectLink { id, owner, service, account, state, failure, identity, credential_id, .. } = link;
    ConnectLinkView {
        id,
        owner: owner.to_string(),
        service: service.to_string(),
        account: account.to_string(),
        state: if expired { "expired" } else { state.as_str() }.to_owned(),
        failure,
        identity,
        credential_id: credential_id.map(|id| id.to_string()),
        created_at: link.created_at,
        expires_at: link.expires_at,
    }
}
