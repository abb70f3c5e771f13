//! What the API description enumerates is what the lists take.

use leasehold::api::{Operation, Relation, operations};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::scenarios;

scenarios! {
    async fn every_name_that_a_list_enumerates_is_taken(scene) {
        let operator = scene.operator("admin:read").await;
        let ann = scene.person().await.with_scopes("lease:read credential:write token:write").await;
        let team = scene.team().await.id.to_string();
        for operation in operations().filter(|operation| operation.method == Method::GET) {
            let who = if operation.relation == Relation::Own { &ann.borrower } else { &operator };
            let id = |name: &str| if name == "user_id" { ann.id.to_string() } else { team.clone() };
            let path: Map<String, Value> =
                operation.path_parameters().map(|name| (name.to_owned(), json!(id(name)))).collect();
            for (field, name) in enumerated(operation) {
                let mut asked = Value::Object(path.clone());
                asked[field] = name;
                who.does(operation.name, asked).await;
            }
        }
    }

    async fn the_default_order_is_the_same_said_or_left_out(scene) {
        let operator = scene.operator("admin:read admin:write").await;
        for name in ["Ada", "Bob"] {
            let email = format!("{name}-{:?}@orders.example", scene.via);
            operator.does("create_user", json!({ "email": email, "name": name })).await;
        }
        for (operation, default) in [("list_users", "created_at"), ("query_audit", "at desc")] {
            let mut pages = vec![json!({ "page_size": 1 }), json!({ "page_size": 1, "order_by": default })];
            for _ in 0..2 {
                let first = operator.does(operation, pages[0].clone()).await;
                pages[1]["page_token"] = first["next_page_token"].clone();
                operator.does(operation, pages[1].clone()).await;
                pages = vec![json!({ "page_size": 1, "order_by": default }), json!({ "page_size": 1 })];
            }
        }
    }
}

/// The fields of the request that hold one of a few names, with each of them.
fn enumerated(operation: &Operation) -> Vec<(String, Value)> {
    let Some(generic) = &operation.generic else { return Vec::new() };
    let schema = (generic.request)().schema;
    let fields = schema["properties"].as_object().cloned().unwrap_or_default();
    let enumeration = |schema: &Value| schema["enum"].as_array().cloned().unwrap_or_default();
    let named = fields
        .iter()
        .flat_map(|(field, schema)| enumeration(schema).into_iter().map(|name| (field.clone(), name)));
    named.filter(|(_, name)| !name.is_null()).collect()
}
