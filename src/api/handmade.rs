//! Operations with handlers of their own in each way in: leases and tokens, OAuth, health.

use super::{Operation, Relation, Scope};

macro_rules! table {
    ($($name:ident, $description:literal: $method:ident $path:literal, $rpc:expr, $relation:ident $scope:expr;)*) => {
        /// The rows; the busiest first.
        pub(super) static OPERATIONS: &[Operation] = &[$(Operation {
            name: stringify!($name),
            description: $description,
            method: http::Method::$method,
            path: $path,
            rpc: $rpc,
            relation: Relation::$relation,
            scope: $scope,
            status: 200,
            command: None,
            faults: None,
            generic: None,
        }),*];
    };
}

table! {
    show_lease, "Show an own lease":
        GET "/api/mcp/credentials/lease/{id}", Some("LeaseService/GetLease"), Own Some(Scope::LeaseRead);
    read_credentials, "The values of an own lease again":
        GET "/api/mcp/credentials/lease/{id}/credentials", Some("LeaseService/ReadCredentials"), Own Some(Scope::LeaseCreate);
    renew_lease, "Renew an own lease":
        POST "/api/mcp/credentials/lease/{id}/renew", Some("LeaseService/RenewLease"), Own Some(Scope::LeaseRenew);
    create_lease, "Take a lease":
        POST "/api/mcp/credentials/lease", Some("LeaseService/CreateLease"), Own Some(Scope::LeaseCreate);
    list_leases, "List own leases":
        GET "/api/mcp/credentials/lease", Some("LeaseService/ListLeases"), Own Some(Scope::LeaseRead);
    revoke_lease, "Revoke an own lease":
        DELETE "/api/mcp/credentials/lease/{id}", Some("LeaseService/RevokeLease"), Own Some(Scope::LeaseRevoke);
    report_unauthorized, "Report that a service refuses what was lent":
        POST "/api/mcp/credentials/lease/{id}/unauthorized", Some("LeaseService/ReportUnauthorized"), Own Some(Scope::LeaseCreate);
    issue_token, "Issue an access token":
        POST "/oauth/token", Some("TokenService/IssueToken"), Client None;
    introspect_token, "What a token is":
        POST "/oauth/introspect", Some("TokenService/IntrospectToken"), Client None;
    revoke_token, "Revoke an access token":
        POST "/oauth/revoke", Some("TokenService/RevokeToken"), Client None;
    jwks, "The keys that verify access tokens":
        GET "/oauth/jwks", None, Anonymous None;
    authorization_server_metadata, "What the authorization server can do":
        GET "/.well-known/oauth-authorization-server", None, Anonymous None;
    who_am_i, "Who calls, and what it may borrow":
        GET "/api/mcp/me", Some("IdentityService/WhoAmI"), Own None;
    register_by_invitation, "Become a user by an invitation":
        POST "/api/invitations/register", None, Anonymous None;
    health, "Whether the process answers":
        GET "/health", None, Anonymous None;
    livez, "Whether the process lives":
        GET "/livez", None, Anonymous None;
    readyz, "Whether calls can be served":
        GET "/readyz", None, Anonymous None;
    metrics, "Figures, as Prometheus reads them":
        GET "/metrics", None, Anonymous None;
    openapi, "The description of the API":
        GET "/openapi.json", None, Anonymous None;
}
