//! Answers for people: a list as a table, anything else as names and values. In the order in which the answer's fields
//! were declared; `--json` has everything.

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr as _;

use crate::api::shape::Shape;

use super::{
    cells::{cell, names},
    table::{Frame, padded, table},
};

/// The answer as text, with a line break at its end.
pub(super) fn human(answer: &Value, shape: &Shape, frame: Frame<'_>) -> String {
    let mut lines = lines(answer, shape, frame);
    lines.push(String::new());
    lines.join("\n")
}

fn lines(answer: &Value, shape: &Shape, frame: Frame<'_>) -> Vec<String> {
    let Some(members) = answer.as_object() else { return vec![cell(answer, None)] };
    let Some(list) = shape.items() else { return named(members, Some(shape), frame) };
    let items = members.get(&list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut lines = listed(&list, items, shape.within(&list).as_ref(), frame);
    let mut beside = members.clone();
    beside.remove(&list);
    if !beside.is_empty() {
        lines.push(String::new());
        lines.extend(named(&beside, Some(shape), frame));
    }
    lines
}

fn listed(name: &str, items: &[Value], shape: Option<&Shape>, frame: Frame<'_>) -> Vec<String> {
    if items.is_empty() {
        return vec![format!("no {}", name.replace('_', " "))];
    }
    let rows: Option<Vec<&Map<String, Value>>> = items.iter().map(Value::as_object).collect();
    match rows {
        Some(rows) => table(&rows, shape, frame),
        None => items.iter().map(|item| cell(item, None)).collect(),
    }
}

fn named(members: &Map<String, Value>, shape: Option<&Shape>, frame: Frame<'_>) -> Vec<String> {
    let column = members.keys().map(|name| name.width()).max().unwrap_or_default();
    let narrower = frame.within(INDENT);
    let mut lines = Vec::new();
    for name in names(&[members], shape) {
        let Some(value) = members.get(name) else { continue };
        let inner = shape.and_then(|shape| shape.within(name));
        let below = match value {
            Value::Object(object) if !object.is_empty() => named(object, inner.as_ref(), narrower),
            Value::Array(items) if items.is_empty() => {
                lines.extend(listed(name, items, None, frame));
                continue;
            }
            Value::Array(items) if !fit_a_line(items) => listed(name, items, inner.as_ref(), narrower),
            _ => {
                lines.push(format!("{}  {}", padded(name, column), cell(value, None)));
                continue;
            }
        };
        lines.push(name.to_owned());
        lines.extend(below.iter().map(|line| format!("{INDENT}{line}")));
    }
    lines
}

/// Whether a list is one of words, which commas tell apart.
fn fit_a_line(items: &[Value]) -> bool {
    items.iter().all(|item| !item.is_object() && !item.as_str().is_some_and(|text| text.contains(' ')))
}

const INDENT: &str = "  ";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::operation;

    use super::*;

    fn shown(name: &str, answer: &Value) -> String {
        let shape = (operation(name).unwrap().generic.as_ref().unwrap().answer)();
        human(answer, &shape, Frame { width: None, asked: &Map::new() })
    }

    #[test]
    fn a_list_is_a_table_in_the_order_of_the_fields() {
        let answer = json!({
            "users": [
                { "etag": "1", "name": "Ada", "id": "usr_1", "email": "a@b.example", "unknown": 7 },
                { "id": "usr_22", "name": "B", "email": null },
            ],
            "next_page_token": "more"
        });
        let expected = "ID      EMAIL        NAME  UNKNOWN\nusr_1   a@b.example  Ada   7\nusr_22  -            B\n\n\
                        next_page_token  more\n";
        assert_eq!(shown("list_users", &answer), expected);
        assert_eq!(shown("list_users", &json!({ "users": [] })), "no users\n");
    }

    #[test]
    fn nested_objects_are_called_by_their_first_field() {
        let source =
            |service: &str| json!({ "service": service, "owner": "usr_1", "credential_id": "crd_1" });
        let answer = json!({ "leases": [{
            "services": [source("jira"), source("todoist")], "status": "active", "lease_id": "lse_1",
        }] });
        let expected = "LEASE ID  STATUS  SERVICES\nlse_1     active  jira, todoist\n";
        assert_eq!(shown("find_leases", &answer), expected);
        let record = json!({ "seq": 1, "chain": "aud_1", "event": "e", "details": { "a": { "b": 1 } } });
        assert_eq!(
            shown("query_audit", &json!({ "records": [record] })),
            "CHAIN  SEQ  EVENT\naud_1  1    e\n"
        );
    }

    #[test]
    fn anything_else_is_names_and_values() {
        let answer =
            json!({ "leases_ended": 2, "user": { "id": "usr_1", "tags": ["a", "b"] }, "more": [{ "x": 1 }] });
        let expected = "leases_ended  2\nmore\n  X\n  1\nuser\n  id    usr_1\n  tags  a, b\n";
        assert_eq!(shown("remove_member", &answer), expected);
    }

    #[test]
    fn what_a_verification_found_stands_in_lines() {
        let sound = json!({ "faults": [], "records": 378, "chains": 2 });
        assert_eq!(shown("verify_audit", &sound), "chains   2\nrecords  378\nno faults\n");
        let faults = ["aud_1: record 3 was changed", "aud_1: record 5 was changed"];
        let expected =
            "chains   1\nrecords  9\nfaults\n  aud_1: record 3 was changed\n  aud_1: record 5 was changed\n";
        let unsound = json!({ "faults": faults, "records": 9, "chains": 1 });
        assert_eq!(shown("verify_audit", &unsound), expected);
    }
}
