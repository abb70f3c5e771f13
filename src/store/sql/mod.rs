//! The statements, as static text in both dialects: one file per aggregate, bind and execute elsewhere.
//!
//! A *set statement* takes one JSON array as `$1` and sees it as the relation `r`; so a thousand rows cost one
//! statement. Those of every request say `columns` instead of `rows`: on PostgreSQL they take an array for each column,
//! which it reads several times faster than JSON, and nothing else. Ids are text, instants are microseconds, JSON is
//! text: only the expansion of the array, locking and skipping locked rows differ between the dialects. Values that
//! SQLite's JSON cannot carry (ciphertext) are bound.

pub(in crate::store) mod audit;
pub(in crate::store) mod connections;
pub(in crate::store) mod credentials;
pub(in crate::store) mod doubts;
pub(in crate::store) mod grants;
pub(in crate::store) mod invitations;
pub(in crate::store) mod keys;
pub(in crate::store) mod lease_search;
pub(in crate::store) mod leases;
mod listing;
pub(in crate::store) mod mcp_tokens;
pub(in crate::store) mod minted;
pub(in crate::store) mod organizations;
pub(in crate::store) mod people;
pub(in crate::store) mod quotas;
pub(in crate::store) mod settings;
pub(in crate::store) mod tokens;

pub(in crate::store) use listing::{Listing, Walk, listings};

/// One statement. Its text begins with its name as a comment, so that logs of the database name it too.
#[derive(Debug)]
pub(in crate::store) struct Statement {
    /// For SQLite.
    pub(in crate::store) sqlite: &'static str,
    /// For PostgreSQL.
    pub(in crate::store) postgres: &'static str,
    /// The columns, with their types, that PostgreSQL takes an array of each; none for those that take JSON.
    pub(in crate::store) columns: &'static [(&'static str, &'static str)],
}

/// A file's statements, each of one text for both dialects unless `postgres` gives another. With `rows (…)` or
/// `columns (…)`, the text follows the relation `r` of these columns, made of the JSON array `$1` or of an array for each.
/// The file's list `ALL` is for the test that prepares every statement.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $label:literal $($form:ident ($($column:ident $type:ident),*))? : $text:expr
        $(, postgres: $postgres:expr)?;)*) => {
        $(
            $(#[$doc])*
            pub(in crate::store) const $name: $crate::store::sql::Statement =
                $crate::store::sql::statement!($label, [$($form $($column $type),*)?], $text $(, $postgres)?);
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
            columns: &[],
        }
    };
    ($label:literal, [rows $first:ident $first_type:ident $(, $column:ident $type:ident)*], $sqlite:expr, $postgres:expr) => {
        $crate::store::sql::Statement {
            sqlite: concat!("-- ", $label, "\n", $crate::store::sql::objects!($first $($column)*), $sqlite),
            postgres: concat!(
                "-- ", $label, "\nWITH r AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1::jsonb) AS x(",
                stringify!($first), " ", stringify!($first_type),
                $(", ", stringify!($column), " ", stringify!($type),)* "))\n", $postgres
            ),
            columns: &[],
        }
    };
    ($label:literal, [columns $first:ident $first_type:ident $(, $column:ident $type:ident)*], $sqlite:expr, $postgres:expr) => {
        $crate::store::sql::Statement {
            sqlite: concat!("-- ", $label, "\n", $crate::store::sql::objects!($first $($column)*), $sqlite),
            postgres: concat!(
                "-- ", $label, "\nWITH r AS MATERIALIZED (SELECT * FROM unnest(",
                $crate::store::sql::arrays!(
                    ["1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12" "13" "14" "15" "16" "17" "18" "19" "20" "21" "22"
                     "23" "24" "25" "26" "27" "28" "29" "30" "31" "32"]
                    $first_type $($type)*
                ),
                ") AS x(", stringify!($first), $(", ", stringify!($column),)* "))\n", $postgres
            ),
            columns: &[
                (stringify!($first), stringify!($first_type)) $(, (stringify!($column), stringify!($type)))*
            ],
        }
    };
}
pub(in crate::store) use statement;

/// The relation `r` of these columns, for SQLite. What `jsonb_each` hands on is not turned into text and parsed again for
/// each column, as what `json_each` does would be.
macro_rules! objects {
    ($first:ident $($column:ident)*) => {
        concat!(
            "WITH r AS MATERIALIZED (SELECT value->>'$.", stringify!($first), "' AS ", stringify!($first),
            $(", value->>'$.", stringify!($column), "' AS ", stringify!($column),)* " FROM jsonb_each($1))\n"
        )
    };
}
pub(in crate::store) use objects;

/// A numbered parameter for each type: `$1::text[], $2::bigint[]`.
macro_rules! arrays {
    ([$number:literal $($numbers:literal)*] $type:ident) => {
        concat!("$", $number, "::", stringify!($type), "[]")
    };
    ([$number:literal $($numbers:literal)*] $type:ident $($types:ident)+) => {
        concat!("$", $number, "::", stringify!($type), "[], ", $crate::store::sql::arrays!([$($numbers)*] $($types)+))
    };
}
pub(in crate::store) use arrays;

/// Every statement of the store.
#[cfg(test)]
pub(in crate::store) fn all() -> impl Iterator<Item = &'static Statement> {
    let files = [
        audit::ALL,
        connections::ALL,
        credentials::ALL,
        doubts::ALL,
        grants::ALL,
        invitations::ALL,
        keys::ALL,
        lease_search::ALL,
        leases::ALL,
        mcp_tokens::ALL,
        minted::ALL,
        organizations::ALL,
        people::ALL,
        quotas::ALL,
        settings::ALL,
        tokens::ALL,
    ];
    let listings = [
        credentials::LISTINGS,
        minted::LISTINGS,
        invitations::LISTINGS,
        mcp_tokens::LISTINGS,
        organizations::LISTINGS,
        people::LISTINGS,
        tokens::LISTINGS,
    ];
    let walks = listings.into_iter().flatten().flat_map(|listing| listing.statements());
    files.into_iter().flatten().copied().chain(walks)
}
