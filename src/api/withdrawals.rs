//! Withdrawals: `/api/admin/withdrawals`, tokens of leases that are over and still good at their services.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        listing::{ListRequest, Listing},
        withdrawals,
    },
    model::{
        id::{CredentialId, LeaseId, MintedTokenId},
        instant::Instant,
        minted::MintedToken,
    },
};

use super::table;

table! {
    /// List withdrawals
    ///
    /// Tokens that were made for one lease and wait to be withdrawn at their service, or cannot be. What is withdrawn, or has
    /// run out, is not there any more.
    list_withdrawals(ListWithdrawalsRequest) -> ListWithdrawalsResponse:
        GET "/api/admin/withdrawals" 200, rpc "WithdrawalService/ListWithdrawals", Operator AdminRead,
        cli "withdrawals list";
}

/// Which withdrawals to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListWithdrawalsRequest {
    /// Only of this service.
    service: Option<String>,
    /// Only of this state.
    state: Option<String>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at`; with ` desc` the latest first.
    order_by: Option<String>,
}

/// A token that is still good at its service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Withdrawal)]
pub struct WithdrawalView {
    /// The token's id here.
    #[schema(value_type = String, example = "mnt_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: MintedTokenId,
    /// The lease that it was made for.
    #[schema(value_type = String)]
    lease_id: LeaseId,
    /// The service.
    service: String,
    /// What it was made with.
    #[schema(value_type = String)]
    credential_id: CredentialId,
    /// Whose credential that is.
    owner: String,
    /// `pending` (the answer was lost: whether it was made is being found out), `withdrawing`, or `unrevocable`.
    state: String,
    /// Until when it is good at the latest.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Instant,
    /// When it was asked for.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// How often it was tried in vain.
    attempts: i64,
    /// When it is tried next.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Instant>,
    /// Why it is still good.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// A page of withdrawals.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListWithdrawalsResponse {
    /// The withdrawals.
    withdrawals: Vec<WithdrawalView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

async fn list_withdrawals(
    broker: &Broker,
    call: &Call,
    request: ListWithdrawalsRequest,
) -> Result<ListWithdrawalsResponse, Error> {
    let ListWithdrawalsRequest { service, state, page_size, page_token, order_by } = request;
    let filter = withdrawals::filter(service.as_deref(), state.as_deref())?;
    let page = ListRequest { page_size, page_token, order_by };
    let found = broker.operator_lists_withdrawals(call, filter, &page).await?;
    let Listing { items, next_page_token } = found.map(view);
    Ok(ListWithdrawalsResponse { withdrawals: items, next_page_token })
}

fn view(token: MintedToken) -> WithdrawalView {
    let MintedToken { id, lease_id, service, credential_id, owner, state, failure, .. } = token;
    WithdrawalView {
        id,
        lease_id,
        service: service.to_string(),
        credential_id,
        owner: owner.to_string(),
        state: state.to_string(),
        expires_at: token.expires_at,
        created_at: token.created_at,
        attempts: token.attempts,
        due_at: token.due_at,
        failure,
    }
}
