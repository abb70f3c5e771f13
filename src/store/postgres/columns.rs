//! Rows turned into columns: an array for each, which `unnest` puts together again.

use serde::{Serialize, ser::Error as _};
use serde_json::{Error, Value};

use super::run::Query;
use crate::store::sql::Statement;

/// The values of one column.
#[derive(Debug, PartialEq)]
pub(super) enum Column {
    Boolean(Vec<Option<bool>>),
    Number(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
}

/// The rows' values by the statement's columns. A column that a row does not have is NULL there.
pub(super) fn of<P: Serialize>(statement: &Statement, rows: &[P]) -> Result<Vec<Column>, Error> {
    let empty = |(_, kind): &(_, &str)| Column::of(kind, rows.len());
    let mut columns: Vec<Column> = statement.columns.iter().map(empty).collect::<Result<_, _>>()?;
    for row in rows {
        let Value::Object(mut fields) = serde_json::to_value(row)? else {
            return Err(Error::custom("a row is not a struct"));
        };
        for (column, (name, _)) in columns.iter_mut().zip(statement.columns) {
            column.push(fields.remove(*name).unwrap_or_default())?;
        }
    }
    Ok(columns)
}

impl Column {
    fn of(kind: &str, rows: usize) -> Result<Self, Error> {
        match kind {
            "bigint" => Ok(Self::Number(Vec::with_capacity(rows))),
            "boolean" => Ok(Self::Boolean(Vec::with_capacity(rows))),
            "text" => Ok(Self::Text(Vec::with_capacity(rows))),
            other => Err(Error::custom(format!("no array of {other}"))),
        }
    }

    fn push(&mut self, value: Value) -> Result<(), Error> {
        match self {
            Self::Boolean(values) => values.push(serde_json::from_value(value)?),
            Self::Number(values) => values.push(serde_json::from_value(value)?),
            Self::Text(values) => values.push(serde_json::from_value(value)?),
        }
        Ok(())
    }

    pub(super) fn bind(self, query: Query<'_>) -> Query<'_> {
        match self {
            Self::Boolean(values) => query.bind(values),
            Self::Number(values) => query.bind(values),
            Self::Text(values) => query.bind(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::sql::statement;

    const STATEMENT: Statement =
        statement!("test", [columns id text, size bigint, active boolean], "SELECT r.id FROM r");

    #[test]
    fn rows_become_columns_whatever_their_order() {
        let rows = [json!({ "size": 3, "active": true, "id": "a" }), json!({ "id": "b", "active": null })];
        let columns = of(&STATEMENT, &rows).unwrap();
        let text = |value: &str| Some(value.to_owned());
        let expected = [
            Column::Text(vec![text("a"), text("b")]),
            Column::Number(vec![Some(3), None]),
            Column::Boolean(vec![Some(true), None]),
        ];
        assert_eq!(columns, expected);
        assert!(of(&STATEMENT, &[json!({ "id": 7 })]).is_err(), "of another type");
        assert!(of(&STATEMENT, &[json!("a")]).is_err(), "no row");
    }

    #[test]
    fn parameters_are_numbered_in_the_order_of_the_columns() {
        let expected = "-- test\nWITH r AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[], $3::boolean[]) \
                        AS x(id, size, active))\nSELECT r.id FROM r";
        assert_eq!(STATEMENT.postgres, expected);
    }
}
