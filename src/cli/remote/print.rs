//! Answers for people: a list as a table, anything else as names and values.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The answer as text, with a line break at its end.
pub(super) fn human(answer: &Value) -> String {
    let Some(members) = answer.as_object() else { return format!("{}\n", cell(answer)) };
    match members.values().find_map(rows) {
        Some(rows) => table(&rows) + &rest(members),
        None => named(members, ""),
    }
}

/// The items, when the value is a list of objects.
fn rows(value: &Value) -> Option<Vec<&Map<String, Value>>> {
    let items = value.as_array()?;
    items.iter().map(Value::as_object).collect()
}

fn table(rows: &[&Map<String, Value>]) -> String {
    if rows.is_empty() {
        return "nothing\n".to_owned();
    }
    let columns = columns(rows);
    let head: Vec<String> = columns.iter().map(|name| name.to_uppercase().replace('_', " ")).collect();
    let body = rows
        .iter()
        .map(|row| columns.iter().map(|name| row.get(*name).map(cell).unwrap_or_default()).collect());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|text| text.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// What names a row first, then the rest; the tag for updates is for programs.
fn columns<'a>(rows: &[&'a Map<String, Value>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = rows.iter().flat_map(|row| row.keys().map(String::as_str)).collect();
    names.sort_by_key(|name| (FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()), *name));
    names.dedup();
    names.retain(|name| *name != "etag");
    names
}

/// What stands beside the list: totals, and where the list goes on.
fn rest(members: &Map<String, Value>) -> String {
    let beside = members.iter().filter(|(_, value)| rows(value).is_none());
    let beside: Map<String, Value> = beside.map(|(name, value)| (name.clone(), value.clone())).collect();
    if beside.is_empty() { String::new() } else { format!("\n{}", named(&beside, "")) }
}

fn named(members: &Map<String, Value>, indent: &str) -> String {
    let width = members.keys().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for name in columns(&[members]) {
        let Some(value) = members.get(name) else { continue };
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                // Writing to a String does not fail.
                let _ = write!(text, "{indent}{name}\n{}", named(inner, &format!("{indent}  ")));
            }
            _ => {
                let _ = writeln!(text, "{indent}{name:<width$}  {}", cell(value));
            }
        }
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

const FIRST: &[&str] = &["id", "name", "email", "status", "active"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_a_table_and_says_where_it_goes_on() {
        let answer = json!({
            "users": [{ "etag": "1", "name": "Ada", "id": "usr_1" }, { "id": "usr_22", "name": "B", "late": null }],
            "next_page_token": "more"
        });
        let expected = "ID      NAME  LATE\nusr_1   Ada\nusr_22  B     -\n\nnext_page_token  more\n";
        assert_eq!(human(&answer), expected);
        assert_eq!(human(&json!({ "users": [] })), "nothing\n");
    }

    #[test]
    fn anything_else_is_names_and_values() {
        let answer = json!({ "leases_ended": 2, "user": { "id": "usr_1", "tags": ["a", "b"] } });
        assert_eq!(human(&answer), "leases_ended  2\nuser\n  id    usr_1\n  tags  a, b\n");
    }
}
