//! Tables: a line for each object, a column for each member that any of them has.

use serde_json::{Map, Value};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::{
    api::shape::{Kind, Shape},
    model::words::counted,
};

use super::{
    cells::{cell, names},
    worth,
};

/// What a table has to fit in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// How wide it may be, where that is told.
    pub(super) width: Option<usize>,
    /// The request: what it says of every row, its rows need not.
    pub(super) asked: &'a Map<String, Value>,
}

/// A column: its head, and a cell for each row.
struct Column {
    cells: Vec<String>,
    width: usize,
    /// How much it tells, the least the most: whether it says the same of every row, then its place in the declared order
    /// of worth.
    rank: (bool, usize),
}

/// The rows under their heads, in the order of the fields. Where a width is told, columns are chosen by their worth; those
/// that find no room are counted.
pub(super) fn table(rows: &[&Map<String, Value>], shape: Option<&Shape>, frame: Frame<'_>) -> Vec<String> {
    let columns: Vec<Column> = names(rows, shape)
        .into_iter()
        .map(|name| Column::of(name, rows, shape, frame.asked))
        .filter(|column| column.cells.iter().skip(1).any(|text| !text.is_empty()))
        .collect();
    let shown = frame.width.map_or_else(|| columns.iter().collect(), |width| fitting(&columns, width));
    let line = |number: usize| {
        let cells = shown.iter().map(|column| {
            padded(column.cells.get(number).map(String::as_str).unwrap_or_default(), column.width)
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let mut lines: Vec<String> = (0..=rows.len()).map(line).collect();
    let hidden = columns.len() - shown.len();
    if hidden > 0 {
        lines.push(format!("… {}: --json shows everything", counted(hidden, "more column")));
    }
    lines
}

/// The text with as many spaces behind it as a terminal needs to reach the width: there are characters of two columns, and
/// of none.
pub(super) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

impl Frame<'_> {
    /// The same, indented.
    pub(super) fn within(self, indent: &str) -> Self {
        Self { width: self.width.map(|width| width.saturating_sub(indent.len())), ..self }
    }
}

impl Column {
    fn of(
        name: &str,
        rows: &[&Map<String, Value>],
        shape: Option<&Shape>,
        asked: &Map<String, Value>,
    ) -> Self {
        let inner = shape.and_then(|shape| shape.within(name));
        let is_time = shape.is_some_and(|shape| shape.kind_of(name) == Some(Kind::Time));
        let text = |value: &Value| cut(to_the_second(cell(value, inner.as_ref()), is_time));
        let texts: Vec<String> = rows.iter().map(|row| row.get(name).map(text).unwrap_or_default()).collect();
        let values = || rows.iter().map(|row| row.get(name));
        let was_asked_for = asked
            .values()
            .filter(|value| value.is_string() || value.is_boolean())
            .any(|asked| values().all(|value| value == Some(asked)));
        let is_constant = rows.len() > 1 && values().all(|value| value == values().next().flatten());
        let place = worth::place(shape.map_or("", |shape| &shape.name), name);
        let cells: Vec<String> =
            std::iter::once(name.to_uppercase().replace('_', " ")).chain(texts).collect();
        let width = cells.iter().map(|text| text.width()).max().unwrap_or_default();
        Self { cells, width, rank: (was_asked_for || is_constant, place) }
    }
}

/// The columns that have room, in their order: of all, the best that fits, then the next; the best always.
fn fitting(columns: &[Column], room: usize) -> Vec<&Column> {
    let mut by_rank: Vec<(usize, &Column)> = columns.iter().enumerate().collect();
    by_rank.sort_by_key(|(_, column)| column.rank);
    let mut taken = 0;
    by_rank.retain(|(_, column)| {
        let with = if taken == 0 { column.width } else { taken + GAP.len() + column.width };
        let fits = taken == 0 || with <= room;
        taken = if fits { with } else { taken };
        fits
    });
    by_rank.sort_by_key(|(at, _)| *at);
    by_rank.into_iter().map(|(_, column)| column).collect()
}

/// Longer than any id or address of a usual length.
fn cut(text: String) -> String {
    if text.width() <= WIDEST_CELL {
        return text;
    }
    let mut taken = 0;
    let fits = |c: &char| {
        taken += c.width().unwrap_or_default();
        taken < WIDEST_CELL
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// A time without its microseconds, which nobody compares by eye.
fn to_the_second(text: String, is_time: bool) -> String {
    match text.split_once('.') {
        Some((seconds, fraction)) if is_time && fraction.ends_with('Z') => format!("{seconds}Z"),
        _ => text,
    }
}

const GAP: &str = "  ";
const WIDEST_CELL: usize = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(rows: &[Value], width: Option<usize>) -> Vec<String> {
        let rows: Vec<&Map<String, Value>> = rows.iter().map(|row| row.as_object().unwrap()).collect();
        table(&rows, None, Frame { width, asked: &Map::new() })
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
        let lines = shown(&[json!({ "a": "漢".repeat(70) })], None);
        assert!(lines[1].width() == 59 && lines[1].ends_with('…'), "{lines:?}");
    }

    #[test]
    fn wide_characters_take_two_columns_and_marks_none() {
        let rows = [
            json!({ "a": "漢字", "b": 1 }),
            json!({ "a": "ne\u{301}e", "b": 2 }),
            json!({ "a": "abcdef", "b": 3 }),
        ];
        assert_eq!(shown(&rows, None)[1..], ["漢字    1", "ne\u{301}e     2", "abcdef  3"]);
    }
}
