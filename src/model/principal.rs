//! Principals: who is calling, as far as quotas, ownership and audit are concerned.

use std::{fmt, str::FromStr};

use super::id::{ClientId, TokenId, UserId};

/// The unit of ownership and of quotas: a client, a user who calls with MCP tokens, or an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A program.
    Client(ClientId),
    /// Whoever holds this token of the broker itself; it borrows nothing.
    Operator(TokenId),
    /// A person, through any of the person's MCP tokens.
    User(UserId),
}

/// The text names no principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a principal: expected a `cli_`, `usr_` or `tok_` id")]
pub struct ParsePrincipalError;

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(id) => id.fmt(f),
            Self::Operator(id) => id.fmt(f),
            Self::User(id) => id.fmt(f),
        }
    }
}

impl FromStr for Principal {
    type Err = ParsePrincipalError;

    fn from_str(text: &str) -> Result<Self, ParsePrincipalError> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Client(id));
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Operator(id));
        }
        text.parse().map(Self::User).map_err(|_| ParsePrincipalError)
    }
}
