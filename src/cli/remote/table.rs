//! Tables: a line for each object, a column for each member that any of them has.

use serde_json::{Map, Value};

use crate::{api::shape::Shape, model::words::counted};

use super::print::{cell, names};

/// The rows under their heads. Where a width is told, columns at the right that have no room are left out, and counted.
pub(super) fn table(
    rows: &[&Map<String, Value>],
    shape: Option<&Shape>,
    width: Option<usize>,
) -> Vec<String> {
    let columns: Vec<Vec<String>> = names(rows, shape)
        .into_iter()
        .map(|name| column(name, rows, shape))
        .filter(|column| column.iter().skip(1).any(|text| !text.is_empty()))
        .collect();
    let widths: Vec<usize> = columns.iter().map(|column| widest(column)).collect();
    let shown = width.map_or(columns.len(), |width| fitting(&widths, width));
    let line = |number: usize| {
        let cells = columns.iter().zip(&widths).take(shown);
        let cells: Vec<String> = cells.map(|(column, width)| padded(column.get(number), *width)).collect();
        cells.join(GAP).trim_end().to_owned()
    };
    let mut lines: Vec<String> = (0..=rows.len()).map(line).collect();
    let hidden = columns.len() - shown;
    if hidden > 0 {
        lines.push(format!("… {}: --json shows everything", counted(hidden, "more column")));
    }
    lines
}

fn padded(text: Option<&String>, width: usize) -> String {
    format!("{:<width$}", text.map(String::as_str).unwrap_or_default())
}

/// The head, and a cell for each row.
fn column(name: &str, rows: &[&Map<String, Value>], shape: Option<&Shape>) -> Vec<String> {
    let inner = shape.and_then(|shape| shape.within(name));
    let cells = rows.iter().map(|row| row.get(name).map(|value| cell(value, inner.as_ref())));
    let cells = cells.map(|text| cut(text.unwrap_or_default()));
    std::iter::once(name.to_uppercase().replace('_', " ")).chain(cells).collect()
}

/// Longer than any id or address of a usual length.
fn cut(text: String) -> String {
    if text.chars().count() <= WIDEST_CELL {
        return text;
    }
    text.chars().take(WIDEST_CELL - 1).chain(['…']).collect()
}

fn widest(column: &[String]) -> usize {
    column.iter().map(|text| text.chars().count()).max().unwrap_or_default()
}

/// How many columns have room; the first always.
fn fitting(widths: &[usize], room: usize) -> usize {
    let mut taken = 0;
    let fit = widths.iter().take_while(|width| {
        taken += **width + GAP.len();
        taken <= room + GAP.len()
    });
    fit.count().max(1).min(widths.len())
}

const GAP: &str = "  ";
const WIDEST_CELL: usize = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(rows: &[Value], width: Option<usize>) -> Vec<String> {
        let rows: Vec<&Map<String, Value>> = rows.iter().map(|row| row.as_object().unwrap()).collect();
        table(&rows, None, width)
    }

    #[test]
    fn columns_without_room_are_counted() {
        let rows = [json!({ "a": "one", "b": "two", "c": "x\u{1b}[1m" })];
        assert_eq!(shown(&rows, Some(15)), ["A    B    C", "one  two  x [1m"]);
        assert_eq!(
            shown(&rows, Some(14)),
            ["A    B", "one  two", "… 1 more column: --json shows everything"]
        );
        assert_eq!(shown(&rows, Some(1))[..2], ["A", "one"]);
        assert_eq!(shown(&rows, Some(1))[2], "… 2 more columns: --json shows everything");
    }

    #[test]
    fn long_cells_are_cut() {
        let lines = shown(&[json!({ "a": "ü".repeat(70) })], None);
        assert!(lines[1].chars().count() == 60 && lines[1].ends_with('…'), "{lines:?}");
    }
}
