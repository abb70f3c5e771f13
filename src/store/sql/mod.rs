//! The statements, as static text in both dialects: one file per aggregate, bind and execute elsewhere.
//!
//! A *set statement* takes one JSON array as `$1` and sees it as the relation `r`; so a thousand rows cost one
//! statement. Ids are text, instants are microseconds, JSON is text: only the expansion of the array, locking and
//! skipping locked rows differ between the dialects. Values that SQLite's JSON cannot carry (ciphertext) are bound.

pub(in crate::store) mod audit;
pub(in crate::store) mod credentials;
pub(in crate::store) mod doubts;
pub(in crate::store) mod keys;
pub(in crate::store) mod leases;
pub(in crate::store) mod people;
pub(in crate::store) mod quotas;
pub(in crate::store) mod settings;
pub(in crate::store) mod tokens;

/// One statement. Its text begins with its name as a comment, so that logs of the database name it too.
#[derive(Debug)]
pub(in crate::store) struct Statement {
    /// For SQLite.
    pub(in crate::store) sqlite: &'static str,
    /// For PostgreSQL.
    pub(in crate::store) postgres: &'static str,
}

/// A file's statements, each of one text for both dialects unless `postgres` gives another. With `rows (…)`, the text
/// follows the relation `r` of these columns, made of the JSON array `$1`. The file's list `ALL` is for the test that
/// prepares every statement.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $label:literal $(rows ($($column:ident $type:ident),*))? : $text:expr
        $(, postgres: $postgres:expr)?;)*) => {
        $(
            $(#[$doc])*
            pub(in crate::store) const $name: $crate::store::sql::Statement =
                $crate::store::sql::statement!($label, [$($($column $type),*)?], $text $(, $postgres)?);
        )*

        /// Every statement of this file.
        #[cfg(test)]
        pub(in crate::store) const ALL: &[&$crate::store::sql::Statement] = &[$(&$name),*];
    };
}
pub(in crate::store) use statements;

/// One [`Statement`]; see [`statements`].
macro_rules! statement {
    ($label:literal, [$($rows:tt)*], $text:expr) => {
        $crate::store::sql::statement!($label, [$($rows)*], $text, $text)
    };
    ($label:literal, [], $sqlite:expr, $postgres:expr) => {
        $crate::store::sql::Statement {
            sqlite: concat!("-- ", $label, "\n", $sqlite),
            postgres: concat!("-- ", $label, "\n", $postgres),
        }
    };
    ($label:literal, [$first:ident $first_type:ident $(, $column:ident $type:ident)*], $sqlite:expr, $postgres:expr) => {
        $crate::store::sql::Statement {
            sqlite: concat!(
                "-- ", $label, "\nWITH r AS MATERIALIZED (SELECT value->>'$.", stringify!($first), "' AS ",
                stringify!($first), $(", value->>'$.", stringify!($column), "' AS ", stringify!($column),)*
                " FROM json_each($1))\n", $sqlite
            ),
            postgres: concat!(
                "-- ", $label, "\nWITH r AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1::jsonb) AS x(",
                stringify!($first), " ", stringify!($first_type),
                $(", ", stringify!($column), " ", stringify!($type),)* "))\n", $postgres
            ),
        }
    };
}
pub(in crate::store) use statement;

/// Every statement of the store.
#[cfg(test)]
pub(in crate::store) fn all() -> impl Iterator<Item = &'static Statement> {
    let files = [
        audit::ALL,
        credentials::ALL,
        doubts::ALL,
        keys::ALL,
        leases::ALL,
        people::ALL,
        quotas::ALL,
        settings::ALL,
        tokens::ALL,
    ];
    files.into_iter().flatten().copied()
}
