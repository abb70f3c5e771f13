//! Enumerations of names: each value is one text, wherever it is stored or sent.

/// An enumeration whose variants are texts, as they are stored and sent: with `ALL`, `as_str`, `FromStr` and `Display`. The file
/// that uses it needs `std::{fmt, str::FromStr}`.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $what:literal: $($(#[$vdoc:meta])* $variant:ident = $text:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text, as stored and sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl FromStr for $name {
            type Err = $crate::model::named::ParseNameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($crate::model::named::ParseNameError { what: $what, known: &[$($text),*] }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;

/// The text is none of the known names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known {what}: expected one of {}", known.join(", "))]
pub struct ParseNameError {
    /// What it should have named.
    pub what: &'static str,
    /// The names there are.
    pub known: &'static [&'static str],
}
