//! Anybody's MCP tokens, and operators' own: `/api/admin/tokens`.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{ListTokens, MintOperatorToken, MintToken, RotateToken, UpdateToken},
        listing::ListRequest,
    },
    model::instant::Instant,
};

use super::{
    own_tokens::{
        CreateTokenResponse, ListTokensResponse, McpTokenView, RevokeTokensResponse, UpdateTokenResponse,
        changed, ended, shown_once, view,
    },
    read::revision,
    table,
};

table! {
    /// List MCP tokens
    ///
    /// Everybody's, or one owner's.
    list_tokens(ListTokensRequest) -> ListTokensResponse:
        GET "/api/admin/tokens" 200, rpc "McpTokenService/ListTokens", Operator AdminRead, cli "tokens list";
    /// Mint an MCP token
    ///
    /// For a person, with a reason that stands in that person's list; or an operator's, which carries `admin:` scopes alone.
    /// Of those, nobody gives more than the token shown carries. The text is shown this once.
    create_token(CreateTokenRequest) -> CreateTokenResponse:
        POST "/api/admin/tokens" 201, rpc "McpTokenService/CreateToken", Operator AdminTokens, cli "tokens create";
    /// Show an MCP token
    show_token(GetTokenRequest) -> McpTokenView:
        GET "/api/admin/tokens/{id}" 200, rpc "McpTokenService/GetToken", Operator AdminRead, cli "tokens show";
    /// Rename an MCP token, or switch it on or off
    ///
    /// Switched off, it is refused and the leases taken with it end; switched on again, none of them comes back.
    update_token(UpdateTokenRequest) -> UpdateTokenResponse:
        PATCH "/api/admin/tokens/{id}" 200, rpc "McpTokenService/UpdateToken", Operator AdminTokens, cli "tokens update";
    /// Give an MCP token a new text
    ///
    /// Of a person's, with a reason that stands in that person's list. The present text stays good for a while.
    rotate_token(RotateTokenRequest) -> CreateTokenResponse:
        POST "/api/admin/tokens/{id}/rotate" 200, rpc "McpTokenService/RotateToken", Operator AdminTokens, cli "tokens rotate";
    /// Revoke an MCP token
    ///
    /// For good, with whatever its holder minted with it; the leases taken with them end at once.
    revoke_mcp_token(RevokeMcpTokenRequest) -> RevokeTokensResponse:
        DELETE "/api/admin/tokens/{id}" 200, rpc "McpTokenService/RevokeMcpToken", Operator AdminTokens, cli "tokens revoke";
}

/// Which tokens to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTokensRequest {
    /// Only of this owner: a user's id, or `system` for operators'.
    owner: Option<String>,
    /// Only of this status: `active`, `expired`, `inactive` or `revoked`.
    status: Option<String>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at` or `name`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// A token to mint for somebody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTokenRequest {
    /// The person it acts for; an operator's token when left out.
    user_id: Option<String>,
    /// Why; required for a person's.
    reason: Option<String>,
    /// The name, for people.
    name: String,
    /// What it allows.
    scopes: Vec<String>,
    /// When it runs out; never unless told.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Instant>,
    /// How often it may be used; without limit unless told.
    max_usages: Option<i64>,
}

/// Which token to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTokenRequest {
    /// The token's id.
    id: String,
}

/// What to change of a token; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTokenRequest {
    /// The token's id.
    id: String,
    /// The name.
    name: Option<String>,
    /// Whether it is good.
    active: Option<bool>,
    /// The `etag` that was read: refused when the token changed since.
    etag: Option<String>,
}

/// Which token to give a new text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateTokenRequest {
    /// The token's id.
    id: String,
    /// Why; required for a person's.
    reason: Option<String>,
    /// Seconds that the present text stays good: 0 to 604,800; 86,400 unless told.
    overlap_seconds: Option<i64>,
    /// The `etag` that was read: refused when the token changed since.
    etag: Option<String>,
}

/// Which token to revoke.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeMcpTokenRequest {
    /// The token's id.
    id: String,
    /// The `etag` that was read: refused when the token changed since.
    etag: Option<String>,
}

async fn list_tokens(
    broker: &Broker,
    call: &Call,
    request: ListTokensRequest,
) -> Result<ListTokensResponse, Error> {
    let ListTokensRequest { owner, status, page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    let listing = broker.operator_lists_tokens(call, owner.as_deref(), ListTokens { status, page }).await?;
    let listing = listing.map(|token| view(broker, token));
    Ok(ListTokensResponse { tokens: listing.items, next_page_token: listing.next_page_token })
}

async fn create_token(
    broker: &Broker,
    call: &Call,
    request: CreateTokenRequest,
) -> Result<CreateTokenResponse, Error> {
    let CreateTokenRequest { user_id, reason, name, scopes, expires_at, max_usages } = request;
    let token = MintToken { name, scopes, expires_at, max_usages };
    let minted = broker.operator_mints_token(call, MintOperatorToken { user_id, reason, token }).await;
    minted.map(|minted| shown_once(broker, minted))
}

async fn show_token(broker: &Broker, call: &Call, request: GetTokenRequest) -> Result<McpTokenView, Error> {
    broker.operator_shows_token(call, &request.id).await.map(|token| view(broker, token))
}

async fn update_token(
    broker: &Broker,
    call: &Call,
    request: UpdateTokenRequest,
) -> Result<UpdateTokenResponse, Error> {
    let UpdateTokenRequest { id, name, active, etag } = request;
    let update = UpdateToken { name, active, revision: revision(etag.as_deref())? };
    let updated = broker.operator_updates_token(call, &id, update).await?;
    Ok(changed(broker, updated.row, updated.leases_ended))
}

async fn rotate_token(
    broker: &Broker,
    call: &Call,
    request: RotateTokenRequest,
) -> Result<CreateTokenResponse, Error> {
    let RotateTokenRequest { id, reason, overlap_seconds, etag } = request;
    let request = RotateToken { overlap_seconds, reason, revision: revision(etag.as_deref())? };
    broker.operator_rotates_token(call, &id, request).await.map(|minted| shown_once(broker, minted))
}

async fn revoke_mcp_token(
    broker: &Broker,
    call: &Call,
    request: RevokeMcpTokenRequest,
) -> Result<RevokeTokensResponse, Error> {
    let RevokeMcpTokenRequest { id, etag } = request;
    broker.operator_revokes_token(call, &id, revision(etag.as_deref())?).await.map(ended)
}
