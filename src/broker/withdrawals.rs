//! Withdrawals: tokens of leases that are over, taken back at their services; as durable jobs, each service by itself.
//!
//! A job is a row. It is tried again, later and later, until the service says that the token is gone, or has run out; what
//! cannot be withdrawn says so, with the bound until which it lives. Nobody waits for a job but the chore.

use futures::{StreamExt as _, stream};

use crate::{
    issuer::IssueError,
    model::{
        audit::EventName,
        catalog::Service,
        grant::back_off_micros,
        minted::{MintedState, MintedToken},
        page::{ListQuery, OrderKey},
        scope::Operation,
        secret::SecretText,
    },
    store::{admin::MintedChange, backend::MintedFilter},
};

use super::{
    Broker, Call, Error,
    listing::{ListRequest, Listing},
    refresh::RefreshError,
};

/// Why a token is still good at its service.
enum Obstacle {
    /// It may go later.
    Later(String),
    /// It cannot be withdrawn.
    Never(&'static str),
}

impl Broker {
    /// Finds tokens whose lease is over and requests that broke off, and withdraws what is due, a bounded number; answers how
    /// many are gone.
    ///
    /// # Errors
    /// What the database said.
    pub async fn withdraw_tokens(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        self.minted_step(MintedChange::Sweep(now, SWEPT), None).await?;
        let due = self.store.rows().list_due_minted(now, PER_SERVICE).await?;
        let gone = stream::iter(due)
            .map(|token| async move {
                self.withdraw(&token).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, token = %token.id, "a withdrawal was not settled; it comes again");
                    false
                })
            })
            .buffer_unordered(AT_ONCE)
            .fold(0, |sum, gone| async move { sum + u64::from(gone) })
            .await;
        Ok(gone)
    }

    /// Lists tokens that wait to be withdrawn, or cannot be. For operators.
    ///
    /// # Errors
    /// [`super::Code::InvalidRequest`] for a page or an order that is none.
    pub async fn operator_lists_withdrawals(
        &self,
        call: &Call,
        filter: MintedFilter,
        page: &ListRequest,
    ) -> Result<Listing<MintedToken>, Error> {
        self.operator(call, Operation::AdminRead).await?;
        let (order, after, size) = page.read(&[OrderKey::CreatedAt])?;
        let query = ListQuery { filter, order, after, size };
        Ok(Listing::of(order, self.store.rows().list_minted(&query).await?))
    }

    /// Whether it is gone.
    async fn withdraw(&self, token: &MintedToken) -> Result<bool, Error> {
        let now = self.clock.now();
        if token.expires_at <= now {
            return self.minted_step(MintedChange::Forget(token.id), None).await.map(|_| true);
        }
        match self.revoked_upstream(token).await? {
            Ok(()) => {
                let record = self.minted_record(EventName::UpstreamTokenWithdrawn, token);
                self.minted_step(MintedChange::Forget(token.id), Some(record)).await?;
                Ok(true)
            }
            Err(Obstacle::Never(why)) => {
                let record = self.minted_record(EventName::UpstreamTokenUnrevocable, token);
                let record = record.with("reason", why).with("until", token.expires_at.to_string());
                self.minted_step(MintedChange::Abandon(token.id, why.to_owned()), Some(record)).await?;
                Ok(false)
            }
            Err(Obstacle::Later(why)) => {
                let jitter = u16::from_be_bytes(self.entropy.bytes());
                let due = self.clock.now().plus_micros(back_off_micros(token.attempts + 1, jitter));
                self.minted_step(MintedChange::Retry(token.id, due, why), None).await?;
                Ok(false)
            }
        }
    }

    async fn revoked_upstream(&self, token: &MintedToken) -> Result<Result<(), Obstacle>, Error> {
        let Some(service) = self.catalog.find(&token.service) else {
            return Ok(Err(Obstacle::Never("the service is described no longer")));
        };
        if !service.issuing.can_revoke() {
            return Ok(Err(Obstacle::Never("the service withdraws no tokens")));
        }
        let found = self.store.rows().load_credentials(&[token.credential_id]).await?.pop();
        let Some(Ok(credential)) = found else {
            return Ok(Err(Obstacle::Never("the credential that it was made with is gone")));
        };
        let text = match &token.sealed {
            Some(sealed) => self.vault.open_minted(token, sealed).await?,
            None => match self.lost(service, &credential, token).await {
                Ok(text) => text,
                Err(obstacle) => return Ok(Err(obstacle)),
            },
        };
        let (client, values) = self.client_and_values(&credential).await?;
        let done = self.refresher.oauth.revoke(service, &values, client.as_ref(), &text).await;
        Ok(done.map_err(|error| Obstacle::Later(error.to_string())))
    }

    /// A token whose answer was lost: asked for once more, where the service gives the same one again.
    async fn lost(
        &self,
        service: &Service,
        credential: &crate::model::credential::Credential,
        token: &MintedToken,
    ) -> Result<SecretText, Obstacle> {
        if service.issuing.repeat_header.is_none() {
            return Err(Obstacle::Never(
                "nobody knows whether it was made, nor which it is: the answer was lost",
            ));
        }
        let tokens = self.ask_for(service, credential, token).await.map_err(|error| match error {
            RefreshError::Issue(IssueError::ClientRefused) => {
                Obstacle::Never("the service refuses the client")
            }
            error => Obstacle::Later(error.to_string()),
        })?;
        let until = tokens.expires_at.unwrap_or(token.expires_at);
        let sealed = self.vault.seal_minted(token.owner, token.id, &tokens.access_token).await;
        let sealed = sealed.map_err(|error| Obstacle::Later(error.to_string()))?;
        let kept = self.minted_step(MintedChange::Find(token.id, sealed, until), None).await;
        kept.map_err(|error| Obstacle::Later(error.to_string()))?;
        Ok(tokens.access_token)
    }
}

/// What a list can be narrowed to, from texts.
pub(crate) fn filter(service: Option<&str>, state: Option<&str>) -> Result<MintedFilter, Error> {
    let wrong = |field: &str, reason: String| Error::invalid(vec![super::Violation::new(field, reason)]);
    let service = service
        .map(str::parse)
        .transpose()
        .map_err(|error: crate::model::service::ParseServiceError| wrong("service", error.to_string()))?;
    let state: Option<MintedState> = state
        .map(str::parse)
        .transpose()
        .map_err(|error: crate::model::named::ParseNameError| wrong("state", error.to_string()))?;
    Ok(MintedFilter { service, state })
}

const SWEPT: u16 = 256;
/// Of each service in one run, so that one that hangs does not keep the others waiting.
const PER_SERVICE: u16 = 16;
const AT_ONCE: usize = 8;
