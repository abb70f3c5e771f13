//! One service, one person's connection to it, and brokers on a clock that moves with the service's.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use leasehold_backends::{
    Clock, Counts, Listen, Rotation, Running,
    oauth::{self, OAuth, OAuthSwitches, OAuthTokens},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Ask, Broker, Caller, Failure, Kind, LEASES, Site, Way, http_client};

/// See the module.
pub(super) struct Scene {
    pub(super) oauth: Running<OAuth>,
    pub(super) site: Site,
    clock: Clock,
    /// How far time was moved, in seconds.
    moved: AtomicI64,
}

/// A connection that was deposited, and a lease on it.
pub(super) struct Held {
    pub(super) credential: String,
    pub(super) lease: String,
    /// The token that was lent first.
    pub(super) token: String,
    /// The tokens that were deposited.
    pub(super) granted: OAuthTokens,
}

impl Scene {
    /// A service that rotates its refresh tokens so, and a place for brokers.
    pub(super) async fn start(kind: Kind, rotation: Rotation) -> Self {
        // Time at the service is moved by the test alone, so that no slow machine uses up the seconds of its grace.
        let clock = Clock::frozen();
        let listen = Listen { port: 0, clock: Some(clock.clone()) };
        let switches = OAuthSwitches { rotation, access_s: TOKEN_SECONDS, ..Default::default() };
        let oauth = OAuth::start(oauth::Options { listen, switches, ..Default::default() }).await;
        let (oauth, site) = (oauth.expect("a stand-in"), Site::production(kind).await);
        let scene = Self { oauth, site, clock, moved: AtomicI64::new(0) };
        scene.write_clock(0);
        scene.describe("services", scene.oauth.url());
        scene
    }

    /// A broker that knows the service.
    pub(super) async fn serve(&self) -> Broker {
        self.serve_with(&[]).await
    }

    /// The same, with other settings over these.
    pub(super) async fn serve_with(&self, more: &[(&str, &str)]) -> Broker {
        let (clock, services) = (text(&self.clock_file()), text(&self.site.folder().join("services")));
        let mut variables = vec![
            ("LEASEHOLD_TEST_CLOCK_OFFSET_FILE", clock.as_str()),
            ("LEASEHOLD_SERVICES_DIRECTORY", services.as_str()),
            ("LEASEHOLD_EGRESS_ALLOW_PRIVATE", "true"),
        ];
        variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        variables.extend(more);
        self.site.serve(&variables).await
    }

    /// Describes the service as one at this address; answers the folder.
    pub(super) fn describe(&self, folder: &str, url: &str) -> String {
        let folder = self.site.folder().join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        for (name, file) in [("acme.toml", ACME), ("robot.toml", ROBOT)] {
            fs::write(folder.join(name), file.replace("{oauth}", url)).expect("a file");
        }
        text(&folder)
    }

    /// The person at a broker.
    pub(super) async fn person(&self, broker: &Broker) -> Caller {
        broker.caller(Way::Http, &self.site.env()["MCP_TOKEN"]).await
    }

    /// Deposits a new connection and takes a lease on it, which makes a token.
    pub(super) async fn connects(&self, person: &Caller) -> Held {
        let granted = self.oauth.grant("alice");
        let fields = json!({
            "refresh_token": granted.refresh_token, "client_id": oauth::CLIENT_ID,
            "client_secret": oauth::CLIENT_SECRET,
        });
        let deposit = json!({ "service": "acme", "fields": fields });
        let made = person.call(Method::POST, CREDENTIALS, Some(deposit), None).await.expect("a credential");
        let credential = made["id"].as_str().expect("an id").to_owned();
        let (lease, _) = borrow(person).await.expect("a lease");
        let token = read(person, &lease).await.expect("a token");
        Held { credential, lease, token, granted }
    }

    /// Takes a connection out again.
    pub(super) async fn forgets(&self, person: &Caller, held: &Held) {
        let path = format!("{CREDENTIALS}/{}", held.credential);
        person.call(Method::DELETE, &path, None, None).await.expect("a deletion");
    }

    /// Lets time pass, for the service and the brokers.
    pub(super) async fn passes(&self, seconds: i64) {
        self.write_clock(self.moved.fetch_add(seconds, Ordering::Relaxed) + seconds);
        self.clock.advance(Duration::from_secs(seconds.unsigned_abs()));
        // Brokers look at the file again when what they read is five milliseconds old.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    /// From here on only readers make tokens: which broker does it is then the test's choice. On PostgreSQL alone; what
    /// there is one broker of needs no choice.
    pub(super) async fn holds_chores_back(&self) {
        self.site.execute("UPDATE grants SET due_at = NULL").await;
    }

    /// Chores take up again what is due.
    pub(super) async fn lets_chores_go_on(&self) {
        self.site.execute("UPDATE grants SET due_at = refreshed_at").await;
    }

    /// Whether the service takes a token.
    pub(super) async fn takes(&self, token: &str) -> bool {
        let asked = http_client().get(self.oauth.endpoint("userinfo")).bearer_auth(token).send().await;
        asked.expect("an answer").status().is_success()
    }

    /// How often the service was asked since then, and how it ended.
    pub(super) fn since(&self, then: &Counts) -> Asked {
        let now = self.oauth.counts();
        Asked {
            calls: now.refresh_calls - then.refresh_calls,
            refreshes: now.refreshes - then.refreshes,
            repeats: now.refresh_repeats - then.refresh_repeats,
            reuses: now.refresh_reuses - then.refresh_reuses,
        }
    }

    fn write_clock(&self, seconds: i64) {
        // Half a number would be another one: the file is replaced as a whole.
        let new = self.site.folder().join("clock.new");
        fs::write(&new, (seconds * 1_000_000).to_string()).expect("a file");
        fs::rename(new, self.clock_file()).expect("a file");
    }

    fn clock_file(&self) -> PathBuf {
        self.site.folder().join("clock")
    }
}

/// Refreshes that reached the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Asked {
    /// All of them.
    pub(super) calls: u64,
    /// Granted with new tokens.
    pub(super) refreshes: u64,
    /// Granted with the tokens of the time before.
    pub(super) repeats: u64,
    /// Refused, since the refresh token was used up.
    pub(super) reuses: u64,
}

/// Takes a lease: its id, and the token.
pub(super) async fn borrow(person: &Caller) -> Result<(String, String), Failure> {
    let (lease, _) = person.create(Ask { services: &["acme"], server_id: "refresh", key: None }).await?;
    let token = read(person, &lease).await?;
    Ok((lease, token))
}

/// The token of a lease, as it is lent now.
pub(super) async fn read(person: &Caller, lease: &str) -> Result<String, Failure> {
    let read = person.call(Method::GET, &format!("{LEASES}/{lease}/credentials"), None, None).await?;
    Ok(read["credentials"]["acme"]["access_token"].as_str().expect("a token").to_owned())
}

/// A credential as its owner sees it.
pub(super) async fn shown(person: &Caller, held: &Held) -> Value {
    let path = format!("{CREDENTIALS}/{}", held.credential);
    person.call(Method::GET, &path, None, None).await.expect("a credential")["credential"].clone()
}

fn text(path: &std::path::Path) -> String {
    path.to_str().expect("a path of text").to_owned()
}

/// How long an access token lasts; a lease lasts longer.
pub(super) const TOKEN_SECONDS: i64 = 600;
/// Then the claim of a broker that died is anybody's.
pub(super) const CLAIM_SECONDS: i64 = 46;
const CREDENTIALS: &str = "/api/credentials";
const ACME: &str = include_str!("acme.toml");
const ROBOT: &str = include_str!("robot.toml");
