//! The API's description (OpenAPI 3.1), made from the code: handlers and bodies by derive, everything that the table
//! of operations knows (names, authorization, errors) from the table. Operations that the table does by itself are
//! described from it alone: see [`generic`].

mod errors;
mod generic;

use bytes::Bytes;
use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components, ContentBuilder, Info, OpenApi as Document, Ref, Response, ResponseBuilder,
        path::Operation as Described,
        security::{
            ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes, SecurityRequirement,
            SecurityScheme,
        },
    },
};

use axum::http::Method;

use crate::{
    api::{Operation, Relation, operations},
    model::scope::Operation as Scope,
};

use super::{
    docs, health, identity, invitations, leases,
    oauth::{self, OAuthErrorBody},
    problem::ProblemBody,
};

/// The document, as JSON text.
pub(super) fn document() -> Bytes {
    // A document that could not be written would be empty; the test reads it.
    let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
    operations().for_each(|operation| {
        generic::describe(&mut document, operation);
        let place = format!(
            "/paths/{}/{}/parameters",
            escaped(operation.path),
            operation.method.as_str().to_lowercase()
        );
        let parameters = document.pointer_mut(&place).and_then(Value::as_array_mut);
        let schemas = parameters.into_iter().flatten().filter_map(|parameter| parameter.get_mut("schema"));
        schemas.for_each(|schema| *schema = generic::without_null(schema.take()));
    });
    serde_json::to_vec(&document).map(Bytes::from).unwrap_or_default()
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[derive(OpenApi)]
#[openapi(
    paths(
        oauth::token,
        oauth::introspect,
        oauth::revoke,
        oauth::jwks,
        oauth::metadata,
        identity::show,
        leases::create,
        leases::list,
        leases::show,
        leases::revoke,
        leases::renew,
        leases::credentials,
        leases::report,
        invitations::register,
        health::health,
        health::livez,
        health::readyz,
        health::metrics,
        docs::openapi,
    ),
    components(schemas(ProblemBody<'_>, OAuthErrorBody<'_>)),
    tags(
        (name = "leases", description = "Borrow credentials for a limited time"),
        (name = "identity", description = "Who calls"),
        (name = "oauth", description = "Access tokens for programs"),
        (name = "administration", description = "What operators do"),
        (name = "self-service", description = "What a person does with what is the person's own"),
        (name = "operation", description = "Health, metrics and this description"),
    ),
    modifiers(&FromTable)
)]
struct Api;

struct FromTable;

impl Modify for FromTable {
    fn modify(&self, document: &mut Document) {
        document.info = Info::new("Leasehold", env!("CARGO_PKG_VERSION"));
        document.info.description = Some(DESCRIPTION.to_owned());
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme(BEARER, bearer());
        components.add_security_scheme(OAUTH2, oauth2());
        components.add_security_scheme(BASIC, SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
        for operation in operations() {
            if let Some(described) = described(document, operation) {
                complete(described, operation);
            }
        }
    }
}

fn described<'a>(document: &'a mut Document, operation: &Operation) -> Option<&'a mut Described> {
    let item = document.paths.paths.get_mut(operation.path)?;
    let described = match operation.method {
        Method::GET => &mut item.get,
        Method::POST => &mut item.post,
        Method::DELETE => &mut item.delete,
        _ => return None,
    };
    described.as_mut()
}

fn complete(described: &mut Described, operation: &Operation) {
    described.operation_id = Some(operation.name.to_owned());
    described.security = Some(security(operation));
    let (schema, media_type) = match operation.path.strip_prefix("/oauth/") {
        Some(_) => ("OAuthError", "application/json"),
        None => ("Problem", "application/problem+json"),
    };
    for (status, what) in errors::errors(operation, None) {
        let response = error(what, schema, media_type);
        described.responses.responses.entry(status.to_owned()).or_insert_with(|| response.into());
    }
}

fn security(operation: &Operation) -> Vec<SecurityRequirement> {
    let none: [&str; 0] = [];
    match (operation.relation, operation.scope) {
        (Relation::Anonymous, _) => Vec::new(),
        (Relation::Client, _) => {
            vec![SecurityRequirement::new(BASIC, none), SecurityRequirement::default()]
        }
        (_, None) => vec![SecurityRequirement::new(BEARER, none), SecurityRequirement::new(OAUTH2, none)],
        (_, Some(scope)) => vec![
            SecurityRequirement::new(BEARER, [scope.as_str()]),
            SecurityRequirement::new(OAUTH2, [scope.as_str()]),
        ],
    }
}

fn error(description: &str, schema: &str, media_type: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    ResponseBuilder::new().description(description).content(media_type, content).build()
}

fn bearer() -> SecurityScheme {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("An access token, or an MCP token (mcp_…)".to_owned());
    SecurityScheme::Http(scheme)
}

fn oauth2() -> SecurityScheme {
    let mut scopes: Vec<(String, String)> =
        Scope::ALL.iter().map(|scope| (scope.as_str().to_owned(), String::new())).collect();
    scopes.push(("service:*".to_owned(), "Borrow from every service".to_owned()));
    let flow = ClientCredentials::new("/oauth/token", Scopes::from_iter(scopes));
    SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]))
}

const BEARER: &str = "bearer";
const OAUTH2: &str = "oauth2";
const BASIC: &str = "client";
const DESCRIPTION: &str = "A credential broker and lease service: programs prove who they are and are lent the \
    credentials they need, for a limited time. Times are RFC 3339 in UTC; ids are opaque; errors are problems \
    (RFC 9457), at /oauth/* as RFC 6749 has them.";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_and_the_description_have_the_same_routes() {
        let document: Value = serde_json::from_slice(&document()).unwrap();
        let described: BTreeSet<(String, String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().iter().map(move |(method, operation)| {
                    let name = operation["operationId"].as_str().unwrap_or("").to_owned();
                    (path.clone(), method.to_uppercase(), name)
                })
            })
            .collect();
        let table: BTreeSet<_> =
            operations().map(|o| (o.path.to_owned(), o.method.to_string(), o.name.to_owned())).collect();
        assert_eq!(described, table);
    }

    #[test]
    fn the_description_is_complete() {
        let document: Value = serde_json::from_slice(&document()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        let create = &document["paths"]["/api/mcp/credentials/lease"]["post"];
        assert_eq!(create["security"][1]["oauth2"][0], "lease:create");
        assert!(create["responses"]["422"]["content"]["application/problem+json"].is_object());
        let required = &schemas["CreateLease"]["required"];
        assert_eq!(*required, serde_json::json!(["services", "server_id"]));
    }

    #[test]
    fn a_parameter_is_there_or_not_but_never_null() {
        let document: Value = serde_json::from_slice(&document()).unwrap();
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap());
        for (_, operation) in operations {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(!parameter["schema"].to_string().contains("null"), "{parameter}");
            }
        }
    }

    #[test]
    fn the_fields_of_a_deletion_are_described_in_query_and_body() {
        let document: Value = serde_json::from_slice(&document()).unwrap();
        let end = &document["paths"]["/api/admin/leases/{id}"]["delete"];
        assert_eq!(end["requestBody"]["required"], false);
        let places: BTreeSet<(&str, &str)> = end["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|parameter| (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap()))
            .collect();
        assert_eq!(places, BTreeSet::from([("id", "path"), ("reason", "query")]));
        assert_eq!(document["components"]["schemas"]["EndLeaseRequest"]["required"], serde_json::json!([]));
    }
}
