//! What happens in the browser: a link is opened, the person goes on to the service, and comes back.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    broker::{Broker, Code, Error, Origin},
    issuer::{Client, Exchange, IssueError, Tokens},
    keyring::digest::{DigestKey, TokenDigest},
    model::{
        audit::{Actor, AuditRecord, EventName},
        catalog::{ACCESS_TOKEN, Service},
        connection::ConnectLink,
        owner::Owner,
        secret::{SecretBytes, SecretText},
    },
    store::admin::{AdminChange, Change, LinkChange},
};

use super::{LINK, check};

/// What a browser brought along: the secret that a page gave it before, if any.
#[derive(Clone, Default)]
pub struct Browser {
    /// The cookie's text.
    pub secret: Option<SecretText>,
    /// Whether a person's browser opens the page, as far as it says so. Programs that look at links that are sent around
    /// must not use them up.
    pub navigates: bool,
}

/// A link that can be gone on with.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Who asks.
    pub requester: String,
    /// For whom: an organization's name, or none for the person who asks.
    pub organization: Option<String>,
    /// What people call the service.
    pub service: String,
    /// The account, as the owner calls it.
    pub account: String,
    /// What was known before, for people.
    pub known: Vec<String>,
    /// Whether a credential that was there before is connected anew.
    pub reconnects: bool,
    /// What the browser keeps, and brings along from now on.
    pub secret: SecretText,
}

/// What came of it, for the person.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// What people call the service.
    pub service: String,
    /// The account that was reached, as the service names it.
    pub identity: Option<String>,
    /// Who asked.
    pub requester: String,
    /// Whether that one must confirm it still.
    pub awaits_confirmation: bool,
}

impl Broker {
    /// Opens a link. The first browser that opens it keeps it.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a link that is none, was used or ran out, and in any other browser; [`Code::RateLimited`].
    pub async fn open_connect_link(
        &self,
        origin: &Origin,
        handle: &str,
        browser: &Browser,
    ) -> Result<Opened, Error> {
        let link = self.usable_link(origin, handle).await?;
        let secret = match &browser.secret {
            Some(secret) => secret.clone(),
            None => SecretText::new(BASE64URL_NOPAD.encode(&self.entropy.bytes::<32>())),
        };
        let own = TokenDigest::of(secret.expose()).to_string();
        if !link.admits(&own) {
            return Err(elsewhere());
        }
        if link.browser.is_none() && browser.navigates {
            self.step(LinkChange::Bind(link.id, own)).await?;
        }
        let title = self.described(&link.service)?.title.clone();
        let organization = match link.owner {
            Owner::Organization(id) => {
                self.store.rows().find_organization(id).await?.map(|organization| organization.name)
            }
            Owner::User(_) | Owner::System => None,
        };
        Ok(Opened {
            requester: link.requester,
            organization,
            service: title,
            account: link.account.to_string(),
            known: link.start.values().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            reconnects: link.reconnects,
            secret,
        })
    }

    /// Goes on to the service: answers where.
    ///
    /// # Errors
    /// As [`Broker::open_connect_link`]; [`Code::Unavailable`] when the application is gone.
    pub async fn begin_connection(
        &self,
        origin: &Origin,
        handle: &str,
        browser: &Browser,
    ) -> Result<Url, Error> {
        let link = self.usable_link(origin, handle).await?;
        let secret = browser.secret.as_ref().ok_or_else(elsewhere)?;
        let own = TokenDigest::of(secret.expose()).to_string();
        if !link.admits(&own) {
            return Err(elsewhere());
        }
        let (service, client) = (self.described(&link.service)?, self.client_of(&link).await?);
        let exchange = self.exchange(&link, secret);
        let url = self.refresher.oauth.authorize_url(service, &link.start, &client, &exchange);
        let url = url.map_err(|error| Error::new(Code::Unavailable, error.to_string()).retry_after(60))?;
        let flow = TokenDigest::of(exchange.state.expose()).to_string();
        if self.step(LinkChange::Begin(link.id, own, flow, self.clock.now())).await? == 0 {
            return Err(gone());
        }
        Ok(url)
    }

    /// Comes back from the service, with what stands in the query: the code is exchanged, once, and what was reached is kept.
    ///
    /// # Errors
    /// [`Code::NotFound`] for what belongs to no flow of this browser; [`Code::Conflict`] with words for the person when
    /// nothing came of it.
    pub async fn arrive(
        &self,
        origin: &Origin,
        query: &[(String, String)],
        browser: &Browser,
    ) -> Result<Arrived, Error> {
        let parameter =
            |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let state = parameter("state").unwrap_or_default();
        let flow = TokenDigest::of(&state).to_string();
        let found = self.store.rows().find_connect_link_by_flow(&flow).await?;
        let secret = browser.secret.as_ref().ok_or_else(elsewhere)?;
        let own = TokenDigest::of(secret.expose()).to_string();
        let link = found.filter(|link| link.browser.as_deref() == Some(&own)).ok_or_else(elsewhere)?;
        if !link.is_usable(self.clock.now()) || self.step(LinkChange::Exchange(link.id)).await? == 0 {
            return Err(gone());
        }
        let outcome = self.finish(&link, secret, parameter).await;
        if let Err(error) = &outcome {
            self.fail(origin, &link, &error.message).await?;
        }
        outcome
    }

    async fn finish(
        &self,
        link: &ConnectLink,
        secret: &SecretText,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> Result<Arrived, Error> {
        let service = self.described(&link.service)?;
        match parameter("error").as_deref() {
            Some("access_denied") => {
                return Err(nothing(format!("{} was not allowed to go on", service.title)));
            }
            Some(_) => return Err(nothing(format!("{} came back with an error", service.title))),
            None => {}
        }
        let code = parameter("code")
            .filter(|code| (1..=MAX_CODE_BYTES).contains(&code.len()))
            .ok_or_else(|| nothing(format!("{} came back without a code", service.title)))?;
        let fields =
            check::came_back(service, &link.start, parameter, self.limits.url_reach).map_err(nothing)?;
        let (client, exchange) = (self.client_of(link).await?, self.exchange(link, secret));
        let oauth = &self.refresher.oauth;
        let tokens = oauth.exchange(service, &fields, &client, &exchange, SecretText::new(code)).await;
        let tokens = tokens.map_err(|error| nothing(error.to_string()))?;
        let identity = self.identity(service, &fields, &tokens).await;
        let identity =
            identity.map_err(|error| nothing(format!("whose account it is could not be learnt: {error}")))?;
        self.keep_reached(link, fields, &tokens, identity.clone()).await?;
        Ok(Arrived {
            service: service.title.clone(),
            identity,
            requester: link.requester.clone(),
            awaits_confirmation: !link.reconnects,
        })
    }

    async fn identity(
        &self,
        service: &Service,
        fields: &Map<String, Value>,
        tokens: &Tokens,
    ) -> Result<Option<String>, IssueError> {
        let mut values = fields.clone();
        values.insert(ACCESS_TOKEN.to_owned(), Value::String(tokens.access_token.expose().to_owned()));
        self.refresher.oauth.identity(service, &values).await
    }

    /// The link of a handle, if it can be gone on with. Who guesses is slowed down, as who guesses tokens is.
    async fn usable_link(&self, origin: &Origin, handle: &str) -> Result<ConnectLink, Error> {
        let (now, address) = (self.clock.now(), origin.address.clone().unwrap_or_default());
        if self.failures.is_exhausted(&address, now) {
            let message = "too many failed attempts from this address; slow down";
            return Err(Error::new(Code::RateLimited, message).retry_after(1));
        }
        let digest = TokenDigest::of(handle).to_string();
        let found = self.store.rows().find_connect_link_by_digest(&digest).await?;
        found.filter(|link| link.is_usable(now)).ok_or_else(|| {
            // Only counted here; the next attempt from this address looks at it.
            let _ = self.failures.admit(&address, now);
            self.usage.failed(origin.anonymous(), "invalid_connect_link", now);
            gone()
        })
    }

    async fn client_of(&self, link: &ConnectLink) -> Result<Client, Error> {
        let client = self.refresher.application(link.owner, &link.service).await?;
        client.ok_or_else(|| nothing("no application is registered with the service any more".to_owned()))
    }

    /// The flow's own values. They are made of the browser's secret, which is stored nowhere: without that browser nobody
    /// goes on.
    fn exchange(&self, link: &ConnectLink, secret: &SecretText) -> Exchange {
        let key = DigestKey::new(&SecretBytes::new(secret.expose().as_bytes().to_vec()));
        let id = link.id.to_string();
        let made = |of: &str| key.digest(&[of.as_bytes(), id.as_bytes()]).to_string();
        let verifier = made("verifier");
        let challenge = BASE64URL_NOPAD.encode(TokenDigest::of(&verifier).as_bytes());
        Exchange {
            redirect_uri: format!("{}/connect/callback", self.issuer_url),
            state: SecretText::new(made("state")),
            verifier: SecretText::new(verifier),
            challenge,
        }
    }

    async fn step(&self, change: LinkChange) -> Result<u64, Error> {
        Ok(self.store.administer(AdminChange::of(Change::Link(change), Vec::new())).await?)
    }

    async fn fail(&self, origin: &Origin, link: &ConnectLink, why: &str) -> Result<(), Error> {
        let actor = Actor { owner: Some(link.owner), ..origin.anonymous() };
        let record = AuditRecord::success(EventName::ConnectLinkEnded, &actor, link.id, self.clock.now());
        let record = record.with("service", link.service.to_string()).with("reason", why);
        let change = Change::Link(LinkChange::Fail(link.id, why.to_owned()));
        Ok(self.store.administer(AdminChange::of(change, vec![record])).await.map(drop)?)
    }
}

/// Nothing came of it; the words are for the person.
pub(super) fn nothing(why: String) -> Error {
    Error::new(Code::Conflict, why)
}

fn gone() -> Error {
    Error::new(Code::NotFound, "this link is none, was used, or ran out: ask for a new one")
}

fn elsewhere() -> Error {
    let message =
        format!("this {LINK} was opened in another browser, or belongs to nothing: ask for a new one");
    Error::new(Code::NotFound, message)
}

const MAX_CODE_BYTES: usize = 4_096;
