//! The codes that a record of a refusal may have.

use crate::{
    broker::{Code, tokens::types::TokenErrorCode},
    model::{renewal::UseRefusal, token::authentication_failures},
};

/// Every code with which a refusal is recorded.
pub fn recorded_refusals() -> impl Iterator<Item = &'static str> {
    let codes = Code::ALL.iter().map(|code| code.as_str());
    let uses = UseRefusal::ALL.iter().map(|refusal| refusal.as_str());
    let tokens = TOKEN_CODES.iter().map(|code| code.as_str());
    codes.chain(uses).chain(tokens).chain(authentication_failures()).chain(OTHERS.iter().copied())
}

const TOKEN_CODES: &[TokenErrorCode] = &[
    TokenErrorCode::InvalidClient,
    TokenErrorCode::InvalidRequest,
    TokenErrorCode::InvalidScope,
    TokenErrorCode::InvalidTarget,
    TokenErrorCode::ServerError,
    TokenErrorCode::SlowDown,
    TokenErrorCode::TemporarilyUnavailable,
    TokenErrorCode::UnsupportedGrantType,
];
/// Failed attempts of callers without a token.
const OTHERS: &[&str] = &["invalid_invitation", "missing_client_credentials"];
