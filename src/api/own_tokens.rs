//! A person's own MCP tokens: `/api/tokens`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{EndedTokens, ListTokens, MintToken, MintedText, RotateToken, UpdateToken},
        listing::ListRequest,
    },
    model::{
        id::{TokenId, UserId},
        instant::Instant,
        mcp_token::McpToken,
        owner::Owner,
        principal::Principal,
    },
};

use super::{read::revision, table};

table! {
    /// List own MCP tokens
    ///
    /// With age, use and the day by which each should have a new text. Those that an operator minted say so, and why.
    list_own_tokens(ListOwnTokensRequest) -> ListTokensResponse:
        GET "/api/tokens" 200, rpc "McpTokenService/ListOwnTokens", Own TokenWrite, cli "tokens list";
    /// Mint an own MCP token
    ///
    /// It neither exceeds nor outlives the token it is minted with: its scopes are among that one's, it cannot mint in turn,
    /// it ends no later, and revoking that one revokes it. The text is shown this once.
    create_own_token(CreateOwnTokenRequest) -> CreateTokenResponse:
        POST "/api/tokens" 201, rpc "McpTokenService/CreateOwnToken", Own TokenWrite, cli "tokens create";
    /// Show an own MCP token
    show_own_token(GetOwnTokenRequest) -> McpTokenView:
        GET "/api/tokens/{id}" 200, rpc "McpTokenService/GetOwnToken", Own TokenWrite, cli "tokens show";
    /// Rename an own MCP token
    update_own_token(UpdateOwnTokenRequest) -> UpdateTokenResponse:
        PATCH "/api/tokens/{id}" 200, rpc "McpTokenService/UpdateOwnToken", Own TokenWrite, cli "tokens update";
    /// Give an own MCP token a new text
    ///
    /// The present text stays good for a while; leases go on. With another token than the one shown, that one must be able
    /// to mint it, and revoking it revokes the rotated one from then on.
    rotate_own_token(RotateOwnTokenRequest) -> CreateTokenResponse:
        POST "/api/tokens/{id}/rotate" 200, rpc "McpTokenService/RotateOwnToken", Own TokenWrite, cli "tokens rotate";
    /// Revoke an own MCP token
    ///
    /// For good, with whatever was minted with it; the leases taken with them end at once.
    revoke_own_token(RevokeOwnTokenRequest) -> RevokeTokensResponse:
        DELETE "/api/tokens/{id}" 200, rpc "McpTokenService/RevokeOwnToken", Own TokenWrite, cli "tokens revoke";
}

/// Which own tokens to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOwnTokensRequest {
    /// Only of this status: `active`, `expired`, `inactive` or `revoked`.
    status: Option<String>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at` or `name`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// A token to mint.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOwnTokenRequest {
    /// The name, for people.
    #[schema(example = "laptop")]
    name: String,
    /// What it allows: among the scopes of the token shown, and never `token:write`.
    #[schema(example = json!(["lease:create", "lease:read", "lease:renew", "service:todoist"]))]
    scopes: Vec<String>,
    /// When it runs out: not later than the token shown, and with it unless told.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Instant>,
    /// How often it may be used; without limit unless told.
    max_usages: Option<i64>,
}

/// Which own token to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOwnTokenRequest {
    /// The token's id.
    id: String,
}

/// What to change of an own token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateOwnTokenRequest {
    /// The token's id.
    id: String,
    /// The name.
    name: Option<String>,
    /// The `etag` that was read: refused when the token changed since.
    etag: Option<String>,
}

/// Which own token to give a new text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateOwnTokenRequest {
    /// The token's id.
    id: String,
    /// Seconds that the present text stays good: 0 to 604,800; 86,400 unless told.
    overlap_seconds: Option<i64>,
    /// The `etag` that was read: refused when the token changed since.
    etag: Option<String>,
}

/// Which own token to revoke.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeOwnTokenRequest {
    /// The token's id.
    id: String,
    /// The `etag` that was read: refused when the token changed since.
    etag: Option<String>,
}

/// An MCP token. Its text is shown when it is made, and never again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = McpToken)]
pub struct McpTokenView {
    /// The id.
    #[schema(value_type = String, example = "tok_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: TokenId,
    /// Whose it is: a user's id, or `system` for an operator's.
    #[schema(value_type = String)]
    owner: Owner,
    /// The person it acts for; left out of an operator's.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    /// The name, for people.
    name: String,
    /// How its text begins.
    prefix: String,
    /// What it allows.
    scopes: Vec<String>,
    /// `active`, `expired`, `inactive` or `revoked`.
    status: String,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// Seconds since its present text was made.
    age_seconds: i64,
    /// When its text was last replaced.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_at: Option<Instant>,
    /// Until when the text before the present one is good.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_text_until: Option<Instant>,
    /// When its text should be replaced: 90 days after it was made.
    #[schema(value_type = String, format = "date-time")]
    rotate_by: Instant,
    /// Whether that time has come.
    rotation_due: bool,
    /// When it runs out.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Instant>,
    /// How often it may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_usages: Option<i64>,
    /// How often it was used, give or take ten seconds.
    usages: i64,
    /// When it was last used.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Instant>,
    /// The address that this came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_address: Option<String>,
    /// Who made its present text: a principal's id, or `system`.
    minted_by: String,
    /// Whether that was an operator: somebody else than the person knew the text.
    minted_by_operator: bool,
    /// Why the operator did.
    #[serde(skip_serializing_if = "Option::is_none")]
    mint_reason: Option<String>,
    /// The token whose revocation ends this one.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    minted_with: Option<TokenId>,
    /// For `If-Match`.
    etag: String,
}

/// A page of MCP tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListTokensResponse {
    /// The tokens.
    pub(super) tokens: Vec<McpTokenView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_page_token: Option<String>,
}

/// A token with its text.
// No `Debug`: it holds the text.
#[derive(Serialize, ToSchema)]
pub struct CreateTokenResponse {
    /// What is known of it.
    mcp_token: McpTokenView,
    /// Its text, shown this once.
    #[schema(example = "mcp_…")]
    token: String,
    /// For `If-Match`.
    etag: String,
}

/// A token after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateTokenResponse {
    /// The token.
    mcp_token: McpTokenView,
    /// For `If-Match`.
    etag: String,
    /// Live leases that the change ended.
    leases_ended: i64,
}

/// What a revocation ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevokeTokensResponse {
    /// The token and those that were minted with it; 0 when it was revoked before.
    tokens_revoked: u64,
    /// Live leases that were taken with them.
    leases_ended: i64,
}

async fn list_own_tokens(
    broker: &Broker,
    call: &Call,
    request: ListOwnTokensRequest,
) -> Result<ListTokensResponse, Error> {
    let ListOwnTokensRequest { status, page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    let listing = broker.list_own_tokens(call, ListTokens { status, page }).await?;
    let listing = listing.map(|token| view(broker, token));
    Ok(ListTokensResponse { tokens: listing.items, next_page_token: listing.next_page_token })
}

async fn create_own_token(
    broker: &Broker,
    call: &Call,
    request: CreateOwnTokenRequest,
) -> Result<CreateTokenResponse, Error> {
    let CreateOwnTokenRequest { name, scopes, expires_at, max_usages } = request;
    let request = MintToken { name, scopes, expires_at, max_usages };
    broker.mint_own_token(call, request).await.map(|minted| shown_once(broker, minted))
}

async fn show_own_token(
    broker: &Broker,
    call: &Call,
    request: GetOwnTokenRequest,
) -> Result<McpTokenView, Error> {
    broker.show_own_token(call, &request.id).await.map(|token| view(broker, token))
}

async fn update_own_token(
    broker: &Broker,
    call: &Call,
    request: UpdateOwnTokenRequest,
) -> Result<UpdateTokenResponse, Error> {
    let UpdateOwnTokenRequest { id, name, etag } = request;
    let update = UpdateToken { name, active: None, revision: revision(etag.as_deref())? };
    let updated = broker.update_own_token(call, &id, update).await?;
    Ok(changed(broker, updated.row, updated.leases_ended))
}

async fn rotate_own_token(
    broker: &Broker,
    call: &Call,
    request: RotateOwnTokenRequest,
) -> Result<CreateTokenResponse, Error> {
    let RotateOwnTokenRequest { id, overlap_seconds, etag } = request;
    let request = RotateToken { overlap_seconds, reason: None, revision: revision(etag.as_deref())? };
    broker.rotate_own_token(call, &id, request).await.map(|minted| shown_once(broker, minted))
}

async fn revoke_own_token(
    broker: &Broker,
    call: &Call,
    request: RevokeOwnTokenRequest,
) -> Result<RevokeTokensResponse, Error> {
    let RevokeOwnTokenRequest { id, etag } = request;
    broker.revoke_own_token(call, &id, revision(etag.as_deref())?).await.map(ended)
}

pub(super) fn view(broker: &Broker, token: McpToken) -> McpTokenView {
    let now = broker.now();
    let (status, rotate_by) = (token.status(now), token.rotate_by());
    let minter: Option<Principal> = token.minted_by.parse().ok();
    let own = token.token.user_id.map(Principal::User);
    McpTokenView {
        id: token.token.id,
        owner: token.token.owner,
        user_id: token.token.user_id,
        prefix: token.hint.clone(),
        scopes: token.token.scopes.iter().map(|scope| scope.to_string()).collect(),
        status: status.to_string(),
        created_at: token.token.issued_at,
        age_seconds: now.micros_since(token.text_made_at()).max(0) / 1_000_000,
        rotated_at: token.rotated_at,
        previous_text_until: token.previous_until.filter(|until| *until > now),
        rotate_by,
        rotation_due: rotate_by <= now,
        expires_at: token.token.expires_at,
        revoked_at: token.revoked_at,
        max_usages: token.token.max_usages,
        usages: token.usages,
        last_used_at: token.last_used_at,
        last_address: token.last_address,
        minted_by_operator: minter.is_some() && minter != own,
        minted_by: token.minted_by,
        mint_reason: token.mint_reason,
        minted_with: token.minted_with,
        etag: token.revision.to_string(),
        name: token.token.name,
    }
}

pub(super) fn shown_once(broker: &Broker, minted: MintedText) -> CreateTokenResponse {
    let mcp_token = view(broker, minted.token);
    let (etag, token) = (mcp_token.etag.clone(), minted.text.expose().to_owned());
    CreateTokenResponse { mcp_token, token, etag }
}

pub(super) fn changed(broker: &Broker, token: McpToken, leases_ended: i64) -> UpdateTokenResponse {
    let mcp_token = view(broker, token);
    UpdateTokenResponse { etag: mcp_token.etag.clone(), mcp_token, leases_ended }
}

pub(super) const fn ended(ended: EndedTokens) -> RevokeTokensResponse {
    RevokeTokensResponse { tokens_revoked: ended.tokens, leases_ended: ended.leases }
}
