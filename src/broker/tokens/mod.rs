//! Tokens: issue, introspect, revoke, publish keys.

mod basic;
mod clients;
mod inspect;
mod issue;
pub mod types;

use serde_json::{Value, json};

use crate::{
    model::scope::Operation,
    telemetry::{Chain, current_request_id},
};

use super::{Broker, Error};

pub(crate) use clients::ClientCache;
use types::{TokenError, TokenErrorCode};

impl Broker {
    /// The public keys that verify access tokens: a JWK set (RFC 7517), as JSON.
    ///
    /// # Errors
    /// [`TokenErrorCode::TemporarilyUnavailable`].
    pub async fn jwks(&self) -> Result<Value, TokenError> {
        let keys = self.signing.current(&self.store, &self.vault, &*self.clock).await?;
        Ok(json!({ "keys": keys.jwks() }))
    }

    /// Every scope that a token may carry, for the metadata document; `service:*` stands for all services.
    #[must_use]
    pub fn supported_scopes(&self) -> Vec<String> {
        let operations = Operation::ALL.iter().map(|operation| operation.as_str().to_owned());
        operations.chain(["service:*".to_owned()]).collect()
    }
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        use super::Code;
        let code = match error.code {
            Code::Unavailable | Code::Sealed => TokenErrorCode::TemporarilyUnavailable,
            Code::RateLimited => TokenErrorCode::SlowDown,
            _ => TokenErrorCode::ServerError,
        };
        let request_id = current_request_id();
        let cause = error.cause.as_deref().map(|cause| tracing::field::display(Chain(cause)));
        tracing::error!(
            request_id = request_id.as_deref(),
            code = error.code.as_str(),
            cause,
            "a token call failed"
        );
        Self { retry_after: error.retry_after, ..Self::new(code, error.message) }
    }
}

impl From<crate::store::StoreError> for TokenError {
    fn from(error: crate::store::StoreError) -> Self {
        Error::from(error).into()
    }
}
