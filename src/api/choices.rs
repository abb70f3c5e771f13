//! What the shapes of requests and answers say beyond the types of their fields: texts that are one of a few names, and the
//! bounds of pages.

use serde_json::{Value, json};

use crate::{
    broker::admin::SigningKeyState,
    issuer::validate::Verdict,
    model::{
        audit::EventName,
        catalog::issuing::IssuerKind,
        connection::LinkState,
        credential::CredentialStatus,
        lease::{CredentialScope, LeaseStatus},
        mcp_token::McpTokenStatus,
        minted::MintedState,
        organization::Role,
        page::PageSize,
    },
};

/// Adds it to the schema of a type.
pub(super) fn add(type_name: &str, schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, schema) in properties {
        let Some(schema) = schema.as_object_mut() else { continue };
        if name == "page_size" {
            // 0 stands for the default, as google.api has it.
            schema.insert("minimum".to_owned(), json!(0));
            schema.insert("maximum".to_owned(), json!(PageSize::MAX));
            schema.insert("default".to_owned(), json!(PageSize::default().items()));
        }
        if let Some(mut names) = names(type_name, name) {
            if schema.get("type").is_some_and(Value::is_array) {
                names.push(Value::Null);
            }
            schema.insert("enum".to_owned(), Value::Array(names));
        }
    }
}

/// The names that a field of a type may hold, when they are few.
fn names(type_name: &str, field: &str) -> Option<Vec<Value>> {
    Some(match (type_name, field) {
        (_, "order_by") => {
            let keys = orders(type_name)?.iter();
            // Empty stands for the default, as with `page_size`.
            let default = std::iter::once(json!(""));
            default.chain(keys.flat_map(|key| [json!(key), json!(format!("{key} desc"))])).collect()
        }
        (_, "event") => all(EventName::ALL, EventName::as_str),
        (_, "credential_scope") => all(CredentialScope::ALL, CredentialScope::as_str),
        ("CredentialValidation", "outcome") => Verdict::NAMES.iter().map(|name| json!(name)).collect(),
        ("Credential", "validation") => vec![json!("works"), json!("unknown"), json!("untried")],
        ("AuditRecord", "outcome") => vec![json!("success"), json!("refused"), json!("unreadable")],
        ("SigningKey", "state") => all(SigningKeyState::ALL, SigningKeyState::as_str),
        ("CreateClientRequest" | "UpdateClientRequest" | "Client", "role") => all(Role::ALL, Role::as_str),
        ("Withdrawal" | "ListWithdrawalsRequest", "state") => all(MintedState::ALL, MintedState::as_str),
        ("ConnectLink", "state") => {
            let mut states = all(LinkState::ALL, LinkState::as_str);
            states.push(json!("expired"));
            states
        }
        ("FindLeasesRequest" | "LeaseRecord", "status") => all(LeaseStatus::ALL, LeaseStatus::as_str),
        ("ListTokensRequest" | "ListOwnTokensRequest" | "McpToken", "status") => {
            all(McpTokenStatus::ALL, McpTokenStatus::as_str)
        }
        (
            "ListCredentialsRequest"
            | "ListOwnCredentialsRequest"
            | "UpdateCredentialRequest"
            | "UpdateOwnCredentialRequest"
            | "Credential",
            "status",
        ) => all(CredentialStatus::ALL, CredentialStatus::as_str),
        ("Credential" | "Service", "issuer") => all(IssuerKind::ALL, IssuerKind::as_str),
        _ => return None,
    })
}

/// What a list can be sorted by, by the type of its request.
fn orders(request: &str) -> Option<&'static [&'static str]> {
    Some(match request {
        "QueryAuditRequest" => &["at"],
        "FindLeasesRequest"
        | "ListOwnMembershipsRequest"
        | "ListUserMembershipsRequest"
        | "ListWithdrawalsRequest" => &["created_at"],
        "ListUsersRequest" | "ListMembersRequest" => &["created_at", "email", "name"],
        "ListInvitationsRequest" => &["created_at", "email"],
        "ListClientsRequest" | "ListOrganizationsRequest" | "ListTokensRequest" | "ListOwnTokensRequest" => {
            &["created_at", "name"]
        }
        "ListCredentialsRequest" | "ListOwnCredentialsRequest" => &["created_at", "service"],
        "ListResourcesRequest" => &["uri"],
        _ => return None,
    })
}

/// The order of a list unless told, by the type of its request.
pub(super) fn default_order(request: &str) -> Option<&'static str> {
    match request {
        "QueryAuditRequest" => Some("at desc"),
        "FindLeasesRequest" => Some("created_at desc"),
        _ => orders(request)?.first().copied(),
    }
}

fn all<T: Copy>(names: &[T], text: impl Fn(T) -> &'static str) -> Vec<Value> {
    names.iter().map(|name| json!(text(*name))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{operations, shape::Shape};
    use super::*;

    #[test]
    fn texts_of_a_few_names_say_which() {
        for operation in operations() {
            let Some(generic) = &operation.generic else { continue };
            let (request, answer) = ((generic.request)(), (generic.answer)());
            for Shape { name, schema, referred, .. } in [request, answer] {
                let schemas = std::iter::once((name, schema)).chain(referred);
                for (name, schema) in schemas {
                    looks_right(&name, &schema);
                }
            }
        }
    }

    fn looks_right(name: &str, schema: &Value) {
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            let is_text = schema["type"] == "string" || schema["type"] == json!(["string", "null"]);
            if is_text && ["role", "status", "state", "order_by", "event"].contains(&field.as_str()) {
                assert!(schema["enum"].is_array(), "{name}.{field}: {schema}");
            }
            if field == "page_size" {
                assert_eq!((&schema["minimum"], &schema["maximum"]), (&json!(0), &json!(1_000)), "{name}");
            }
        }
    }
}
