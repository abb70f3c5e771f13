//! The place of a sealed value, as authenticated data.
//!
//! Owns the byte format. Five fields in this order, each with its length in bytes before it, so that no two places
//! share an encoding:
//!
//! | bytes | meaning |
//! |---|---|
//! | 4 + *n* | length (`u32`, big-endian) and text of the table's name |
//! | 4 + *n* | length and text of the owner: an id, or `system` |
//! | 4 + *n* | length and text of the row's id |
//! | 4 + *n* | length and text of the column's name |
//! | 4 + 8 | length (always 8) and version (`i64`, big-endian) |
//!
//! The format has no version of its own: it belongs to the envelope's, and changes only with that.

use crate::model::owner::Owner;

/// Where a sealed value stands. A value opens only with the context that it was sealed with: moved to another
/// table, owner, row, column or version it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The table's name.
    pub table: &'static str,
    /// Whose row it is.
    pub owner: Owner,
    /// The row's id.
    pub row: &'a str,
    /// The column's name.
    pub column: &'static str,
    /// The row's version, so that an old value put back does not open as the new one.
    pub version: i64,
}

impl Context<'_> {
    /// The authenticated data, in the format of this module.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { table, owner, row, column, version } = self;
        let (owner, version) = (owner.to_string(), version.to_be_bytes());
        let fields = [table.as_bytes(), owner.as_bytes(), row.as_bytes(), column.as_bytes(), &version];
        let mut bytes = Vec::with_capacity(fields.iter().map(|field| LENGTH_BYTES + field.len()).sum());
        for field in fields {
            // Names and ids are far shorter than 4 GiB.
            let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field);
        }
        bytes
    }
}

/// Bytes of a field's length.
const LENGTH_BYTES: usize = size_of::<u32>();

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_format_is_fixed() {
        let context =
            Context { table: "credentials", owner: Owner::System, row: "r1", column: "secret", version: 258 };
        let expected = concat!(
            "0000000b63726564656e7469616c73",
            "0000000673797374656d",
            "000000027231",
            "00000006736563726574",
            "000000080000000000000102",
        );
        assert_eq!(HEXLOWER.encode(&context.to_bytes()), expected);
    }

    #[test]
    fn text_does_not_slide_between_fields() {
        let context = Context { table: "ab", owner: Owner::System, row: "c", column: "d", version: 0 };
        for other in [
            Context { table: "a", ..context },
            Context { row: "cd", column: "", ..context },
            Context { row: "", column: "cd", ..context },
        ] {
            assert_ne!(other.to_bytes(), context.to_bytes(), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn different_rows_and_versions_encode_differently(
            a in ".{0,12}", b in ".{0,12}", m: i64, n: i64
        ) {
            let at = |row, version| {
                Context { table: "t", owner: Owner::System, row, column: "c", version }.to_bytes()
            };
            prop_assert_eq!(at(&a, m) == at(&b, n), a == b && m == n);
        }
    }
}
