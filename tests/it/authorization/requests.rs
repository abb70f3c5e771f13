//! How to call each operation so that whoever may, succeeds.

use leasehold::{
    model::{
        audit::EventName,
        organization::{Role, SharingEntry},
    },
    store::admin::{Change, LinkChange},
};
use serde_json::{Value, json};

use crate::harness::Transport;

use super::Stage;

/// A request for the operation, about things of this stage that nobody used before.
pub(super) async fn request(stage: &Stage, operation: &str) -> Value {
    match operation {
        _ if ORGANIZATIONS.contains(&operation) => of_organization(stage, operation).await,
        "create_lease" => json!({ "services": [personal(stage).await], "server_id": "worker" }),
        _ if WITHOUT_FIELDS.contains(&operation) => json!({}),
        "show_lease" | "read_credentials" | "renew_lease" | "revoke_lease" => {
            let name = if stage.scene.via == Transport::Grpc { "lease_id" } else { "id" };
            json!({ name: lease(stage).await })
        }
        "report_unauthorized" => report_request(stage).await,
        "issue_token" | "introspect_token" | "revoke_token" => client_request(stage, operation).await,
        "retire_signing_key" => json!({ "id": old_signing_key(stage).await }),
        "create_own_token" => json!({ "name": "laptop", "scopes": ["lease:read"] }),
        "create_token" => json!({ "name": "colleague", "scopes": ["admin:read"] }),
        "show_own_token" | "show_token" | "revoke_own_token" | "revoke_mcp_token" => {
            json!({ "id": token(stage).await })
        }
        "update_own_token" | "update_token" => json!({ "id": token(stage).await, "name": "desk" }),
        "rotate_own_token" => json!({ "id": token(stage).await }),
        "rotate_token" => json!({ "id": token(stage).await, "reason": "lost" }),
        "find_leases" | "count_leases" => json!({ "organization_id": stage.team.id.to_string() }),
        "inspect_lease" => json!({ "id": shared_lease(stage).await }),
        "end_lease" => json!({ "id": shared_lease(stage).await, "reason": "drill" }),
        "rotate_data_key" => json!({ "owner": stage.person.id.to_string() }),
        "query_audit" | "export_audit" => json!({ "owner": stage.team.id.to_string() }),
        "create_user" => json!({ "email": stage.fresh("user@example.test"), "name": "Somebody" }),
        "show_user" => json!({ "id": stage.person.id.to_string() }),
        "list_user_memberships" => json!({ "user_id": stage.person.id.to_string() }),
        "update_user" => json!({ "id": stage.person.id.to_string(), "name": "Renamed" }),
        "create_credential"
        | "list_credentials"
        | "show_credential"
        | "update_credential"
        | "rotate_credential"
        | "validate_credential"
        | "delete_credential" => credential_request(stage, operation).await,
        "create_own_credential"
        | "list_own_credentials"
        | "show_own_credential"
        | "update_own_credential"
        | "rotate_own_credential"
        | "validate_own_credential"
        | "delete_own_credential" => own_credential_request(stage, operation).await,
        "create_client"
        | "list_clients"
        | "show_client"
        | "update_client"
        | "rotate_client_secret"
        | "delete_client" => administered_client_request(stage, operation).await,
        "create_resource" => json!({ "uri": resource(stage) }),
        "delete_resource" => {
            let uri = resource(stage);
            stage.operator.does("create_resource", json!({ "uri": uri })).await;
            json!({ "uri": uri })
        }
        "put_application" | "list_applications" | "delete_application" => {
            application_request(stage, operation).await
        }
        "create_connect_link" | "show_connect_link" | "cancel_connect_link" | "confirm_connect_link" => {
            connect_link_request(stage, operation).await
        }
        "show_service" => json!({ "name": "jira" }),
        unknown => panic!("say how to call {unknown}"),
    }
}

impl Stage {
    /// A text that no other stage has.
    fn fresh(&self, text: &str) -> String {
        format!("{}-{text}", self.person.id)
    }
}

/// A name that nothing else has.
fn number() -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    format!("a{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

/// A service that the person has a credential of.
async fn personal(stage: &Stage) -> String {
    let service = format!("todoist/{}", number());
    stage.person.deposits(&service, "hers").await;
    service
}

/// About the team, its members and its invitations; each time about somebody new.
async fn of_organization(stage: &Stage, operation: &str) -> Value {
    let (scene, team) = (&stage.scene, stage.team.id.to_string());
    let invite = async |team: &str, email: &str| {
        let asked = json!({ "organization_id": team, "email": email, "role": "guest" });
        stage.operator.does("create_invitation", asked).await
    };
    match operation {
        "create_organization" => {
            json!({ "name": stage.fresh("team"), "owner_id": stage.person.id.to_string() })
        }
        "list_organizations" | "list_own_memberships" => json!({}),
        "update_organization" => json!({ "organization_id": team, "name": "Renamed" }),
        "show_organization" | "list_members" | "list_invitations" => json!({ "organization_id": team }),
        "delete_organization" => json!({ "organization_id": scene.team().await.id.to_string() }),
        "add_member" => {
            let user = scene.person().await.id.to_string();
            json!({ "organization_id": team, "user_id": user, "role": "member" })
        }
        "show_member" | "remove_member" | "update_member" => {
            let user = scene.person().await;
            stage.team.admits(&user, Role::Member).await;
            let mut asked = json!({ "organization_id": team, "user_id": user.id.to_string() });
            if operation == "update_member" {
                asked["role"] = json!("guest");
            }
            asked
        }
        "leave_organization" => {
            let other = scene.team().await;
            other.admits(&stage.person, Role::Guest).await;
            json!({ "organization_id": other.id.to_string() })
        }
        "create_invitation" => {
            let email = scene.person().await.email;
            json!({ "organization_id": team, "email": email, "role": "guest" })
        }
        "accept_invitation" => {
            let other = scene.team().await.id.to_string();
            json!({ "link": invite(&other, &stage.person.email).await["link"] })
        }
        _ => {
            let sent = invite(&team, &scene.person().await.email).await;
            json!({ "organization_id": team, "invitation_id": sent["invitation"]["id"] })
        }
    }
}

/// A live lease of the person's.
async fn lease(stage: &Stage) -> String {
    let service = personal(stage).await;
    let asked = crate::harness::api::ask([service]);
    stage.person.create(&asked).await.expect("a lease").lease_id
}

async fn credential_request(stage: &Stage, operation: &str) -> Value {
    let (owner, account) = (stage.team.id.to_string(), number());
    let id = async || {
        let rule = [SharingEntry::AllMembers];
        stage.team.shares(&format!("todoist/{account}"), "shared", &rule).await.to_string()
    };
    let fields = json!({ "access_token": "new" });
    match operation {
        "create_credential" => json!({
            "owner": owner, "service": "todoist", "account": account, "fields": fields, "sharing": ["all_members"]
        }),
        "list_credentials" => json!({ "owner": owner }),
        "update_credential" => json!({ "id": id().await, "status": "inactive" }),
        "rotate_credential" => json!({ "id": id().await, "fields": fields }),
        _ => json!({ "id": id().await }),
    }
}

async fn own_credential_request(stage: &Stage, operation: &str) -> Value {
    let account = number();
    let id = async || stage.person.deposits(&format!("todoist/{account}"), "hers").await.to_string();
    let fields = json!({ "access_token": "new" });
    match operation {
        "create_own_credential" => json!({ "service": "todoist", "account": account, "fields": fields }),
        "list_own_credentials" => json!({}),
        "update_own_credential" => json!({ "id": id().await, "status": "inactive" }),
        "rotate_own_credential" => json!({ "id": id().await, "fields": fields }),
        _ => json!({ "id": id().await }),
    }
}

async fn administered_client_request(stage: &Stage, operation: &str) -> Value {
    let owner = stage.team.id.to_string();
    let id = async || stage.team.client(Role::Member).await.id.to_string();
    match operation {
        "create_client" => {
            json!({ "owner": owner, "name": "A program", "role": "member", "scopes": ["lease:create"] })
        }
        "list_clients" => json!({ "owner": owner }),
        "update_client" => json!({ "id": id().await, "name": "Renamed" }),
        _ => json!({ "id": id().await }),
    }
}

/// A resource server's URI that nobody registered before.
fn resource(stage: &Stage) -> String {
    format!("https://{}.example/{}", stage.person.id, number()).replace('_', "-")
}

async fn report_request(stage: &Stage) -> Value {
    let name = if stage.scene.via == Transport::Grpc { "lease_id" } else { "id" };
    let service = personal(stage).await;
    let asked = crate::harness::api::ask([service.clone()]);
    let lease = stage.person.create(&asked).await.expect("a lease").lease_id;
    json!({ name: lease, "service": service, "credential_version": 1 })
}

async fn application_request(stage: &Stage, operation: &str) -> Value {
    let of = |owner: &str| json!({ "owner": owner, "service": "notion", "client_id": "id", "client_secret": "secret" });
    let owner = stage.team.id.to_string();
    match operation {
        "put_application" => of(&owner),
        "delete_application" => {
            stage.operator.does("put_application", of(&owner)).await;
            json!({ "owner": owner, "service": "notion" })
        }
        _ => {
            stage.operator.does("put_application", of(&owner)).await;
            json!({ "owner": owner })
        }
    }
}

async fn connect_link_request(stage: &Stage, operation: &str) -> Value {
    match operation {
        "create_connect_link" => {
            registers(stage).await;
            json!({ "service": "notion", "account": format!("c{}", number()) })
        }
        "confirm_connect_link" => json!({ "id": connected_link(stage).await, "identity": "somebody" }),
        _ => json!({ "id": connect_link(stage).await }),
    }
}

async fn registers(stage: &Stage) {
    let put = json!({ "owner": "system", "service": "notion", "client_id": "id", "client_secret": "secret" });
    stage.operator.does("put_application", put).await;
}

/// A link that the person asked for.
async fn connect_link(stage: &Stage) -> String {
    registers(stage).await;
    let asking = stage.person.with_scopes("credential:connect").await;
    let asked = json!({ "service": "notion", "account": format!("c{}", number()) });
    let made = asking.does("create_connect_link", asked).await;
    made["link"]["id"].as_str().expect("an id").to_owned()
}

/// One by which an account was reached, without the way through a browser.
async fn connected_link(stage: &Stage) -> String {
    let id = connect_link(stage).await;
    let link = id.parse().expect("an id");
    let credential = stage.person.deposits(&format!("notion/r{}", number()), "reached").await;
    let steps = vec![
        LinkChange::Begin(link, "browser".to_owned(), format!("flow of {id}"), stage.scene.now()),
        LinkChange::Exchange(link),
        LinkChange::Connect(link, credential, Some("somebody".to_owned())),
    ];
    let change = Change::All(steps.into_iter().map(Change::Link).collect());
    stage.scene.change(EventName::CredentialConnected, credential, change).await;
    id
}

/// A live lease of the person's that rests on a credential of the team.
async fn shared_lease(stage: &Stage) -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let service = format!("notion/a{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    stage.team.shares(&service, "the team's", &[SharingEntry::AllMembers]).await;
    let asked = crate::harness::api::ask([service]);
    stage.person.create(&asked).await.expect("a lease").lease_id
}

/// A token of the person's, narrower than any that is shown.
async fn token(stage: &Stage) -> String {
    stage.person.with_scopes("lease:read").await.token_id.to_string()
}

/// A signing key that another one follows.
async fn old_signing_key(stage: &Stage) -> String {
    stage.operator.does("rotate_signing_key", json!({ "at_once": true })).await;
    let keys = stage.operator.does("list_signing_keys", json!({})).await;
    let old = keys["signing_keys"].as_array().expect("keys").iter().find(|key| key["state"] == "retiring");
    old.expect("one that signed before")["id"].as_str().expect("an id").to_owned()
}

async fn client_request(stage: &Stage, operation: &str) -> Value {
    let client = stage.person.client().await;
    let mut request = json!({ "client_id": client.id.to_string(), "client_secret": client.secret });
    match operation {
        "issue_token" => request["grant_type"] = json!("client_credentials"),
        _ => request["token"] = json!("mcp_unknown"),
    }
    request
}

const ORGANIZATIONS: [&str; 18] = [
    "create_organization",
    "list_organizations",
    "show_organization",
    "update_organization",
    "delete_organization",
    "add_member",
    "list_members",
    "show_member",
    "update_member",
    "remove_member",
    "list_own_memberships",
    "leave_organization",
    "create_invitation",
    "list_invitations",
    "show_invitation",
    "resend_invitation",
    "revoke_invitation",
    "accept_invitation",
];

/// Operations that can be asked without saying anything.
const WITHOUT_FIELDS: &[&str] = &[
    "list_withdrawals",
    "list_data_keys",
    "list_leases",
    "list_own_tokens",
    "list_resources",
    "list_root_keys",
    "count_services",
    "list_services",
    "list_signing_keys",
    "list_tokens",
    "list_users",
    "rewrap_data_keys",
    "rotate_signing_key",
    "verify_audit",
    "who_am_i",
];
