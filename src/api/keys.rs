//! Keys: `/api/admin/keys`. Never a key itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{DataKeyFacts, ListDataKeys, SigningKeyFacts},
        listing::ListRequest,
    },
    model::{
        id::{DataKeyId, SigningKeyId},
        instant::Instant,
        owner::Owner,
    },
};

use super::table;

table! {
    /// List signing keys
    ///
    /// The oldest first, retired ones among them.
    list_signing_keys(ListSigningKeysRequest) -> ListSigningKeysResponse:
        GET "/api/admin/keys/signing" 200, rpc "KeyService/ListSigningKeys", Operator AdminRead, cli "keys list-signing";
    /// List data keys
    ///
    /// One for each owner, and those before it that still open what they sealed.
    list_data_keys(ListDataKeysRequest) -> ListDataKeysResponse:
        GET "/api/admin/keys/data" 200, rpc "KeyService/ListDataKeys", Operator AdminRead, cli "keys list-data";
    /// List root keys
    ///
    /// The ids of those that this process was given.
    list_root_keys(ListRootKeysRequest) -> ListRootKeysResponse:
        GET "/api/admin/keys/root" 200, rpc "KeyService/ListRootKeys", Operator AdminRead, cli "keys list-root";
    /// Rotate the signing key
    ///
    /// The new key is published at once and signs a minute later; the others stay published until their last token has run
    /// out.
    rotate_signing_key(RotateSigningKeyRequest) -> RotateSigningKeyResponse:
        POST "/api/admin/keys/rotate-signing" 201, rpc "KeyService/RotateSigningKey", Operator AdminKeys, cli "keys rotate-signing";
    /// End a signing key before its time
    ///
    /// From then on whatever it signed is refused, at every replica; another key must sign already. Published keys are kept
    /// by verifiers for a while: a resource server that verifies by itself may take a token of it until it reads the keys
    /// anew.
    retire_signing_key(RetireSigningKeyRequest) -> SigningKeyView:
        POST "/api/admin/keys/signing/{id}/retire" 200, rpc "KeyService/RetireSigningKey", Operator AdminKeys, cli "keys retire-signing";
    /// Rotate an owner's data key
    ///
    /// Everything of the owner's moves under the new key. Cut off in the middle, the next call finishes it.
    rotate_data_key(RotateDataKeyRequest) -> RotateDataKeyResponse:
        POST "/api/admin/keys/rotate-data" 201, rpc "KeyService/RotateDataKey", Operator AdminKeys, cli "keys rotate-data";
    /// Wrap every data key under the first root key
    ///
    /// Call it after a new root key was put first. When it answers 0, the old root key may go.
    rewrap_data_keys(RewrapDataKeysRequest) -> RewrapDataKeysResponse:
        POST "/api/admin/keys/rewrap" 200, rpc "KeyService/RewrapDataKeys", Operator AdminKeys, cli "keys rewrap";
}

/// Nothing to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSigningKeysRequest {}

/// Which data keys to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDataKeysRequest {
    /// Only of this owner: a user's or organization's id, or `system`.
    owner: Option<String>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
}

/// Nothing to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRootKeysRequest {}

/// How to rotate the signing key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSigningKeyRequest {
    /// Whether the new key signs at once, for when the present one may be known to others.
    at_once: Option<bool>,
}

/// Which signing key to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetireSigningKeyRequest {
    /// The key's id.
    id: String,
}

/// Whose data key to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateDataKeyRequest {
    /// A user's or organization's id, or `system`.
    #[schema(example = "org_069bq1c8m5vk3f5k9t4m2s6g8c")]
    owner: String,
}

/// Nothing to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RewrapDataKeysRequest {}

/// A signing key, without its private part.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub struct SigningKeyView {
    /// The id: the `kid` of tokens.
    #[schema(value_type = String, example = "sig_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: SigningKeyId,
    /// `published`: will sign; `signing`; `retiring`: what it signed is good still; `retired`.
    state: String,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// From when on it signs.
    #[schema(value_type = String, format = "date-time")]
    signs_from: Instant,
    /// Until when it is published.
    #[schema(value_type = Option<String>, format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    retires_at: Option<Instant>,
    /// Seconds since it was made.
    age_seconds: i64,
}

/// Signing keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListSigningKeysResponse {
    /// The keys.
    signing_keys: Vec<SigningKeyView>,
}

/// A data key, without the key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DataKey)]
pub struct DataKeyView {
    /// The id.
    #[schema(value_type = String, example = "dky_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: DataKeyId,
    /// Whose values it seals.
    #[schema(value_type = String)]
    owner: Owner,
    /// 1 for the owner's first; the highest seals.
    version: i64,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// Seconds since then.
    age_seconds: i64,
    /// The root key that wraps it.
    root_key_id: String,
}

/// A page of data keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListDataKeysResponse {
    /// The keys.
    data_keys: Vec<DataKeyView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Root keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListRootKeysResponse {
    /// Their ids; the first wraps, all unwrap.
    root_key_ids: Vec<String>,
}

/// A signing key, made.
#[derive(Debug, Serialize, ToSchema)]
pub struct RotateSigningKeyResponse {
    /// Its id.
    #[schema(value_type = String)]
    key_id: SigningKeyId,
}

/// A data key, made.
#[derive(Debug, Serialize, ToSchema)]
pub struct RotateDataKeyResponse {
    /// Its id.
    #[schema(value_type = String)]
    key_id: DataKeyId,
    /// How many values moved under it.
    resealed: u64,
}

/// What rewrapping did.
#[derive(Debug, Serialize, ToSchema)]
pub struct RewrapDataKeysResponse {
    /// Data keys that were under another root key.
    rewrapped: u64,
}

async fn list_signing_keys(
    broker: &Broker,
    call: &Call,
    _: ListSigningKeysRequest,
) -> Result<ListSigningKeysResponse, Error> {
    let keys = broker.operator_lists_signing_keys(call).await?;
    Ok(ListSigningKeysResponse { signing_keys: keys.iter().map(signing_key).collect() })
}

async fn list_data_keys(
    broker: &Broker,
    call: &Call,
    request: ListDataKeysRequest,
) -> Result<ListDataKeysResponse, Error> {
    let ListDataKeysRequest { owner, page_size, page_token } = request;
    let page = ListRequest { page_size, page_token, order_by: None };
    let listing = broker.operator_lists_data_keys(call, ListDataKeys { owner, page }).await?.map(data_key);
    Ok(ListDataKeysResponse { data_keys: listing.items, next_page_token: listing.next_page_token })
}

async fn list_root_keys(
    broker: &Broker,
    call: &Call,
    _: ListRootKeysRequest,
) -> Result<ListRootKeysResponse, Error> {
    Ok(ListRootKeysResponse { root_key_ids: broker.operator_lists_root_keys(call).await? })
}

async fn rotate_signing_key(
    broker: &Broker,
    call: &Call,
    request: RotateSigningKeyRequest,
) -> Result<RotateSigningKeyResponse, Error> {
    let at_once = request.at_once.unwrap_or_default();
    Ok(RotateSigningKeyResponse { key_id: broker.operator_rotates_signing_key(call, at_once).await? })
}

async fn retire_signing_key(
    broker: &Broker,
    call: &Call,
    request: RetireSigningKeyRequest,
) -> Result<SigningKeyView, Error> {
    broker.operator_retires_signing_key(call, &request.id).await.map(|key| signing_key(&key))
}

async fn rotate_data_key(
    broker: &Broker,
    call: &Call,
    request: RotateDataKeyRequest,
) -> Result<RotateDataKeyResponse, Error> {
    let rotated = broker.operator_rotates_data_key(call, &request.owner).await?;
    Ok(RotateDataKeyResponse { key_id: rotated.key_id, resealed: rotated.resealed })
}

async fn rewrap_data_keys(
    broker: &Broker,
    call: &Call,
    _: RewrapDataKeysRequest,
) -> Result<RewrapDataKeysResponse, Error> {
    Ok(RewrapDataKeysResponse { rewrapped: broker.operator_rewraps(call).await? })
}

fn signing_key(key: &SigningKeyFacts) -> SigningKeyView {
    let SigningKeyFacts { id, state, created_at, signs_from, retires_at, age_seconds } = *key;
    SigningKeyView { id, state: state.to_string(), created_at, signs_from, retires_at, age_seconds }
}

fn data_key(key: DataKeyFacts) -> DataKeyView {
    let DataKeyFacts { id, owner, version, created_at, age_seconds, root_key_id } = key;
    DataKeyView { id, owner, version, created_at, age_seconds, root_key_id }
}
