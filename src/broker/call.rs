//! A call: who calls, from where, under which request id. Made at the edge, carried through every rule to the record.

use std::sync::Arc;

use crate::{
    model::{
        audit::Actor,
        holdings::Subject,
        id::{ClientId, TokenId, UserId},
        owner::Owner,
        principal::Principal,
        scope::{Operation, ScopeSet},
        token::TokenReading,
    },
    store::mutation::Bearer,
};

use super::error::{Code, Error};

/// Where a call comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The peer's address, without port.
    pub address: Option<String>,
    /// The call's id, as answered in `X-Request-Id`.
    pub request_id: String,
}

/// A caller whose token was read and verified. Whether the token still *stands* is judged by each operation's own
/// transaction.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token shown.
    pub token_id: TokenId,
    /// What was true of it when it was read.
    pub reading: TokenReading,
    /// Who is calling.
    pub principal: Principal,
    /// The client, for access tokens.
    pub client_id: Option<ClientId>,
    /// The person the call acts for, if one.
    pub user_id: Option<UserId>,
    /// Whose credentials it reaches.
    pub owner: Owner,
    /// Whose holdings are resolved.
    pub subject: Subject,
    /// What the token allows.
    pub scopes: Arc<ScopeSet>,
    /// Whether each use counts against a limit.
    pub limited: bool,
}

/// One authenticated call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where it comes from.
    pub origin: Origin,
    /// Who calls.
    pub caller: Caller,
}

impl Call {
    /// The caller, as the audit names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            id: self.caller.principal.to_string(),
            token_id: Some(self.caller.token_id),
            owner: Some(self.caller.owner),
            address: self.origin.address.clone(),
            request_id: Some(self.origin.request_id.clone()),
        }
    }

    /// The caller, as the store judges it.
    #[must_use]
    pub fn bearer(&self) -> Bearer {
        Bearer {
            token_id: self.caller.token_id,
            reading: self.caller.reading,
            principal: self.caller.principal,
            scopes: Arc::clone(&self.caller.scopes),
        }
    }

    /// Requires a scope of the token.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`].
    pub fn require(&self, operation: Operation) -> Result<(), Error> {
        if self.caller.scopes.allows(operation) {
            return Ok(());
        }
        let scope = operation.as_str();
        Err(Error::new(Code::InsufficientScope, format!("the token lacks the scope `{scope}`")))
    }
}

impl Origin {
    /// An actor that did not prove who it is.
    #[must_use]
    pub fn anonymous(&self) -> Actor {
        Actor {
            id: "anonymous".to_owned(),
            token_id: None,
            owner: None,
            address: self.address.clone(),
            request_id: Some(self.request_id.clone()),
        }
    }
}
