//! Client authentication (RFC 6749, section 2.3.1). An unknown client, a wrong secret and a client that is switched off,
//! itself or with its owner, look and cost the same.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::{
    broker::{Broker, Origin},
    keyring::digest::{TokenDigest, verify_secret},
    model::{client::Client, id::ClientId, instant::Instant, principal::Principal},
    store::backend::FoundClient,
    telemetry,
};

use super::types::{ClientCredentials, TokenError, TokenErrorCode};

/// Clients and their secrets' digests, as last read. A token made from a stale entry is refused by the client's epoch.
pub(crate) struct ClientCache {
    entries: Cache<ClientId, Arc<KnownClient>>,
}

/// A client, and the digests that prove it, each with the instant it runs out.
pub(crate) struct KnownClient {
    pub(crate) client: Client,
    /// Whether it, and whom it acts for, are active.
    stands: bool,
    digests: Vec<(TokenDigest, Option<Instant>)>,
}

impl ClientCache {
    pub(crate) fn new() -> Self {
        Self { entries: Cache::new(ENTRIES) }
    }

    pub(crate) fn forget(&self, id: ClientId) {
        self.entries.remove(&id);
    }
}

impl KnownClient {
    /// The client is who it says.
    fn believed(self: Arc<Self>) -> Arc<Self> {
        telemetry::note_principal(Principal::Client(self.client.id));
        self
    }

    fn proves(&self, secret: &str, now: Instant) -> bool {
        let good = self.digests.iter().filter(|(_, until)| until.is_none_or(|at| at > now));
        let digests: Vec<TokenDigest> = good.map(|(digest, _)| *digest).collect();
        verify_secret(secret, &digests)
    }
}

impl Broker {
    /// The client that the credentials prove, as the database has it now.
    pub(super) async fn authenticate_client_anew(
        &self,
        origin: &Origin,
        credentials: Option<&ClientCredentials>,
    ) -> Result<Arc<KnownClient>, TokenError> {
        self.prove_client(origin, credentials, Reading::Fresh).await
    }

    /// The client that the credentials prove, maybe as it was read before: what is made of it must name its epoch and its
    /// secret in the database.
    pub(super) async fn authenticate_client(
        &self,
        origin: &Origin,
        credentials: Option<&ClientCredentials>,
    ) -> Result<Arc<KnownClient>, TokenError> {
        self.prove_client(origin, credentials, Reading::Cached).await
    }

    async fn prove_client(
        &self,
        origin: &Origin,
        credentials: Option<&ClientCredentials>,
        reading: Reading,
    ) -> Result<Arc<KnownClient>, TokenError> {
        let now = self.clock.now();
        let credentials = credentials.ok_or_else(|| {
            self.usage.failed(origin.anonymous(), "missing_client_credentials", now);
            let text = "the client must authenticate, by HTTP Basic or by client_id and client_secret";
            TokenError { basic: true, ..TokenError::new(TokenErrorCode::InvalidClient, text) }
        })?;
        let cached = self.cached_client(credentials, now);
        let is_known = cached.is_some();
        if let Some(known) = cached.filter(|_| reading == Reading::Cached) {
            return Ok(known.believed());
        }
        // Who is not known yet costs a look-up: an address that fails all the time waits.
        let address = origin.address.clone().unwrap_or_default();
        if !is_known && self.failures.is_exhausted(&address, now) {
            let text = "too many failed attempts from this address; slow down";
            self.usage.failed(origin.anonymous(), TokenErrorCode::SlowDown.as_str(), now);
            return Err(TokenError {
                retry_after: Some(1),
                ..TokenError::new(TokenErrorCode::SlowDown, text)
            });
        }
        if let Some(known) = self.known_client(credentials, now).await?.filter(|known| known.stands) {
            return Ok(known.believed());
        }
        let _ = self.failures.admit(&address, now);
        telemetry::note_unproven("invalid_client");
        self.usage.failed(origin.anonymous(), "invalid_client", now);
        let text = "client authentication failed";
        Err(TokenError { basic: credentials.basic, ..TokenError::new(TokenErrorCode::InvalidClient, text) })
    }

    /// What is known of a client may only admit it: it may have been switched on, or got a new secret, since.
    fn cached_client(&self, credentials: &ClientCredentials, now: Instant) -> Option<Arc<KnownClient>> {
        let id: ClientId = credentials.client_id.parse().ok()?;
        let known = self.clients.entries.get(&id)?;
        (known.stands && known.proves(credentials.client_secret.expose(), now)).then_some(known)
    }

    async fn known_client(
        &self,
        credentials: &ClientCredentials,
        now: Instant,
    ) -> Result<Option<Arc<KnownClient>>, TokenError> {
        let secret = credentials.client_secret.expose();
        // An id of no client's form is looked up too, as one that nobody has.
        let id = credentials.client_id.parse().unwrap_or_else(|_| nobody());
        let found = self.store.rows().find_client(id, now).await?;
        let known = found.map(|FoundClient { client, owner_stands, secrets }| {
            let digests = secrets.into_iter().filter_map(|(text, until)| Some((text.parse().ok()?, until)));
            let stands = client.active && owner_stands;
            Arc::new(KnownClient { client, stands, digests: digests.collect() })
        });
        let Some(known) = known else {
            // The same digest and comparison as for a client that exists.
            let _ = verify_secret(secret, &[TokenDigest::of("nobody's secret")]);
            return Ok(None);
        };
        self.clients.entries.insert(id, Arc::clone(&known));
        Ok(known.proves(secret, now).then_some(known))
    }
}

/// Whether a client may be taken as it was read before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Cached,
    Fresh,
}

fn nobody() -> ClientId {
    use crate::model::id::{Id, RANDOM_BYTES};
    ClientId::from_parts(Instant::from_micros(0), [0; RANDOM_BYTES])
}

const ENTRIES: usize = 10_000;
