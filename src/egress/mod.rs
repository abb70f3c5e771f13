//! Outbound HTTP: the one way in which the broker calls other services.
//!
//! Owns where a call may lead, how long it may take, how much may come back, how many calls one upstream gets at a time,
//! and when an upstream that fails is left alone for a while. It must not know what is asked, nor what an answer means.
//!
//! A name is resolved, each of its addresses is judged, and only the addresses that were judged are dialled, so that a
//! name which changes between the two leads nowhere else. Redirects are answers, never followed: they would carry
//! secrets to a host that nobody checked.

mod breaker;
mod error;
mod exchange;
mod resolver;
mod upstreams;

use std::{sync::Arc, time::Duration};

use http::Method;
use url::Url;

use crate::{
    clock::Clock,
    model::address::{Reach, check_host},
};

pub use error::{EgressError, Fate};
pub use exchange::{Answer, Ask, Body};

use resolver::Resolver;
use upstreams::Upstreams;

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Egress {
    client: reqwest::Client,
    reach: Reach,
    upstreams: Arc<Upstreams>,
}

impl Egress {
    /// A client for calls that may lead as far as told.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new(reach: Reach, clock: Arc<dyn Clock>) -> Result<Self, reqwest::Error> {
        // Fails when one is set already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Resolver::new(reach))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .https_only(reach == Reach::Public)
            .user_agent(concat!("leasehold/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, reach, upstreams: Arc::new(Upstreams::new(clock)) })
    }

    /// Asks, and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// No answer, or none that can be kept; [`EgressError::fate`] says whether the other side may have acted.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, EgressError> {
        self.check(&ask.url)?;
        let upstream = self.upstreams.of(&ask.url)?;
        let _turn = upstream.turn(ask.timeout).await?;
        let outcome = exchange::exchange(&self.client, ask).await;
        upstream.note(&outcome);
        outcome
    }

    /// Literal addresses never come to the resolver.
    fn check(&self, url: &Url) -> Result<(), EgressError> {
        check_host(url, self.reach).map_err(EgressError::Refused)
    }
}

/// What is usual for a call to a token endpoint.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

impl Ask {
    /// A request without a body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), body: Body::Empty, timeout: DEFAULT_TIMEOUT }
    }
}

#[cfg(test)]
mod tests;
