//! One attempt, claimed: the service is asked, and what it says is settled.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    broker::Error,
    issuer::{Client, IssueError, Tokens},
    model::{
        catalog::Service,
        credential::Credential,
        grant::{Grant, RETRY_MICROS},
        owner::Owner,
        service::ServiceName,
    },
    store::StoreError,
};

use super::{Need, RefreshError, Refresher, material::Material};

/// What follows an attempt.
pub(super) enum Next {
    /// Nothing: the rows say what came of it.
    Done,
    /// Look again, after a moment.
    Again(Duration),
}

/// A claimed attempt.
pub(super) struct Attempting<'a> {
    pub(super) credential: &'a Credential,
    pub(super) grant: Grant,
    pub(super) material: Material,
    /// What is lent today.
    pub(super) fields: Map<String, Value>,
    /// Whose claim.
    pub(super) claim: String,
    /// How often this refresh token was sent, this time included; 0 where sending repeats nothing.
    pub(super) times: i64,
    pub(super) need: Need,
}

impl Refresher {
    /// Asks with a claimed grant, and settles what came.
    pub(super) async fn attempt(
        &self,
        credential: &Credential,
        grant: Grant,
        material: Material,
        (claim, digest): (String, Option<String>),
        need: Need,
    ) -> Result<Next, RefreshError> {
        let times = digest.map_or(0, |digest| grant.times_sent(&digest) + 1);
        let fields = self.vault.open_credential(credential).await?.parsed();
        let attempting = Attempting { credential, grant, material, fields, claim, times, need };
        match self.ask(&attempting).await {
            Ok(tokens) => self.keep(&attempting, &tokens).await,
            Err(error) => self.give_up(attempting, error).await,
        }
    }

    async fn ask(&self, attempting: &Attempting<'_>) -> Result<Tokens, IssueError> {
        let Attempting { credential, material, fields, .. } = attempting;
        let service = self.service(&credential.service).map_err(|_| lacking("a description"))?;
        let client = match material.client() {
            Some(client) => Some(client),
            None => self
                .application(credential.owner, &credential.service)
                .await
                .map_err(|_| lacking("an application that can be read"))?,
        };
        let mut values = fields.clone();
        values.extend(material.values().iter().map(|(name, value)| (name.clone(), value.clone())));
        let token = material.refresh_token();
        self.oauth.refresh(service, &values, client.as_ref(), token.as_ref()).await
    }

    /// The service as the catalog has it.
    pub(crate) fn service(&self, name: &ServiceName) -> Result<&Service, Error> {
        self.catalog
            .find(name)
            .ok_or_else(|| Error::internal(StoreError::Missing("the service's description")))
    }

    /// The application that connects an owner's accounts: the organization's own, else the broker's.
    pub(crate) async fn application(
        &self,
        owner: Owner,
        service: &ServiceName,
    ) -> Result<Option<Client>, Error> {
        let rows = self.store.rows();
        let own = match owner {
            Owner::Organization(_) => rows.find_application(owner, service).await?,
            Owner::System | Owner::User(_) => None,
        };
        let found = match own {
            Some(own) => Some(own),
            None => rows.find_application(Owner::System, service).await?,
        };
        let Some(application) = found else { return Ok(None) };
        let secret = self.vault.open_application(&application).await?;
        Ok(Some(Client { id: application.client_id, secret }))
    }
}

impl Attempting<'_> {
    /// Whether to send the same refresh token once more: its answer was lost, and nobody knows whether it was used.
    pub(super) fn is_sent_again(&self, error: &IssueError) -> bool {
        self.times == 1 && matches!(error, IssueError::Unreached(_)) && error.may_have_acted()
    }
}

fn lacking(what: &str) -> IssueError {
    IssueError::Lacking(what.to_owned())
}

/// How soon that is.
pub(super) const SOON: Duration = Duration::from_micros(RETRY_MICROS.unsigned_abs());
