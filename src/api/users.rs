//! Users: `/api/admin/users`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    broker::{
        Broker, Call, Error,
        admin::{ListUsers, NewUser, UpdateUser},
        listing::{ListRequest, Listing},
    },
    model::{
        id::UserId,
        instant::Instant,
        user::{User, UserFilter},
    },
};

use super::{read::revision, table};

table! {
    /// Create a user
    create_user(CreateUserRequest) -> UserView:
        POST "/api/admin/users" 201, rpc "UserService/CreateUser", Operator AdminWrite, cli "users create";
    /// List users
    ///
    /// By creation unless `order_by` says `email` or `name`.
    list_users(ListUsersRequest) -> ListUsersResponse:
        GET "/api/admin/users" 200, rpc "UserService/ListUsers", Operator AdminRead, cli "users list";
    /// Show a user
    show_user(GetUserRequest) -> UserView:
        GET "/api/admin/users/{id}" 200, rpc "UserService/GetUser", Operator AdminRead, cli "users show";
    /// Change a user
    ///
    /// Switched off, the user's tokens are refused and every lease taken for the user ends at once; switched on again,
    /// none of them comes back.
    update_user(UpdateUserRequest) -> UpdateUserResponse:
        PATCH "/api/admin/users/{id}" 200, rpc "UserService/UpdateUser", Operator AdminWrite, cli "users update";
}

/// A user to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUserRequest {
    /// The e-mail address, unique.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The name, for people.
    #[schema(example = "Ada")]
    name: String,
}

/// Which user to show.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetUserRequest {
    /// The user's id.
    id: String,
}

/// Which users to list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListUsersRequest {
    /// Only of this e-mail address.
    email: Option<String>,
    /// Only those that are, or are not, active.
    active: Option<bool>,
    /// 1 to 1,000; 50 unless told.
    page_size: Option<i64>,
    /// Of the page before.
    page_token: Option<String>,
    /// `created_at`, `email` or `name`; with ` desc` the largest first.
    order_by: Option<String>,
}

/// What to change of a user; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUserRequest {
    /// The user's id.
    id: String,
    /// The e-mail address.
    email: Option<String>,
    /// The name.
    name: Option<String>,
    /// Whether tokens and leases of the user hold.
    active: Option<bool>,
    /// The `etag` that was read: refused when the user changed since.
    etag: Option<String>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// The id.
    #[schema(value_type = String, example = "usr_069bq1c8m5vk3f5k9t4m2s6g8c")]
    id: UserId,
    /// The e-mail address.
    email: String,
    /// The name.
    name: String,
    /// Whether tokens and leases of the user hold.
    active: bool,
    /// When it was made.
    #[schema(value_type = String, format = "date-time")]
    created_at: Instant,
    /// For `If-Match`.
    etag: String,
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListUsersResponse {
    /// The users.
    users: Vec<UserView>,
    /// For the next page; left out on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A user after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct UpdateUserResponse {
    /// The user.
    user: UserView,
    /// For `If-Match`.
    etag: String,
    /// Live leases that the change ended.
    leases_ended: i64,
}

async fn create_user(broker: &Broker, call: &Call, request: CreateUserRequest) -> Result<UserView, Error> {
    let CreateUserRequest { email, name } = request;
    broker.operator_creates_user(call, NewUser { email, name }).await.map(view)
}

async fn list_users(
    broker: &Broker,
    call: &Call,
    request: ListUsersRequest,
) -> Result<ListUsersResponse, Error> {
    let ListUsersRequest { email, active, page_size, page_token, order_by } = request;
    let filter = UserFilter { email, active };
    let page = ListRequest { page_size, page_token, order_by };
    let Listing { items, next_page_token } =
        broker.operator_lists_users(call, ListUsers { filter, page }).await?.map(view);
    Ok(ListUsersResponse { users: items, next_page_token })
}

async fn show_user(broker: &Broker, call: &Call, request: GetUserRequest) -> Result<UserView, Error> {
    broker.operator_shows_user(call, &request.id).await.map(view)
}

async fn update_user(
    broker: &Broker,
    call: &Call,
    request: UpdateUserRequest,
) -> Result<UpdateUserResponse, Error> {
    let UpdateUserRequest { id, email, name, active, etag } = request;
    let update = UpdateUser { email, name, active, revision: revision(etag.as_deref())? };
    let updated = broker.operator_updates_user(call, &id, update).await?;
    let user = view(updated.row);
    Ok(UpdateUserResponse { etag: user.etag.clone(), user, leases_ended: updated.leases_ended })
}

fn view(user: User) -> UserView {
    let User { id, email, name, active, epoch: _, revision, created_at } = user;
    UserView { id, email, name, active, created_at, etag: revision.to_string() }
}
