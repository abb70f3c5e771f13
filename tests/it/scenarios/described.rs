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
