//! Which errors an operation can answer, from its row in the table and, where the table does it by itself, the fields of its
//! request.

use axum::http::Method;

use crate::api::{Operation, Relation, shape::Shape};

/// The statuses, each with what it means there; `request` of operations that the table does by itself.
pub(super) fn errors(operation: &Operation, request: Option<&Shape>) -> Vec<(&'static str, &'static str)> {
    let known = !operation.is_anonymous();
    let client = operation.relation == Relation::Client;
    let bounded = matches!(operation.relation, Relation::Organization | Relation::Operator);
    // A body is read whether or not it can say anything.
    let body = changes(operation);
    // Under /api even a query that can say nothing is read, and refused.
    let strict = operation.path.starts_with("/api/");
    let all = [
        (body || strict, "400", "The request cannot be read"),
        (client, "401", "The client did not prove who it is"),
        (known && !client, "401", "No token, or one that is not valid"),
        (
            operation.scope.is_some() || bounded,
            "403",
            "The token lacks a scope, the caller may not do this, or the lease no longer holds",
        ),
        (may_be_absent(operation, request), "404", "No such thing, or not the caller's"),
        (may_conflict(operation, request), "409", "It exists already, is over, or changed meanwhile"),
        (operation.name == "create_lease", "409", "The lease that the Idempotency-Key made is over"),
        (
            is_conditional(operation, request),
            "412",
            "The row changed since the version that `etag` or If-Match names",
        ),
        (body, "413", "The body is larger than 1 MiB"),
        (body, "415", "The body is of the wrong content type"),
        (strict, "422", "A value cannot be accepted, or a service does not resolve"),
        (known, "429", "Too many requests, or too many live leases"),
        (true, "500", "A fault of the broker"),
        (true, "503", "Sealed, the database not available, or too much to do"),
    ];
    all.into_iter().filter(|(possible, ..)| *possible).map(|(_, status, what)| (status, what)).collect()
}

fn changes(operation: &Operation) -> bool {
    operation.method != Method::GET
}

/// Whether it names something.
fn may_be_absent(operation: &Operation, request: Option<&Shape>) -> bool {
    let named =
        request.is_some_and(|request| request.fields().iter().any(|field| names_something(&field.name)));
    operation.path_parameters().next().is_some() || named
}

/// Whether it changes a row only in the state that was read.
fn is_conditional(operation: &Operation, request: Option<&Shape>) -> bool {
    changes(operation)
        && request.is_some_and(|request| request.fields().iter().any(|field| field.name == "etag"))
}

/// Whether it changes what others change, or makes what may exist.
fn may_conflict(operation: &Operation, request: Option<&Shape>) -> bool {
    let Some(request) = request else { return false };
    // An administrator's own membership may change meanwhile; what is asked for by name may have been done already.
    let by_membership = changes(operation) && operation.relation == Relation::Organization;
    let by_name = operation.method == Method::POST && request.fields().iter().any(|field| field.required);
    is_conditional(operation, Some(request)) || by_membership || by_name
}

/// Whether a field of this name says which thing, rather than what of it.
fn names_something(field: &str) -> bool {
    let by_callers = ["server_id", "request_id"];
    ["owner", "link"].contains(&field) || (field.ends_with("_id") && !by_callers.contains(&field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

    fn statuses(name: &str) -> Vec<&'static str> {
        let operation = api::operation(name).expect("an operation");
        let request = operation.generic.as_ref().map(|generic| (generic.request)());
        errors(operation, request.as_ref()).into_iter().map(|(status, _)| status).collect()
    }

    #[test]
    fn an_operation_answers_what_it_can_come_across() {
        for (name, expected) in [
            ("list_users", "400 401 403 422 429 500 503"),
            ("show_user", "400 401 403 404 422 429 500 503"),
            ("create_user", "400 401 403 409 413 415 422 429 500 503"),
            ("update_user", "400 401 403 404 409 412 413 415 422 429 500 503"),
            ("list_clients", "400 401 403 404 422 429 500 503"),
            ("list_services", "400 401 422 429 500 503"),
            ("verify_audit", "400 401 403 413 415 422 429 500 503"),
            ("end_lease", "400 401 403 404 409 413 415 422 429 500 503"),
            ("delete_resource", "400 401 403 404 413 415 422 429 500 503"),
            ("create_lease", "400 401 403 409 413 415 422 429 500 503"),
            ("show_lease", "400 401 403 404 422 429 500 503"),
            ("who_am_i", "400 401 422 429 500 503"),
            ("jwks", "500 503"),
            ("metrics", "500 503"),
        ] {
            assert_eq!(statuses(name).join(" "), expected, "{name}");
        }
    }
}
