//! Resource servers (RFC 8707): `/api/admin/resources`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        listing::{ListRequest, Listing},
    },
    model::{instant::Instant, resource::Resource},
};

use super::table;

table! {
    /// Register a resource server
    ///
    /// Access tokens can be asked for it from now on (RFC 8707).
    create_resource(CreateResourceRequest) -> ResourceView:
        POST "/api/admin/resources" 201, rpc "ResourceService/CreateResource", Operator AdminWrite,
        cli "resources create";
    /// List resource servers
    ///
    /// By URI.
    list_resources(ListResourcesRequest) -> ListResourcesResponse:
        GET "/api/admin/resources" 200, rpc "ResourceService/ListResources", Operator AdminRead, cli "resources list";
    /// Forget a resource server
    ///
    /// No token is issued for it any more; those that were stay good until they run out.
    delete_resource(DeleteResourceRequest) -> DeleteResourceResponse:
        DELETE "/api/admin/resources/{uri}" 200, rpc "ResourceService/DeleteResource", Operator AdminWrite,
        cli "resources delete";
}

/// A resource server to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateResourceRequest {
    /// An absolute URI without a fragment.
    #[schema(example = "https://mcp.example.com/orders")]
    uri: String,
}

/// Which resource servers to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListResourcesRequest {
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `uri`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// Which resource server to forget.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteResourceRequest {
    /// Its URI; in a path percent-encoded, slashes too.
    uri: String,
}

/// A resource server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resource)]
pub struct ResourceView {
    /// What token requests name, and what tokens have as their audience.
    uri: String,
    /// When it was registered.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
}

/// A page of resource servers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListResourcesResponse {
    /// The resource servers.
    resources: Vec<ResourceView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// It is forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeleteResourceResponse {}

async fn create_resource(
    broker: &Broker,
    call: &Call,
    request: CreateResourceRequest,
) -> Result<ResourceView, Error> {
    broker.operator_registers_resource(call, &request.uri).await.map(view)
}

async fn list_resources(
    broker: &Broker,
    call: &Call,
    request: ListResourcesRequest,
) -> Result<ListResourcesResponse, Error> {
    let ListResourcesRequest { page_size, page_token, order_by } = request;
    let page = ListRequest { page_size, page_token, order_by };
    let Listing { items, next_page_token } = broker.operator_lists_resources(call, &page).await?.map(view);
    Ok(ListResourcesResponse { resources: items, next_page_token })
}

async fn delete_resource(
    broker: &Broker,
    call: &Call,
    request: DeleteResourceRequest,
) -> Result<DeleteResourceResponse, Error> {
    broker.operator_deletes_resource(call, &request.uri).await?;
    Ok(DeleteResourceResponse {})
}

fn view(resource: Resource) -> ResourceView {
    let Resource { uri, created_at } = resource;
    ResourceView { uri: uri.to_string(), created_at }
}
