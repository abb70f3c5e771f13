//! What the columns of a table are worth: where a terminal has no room for all of them, those worth most are shown.

/// The columns of each type of item that are worth most, the best first. What a type does not name comes behind, in the
/// order of the declaration.
const WORTH: &[(&str, &[&str])] = &[
    ("Application", &["service", "owner", "client_id"]),
    ("AuditRecord", &["at", "event", "actor", "target", "refusal", "outcome", "owner", "address"]),
    ("Client", &["name", "id", "active", "role", "scopes", "owner"]),
    ("ClientSecretAge", &["expires_at", "created_at"]),
    ("CountedService", &["name", "credentials"]),
    ("Credential", &["service", "account", "status", "id", "sharing", "owner", "expires_at", "rotated_at"]),
    ("DataKey", &["owner", "version", "root_key_id", "created_at", "id"]),
    ("Invitation", &["email", "role", "status", "id", "expires_at", "invited_by"]),
    ("LeaseCount", &["service", "live", "client_id", "user_id"]),
    ("LeaseRecord", &["lease_id", "server_id", "expires_at", "status", "services", "client_id", "user_id"]),
    ("LeasedService", &["service", "owner", "credential_id"]),
    (
        "McpToken",
        &["name", "id", "status", "expires_at", "user_id", "last_used_at", "rotation_due", "scopes"],
    ),
    ("Membership", &["email", "role", "user_id", "name", "organization_name", "active", "organization_id"]),
    ("Organization", &["name", "id", "status"]),
    ("Resource", &["uri"]),
    ("Service", &["name", "title", "account"]),
    ("ServiceField", &["name", "required", "kind", "secret", "required_if", "default", "description"]),
    ("SigningKey", &["id", "state", "signs_from", "retires_at"]),
    ("User", &["email", "id", "name", "active"]),
    ("Withdrawal", &["service", "state", "expires_at", "attempts", "lease_id", "failure"]),
];

/// The place of a column among those of its type, 0 the best.
pub(super) fn place(type_name: &str, column: &str) -> usize {
    let columns = WORTH.iter().find(|(name, _)| *name == type_name).map_or(&[][..], |(_, columns)| columns);
    columns.iter().position(|name| *name == column).unwrap_or(columns.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Map, Value, json};
    use unicode_width::UnicodeWidthStr as _;

    use crate::api::{operation, operations, shape::Shape};

    use super::{
        super::table::{Frame, table},
        *,
    };

    /// The type of each item that stands in a list of an answer, wherever in it, with the names of its fields.
    fn listed() -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for generic in operations().filter_map(|operation| operation.generic.as_ref()) {
            gather(&(generic.answer)(), &mut found);
        }
        found
    }

    fn gather(shape: &Shape, found: &mut BTreeMap<String, Vec<String>>) {
        for field in shape.fields() {
            let Some(inner) = shape.within(&field.name) else { continue };
            let property = &shape.schema["properties"][&field.name]["type"];
            let is_list = property == "array"
                || property.as_array().is_some_and(|types| types.contains(&"array".into()));
            if is_list {
                found
                    .insert(inner.name.clone(), inner.fields().into_iter().map(|field| field.name).collect());
            }
            gather(&inner, found);
        }
    }

    #[test]
    fn every_listed_type_says_what_its_columns_are_worth() {
        let listed = listed();
        let named: Vec<&str> = WORTH.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed.keys().map(String::as_str).collect::<Vec<_>>(), named);
        for (name, columns) in WORTH {
            let fields = &listed[*name];
            for (at, column) in columns.iter().enumerate() {
                assert!(fields.iter().any(|field| field == column), "{name}.{column}");
                assert_eq!(place(name, column), at, "{name}.{column} is named twice");
            }
            assert_eq!(place(name, "etag"), columns.len());
        }
    }

    /// The heads of an operation's table at a width.
    fn heads(name: &str, width: usize, asked: &Value, rows: &[Value]) -> Vec<String> {
        let answer = (operation(name).unwrap().generic.as_ref().unwrap().answer)();
        let shape = answer.within(&answer.items().unwrap());
        let rows: Vec<&Map<String, Value>> = rows.iter().map(|row| row.as_object().unwrap()).collect();
        let frame = Frame { width: Some(width), asked: asked.as_object().unwrap() };
        let lines = table(&rows, shape.as_ref(), frame);
        assert!(lines[..=rows.len()].iter().all(|line| line.width() <= width), "{lines:?}");
        lines[0].split("  ").filter(|head| !head.is_empty()).map(|head| head.trim().to_owned()).collect()
    }

    fn id(prefix: &str, number: usize) -> String {
        format!("{prefix}_069bq1c8m5vk3f5k9t4m2s6g{number:02}")
    }

    fn rows(row: impl Fn(usize) -> Value) -> Vec<Value> {
        (0..3).map(row).collect()
    }

    #[test]
    fn eighty_columns_show_which_lease_until_when() {
        let leases = rows(|n| {
            json!({
                "lease_id": id("lse", n), "client_id": id("cli", n), "server_id": format!("worker-{n}"),
                "created_at": AT, "expires_at": format!("2026-11-21T09:00:0{n}.500000Z"),
                "status": "active", "services": [{ "service": "jira" }], "ttl": 3600,
            })
        });
        let shown = heads("find_leases", 80, &json!({}), &leases);
        assert_eq!(shown, ["LEASE ID", "STATUS", "EXPIRES AT", "SERVER ID", "TTL"]);
    }

    #[test]
    fn eighty_columns_show_what_tokens_and_clients_are_called() {
        let tokens = rows(|n| {
            json!({
                "id": id("tok", n), "owner": id("usr", n), "name": format!("laptop {n}"), "prefix": "mcp_0",
                "scopes": ["lease:create", "service:*"], "status": "active", "expires_at": AT, "rotate_by": AT,
            })
        });
        assert_eq!(heads("list_tokens", 80, &json!({}), &tokens), ["ID", "OWNER", "NAME", "STATUS"]);
        let clients = rows(|n| {
            let name = format!("worker {n}");
            json!({ "id": id("cli", n), "owner": id("org", 1), "name": name, "scopes": ["lease:create"] })
        });
        let shown = heads("list_clients", 80, &json!({ "owner": id("org", 1) }), &clients);
        assert_eq!(shown, ["ID", "NAME", "SCOPES"]);
    }

    #[test]
    fn eighty_columns_show_who_did_what_when() {
        let record = |n: usize, event: &str| {
            json!({
                "chain": id("aud", 0), "seq": n, "at": format!("2026-11-21T09:00:0{n}.000000Z"), "event": event,
                "outcome": "success", "actor": id("cli", n), "target": id("lse", n),
            })
        };
        let records = [record(1, "lease_created"), record(2, "lease_renewed")];
        let audit = |width, asked: Value, rows: &[Value]| heads("query_audit", width, &asked, rows);
        assert_eq!(audit(80, json!({}), &records), ["SEQ", "AT", "EVENT", "ACTOR"]);
        assert_eq!(audit(112, json!({}), &records), ["SEQ", "AT", "EVENT", "ACTOR", "TARGET"]);
        let of_one = audit(80, json!({ "target": id("lse", 1) }), &records[..1]);
        assert_eq!(of_one, ["AT", "EVENT", "OUTCOME", "ACTOR"]);
        let by_one = audit(80, json!({ "actor": id("cli", 1) }), &records[..1]);
        assert_eq!(by_one, ["AT", "EVENT", "OUTCOME", "TARGET"]);
    }

    #[test]
    fn what_was_asked_for_or_never_differs_comes_last() {
        let member = |n: usize, role: &str| {
            json!({
                "organization_id": id("org", 1), "organization_name": "Acme", "user_id": id("usr", n),
                "email": format!("ann{n}@example.org"), "name": format!("Ann {n}"), "active": true, "role": role,
            })
        };
        let (ann, eve) = (member(1, "member"), member(2, "admin"));
        let of_organization = json!({ "organization_id": id("org", 1) });
        for members in [vec![ann.clone()], vec![ann.clone(), eve]] {
            let shown = heads("list_members", 80, &of_organization, &members);
            assert_eq!(shown, ["USER ID", "EMAIL", "NAME", "ACTIVE", "ROLE"]);
        }
        let of_user = json!({ "user_id": id("usr", 1) });
        let shown = heads("list_user_memberships", 80, &of_user, &[ann]);
        assert_eq!(shown, ["ORGANIZATION NAME", "EMAIL", "NAME", "ACTIVE", "ROLE"]);
    }

    const AT: &str = "2026-11-21T09:00:00.000000Z";
}
