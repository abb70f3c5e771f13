//! Stand-ins of services beside an installation, on one time.

use std::{sync::Arc, time::Duration};

use leasehold::{
    broker::credentials::NewCredential,
    clock::ManualClock,
    model::{
        audit::Actor, id::CredentialId, instant::Instant, organization::SharingRule, owner::Owner,
        service::DEFAULT_ACCOUNT,
    },
};
use leasehold_backends::{
    Clock, Listen, Running,
    oauth::{self, OAuth},
    todo::{self, Todo},
    tray::{self, Tray},
};
use serde_json::{Value, json};

use crate::harness::{Installation, Person, Scene, Transport, World};

/// The stand-ins, and the folder with the services that point at them.
pub(super) struct Upstreams {
    pub(super) oauth: Running<OAuth>,
    pub(super) todo: Running<Todo>,
    pub(super) tray: Running<Tray>,
    clock: Clock,
    folder: tempfile::TempDir,
}

impl Upstreams {
    pub(super) async fn start() -> Self {
        let clock = Clock::frozen();
        let listen = || Listen { port: 0, clock: Some(clock.clone()) };
        let oauth = OAuth::start(oauth::Options { listen: listen(), ..Default::default() }).await;
        let todo = Todo::start(todo::Options { listen: listen(), ..Default::default() }).await;
        let tray = Tray::start(tray::Options { listen: listen(), ..Default::default() }).await;
        let folder = tempfile::tempdir().expect("a folder");
        let oauth = oauth.expect("a stand-in");
        let file = ACME.replace("{oauth}", oauth.url());
        let limited = file
            .replace("kind = \"authorization_code\"", "kind = \"authorization_code\"\ncalls_per_minute = 60");
        for (name, repeat) in [("robot", "repeat_header = \"Idempotency-Key\"\n"), ("forgetful", "")] {
            let file = ROBOT.replace("{oauth}", oauth.url()).replace("{repeat}", repeat);
            std::fs::write(folder.path().join(format!("{name}.toml")), file).expect("a file");
        }
        std::fs::write(folder.path().join("limited.toml"), limited).expect("a file");
        std::fs::write(folder.path().join("acme.toml"), file).expect("a file");
        Self { oauth, todo: todo.expect("a stand-in"), tray: tray.expect("a stand-in"), clock, folder }
    }

    /// Starts a broker that knows them, at the time that they have.
    pub(super) async fn serve(&self, installation: Installation) -> Arc<World> {
        let clock = ManualClock::new(Instant::from_micros(self.clock.millis() * 1_000));
        let services = Some(self.folder.path().to_owned());
        Installation { clock: Arc::new(clock), services, allow_private: true, ..installation }.opens().await
    }

    /// Lets time pass, for them and for the broker.
    pub(super) fn passes(&self, scene: &Scene, seconds: i64) {
        scene.passes(seconds);
        self.clock.advance(Duration::from_secs(seconds.unsigned_abs()));
    }

    /// Deposits a connection of the OAuth server for a person.
    pub(super) async fn connects(&self, person: &Person) -> CredentialId {
        let tokens = self.oauth.grant("alice");
        let fields = json!({
            "refresh_token": tokens.refresh_token, "client_id": oauth::CLIENT_ID, "client_secret": oauth::CLIENT_SECRET
        });
        deposit(person, "acme", fields).await
    }

    /// Deposits a client that makes a token for each lease.
    pub(super) async fn gives_robot(&self, person: &Person, service: &str) -> CredentialId {
        let fields = json!({ "client_id": oauth::CLIENT_ID, "client_secret": oauth::CLIENT_SECRET });
        deposit(person, service, fields).await
    }

    /// The same where calls are limited.
    pub(super) async fn connects_limited(&self, person: &Person) -> CredentialId {
        let tokens = self.oauth.grant("bob");
        let fields = json!({
            "refresh_token": tokens.refresh_token, "client_id": oauth::CLIENT_ID, "client_secret": oauth::CLIENT_SECRET
        });
        deposit(person, "limited", fields).await
    }

    /// Deposits a client of the todo service for a person.
    pub(super) async fn gives_client(&self, person: &Person) -> CredentialId {
        let fields = json!({
            "base_url": self.todo.url(), "client_id": todo::CLIENT_ID, "client_secret": todo::CLIENT_SECRET
        });
        deposit(person, "todo", fields).await
    }

    /// Deposits a connection of a store for a person.
    pub(super) async fn gives_store(&self, person: &Person, store: &str) -> CredentialId {
        let tokens = self.tray.grant(store);
        let fields = json!({
            "access_token": tokens.access_token, "refresh_token": tokens.refresh_token, "store_id": store,
            "api_address": self.tray.api_address(store), "store_host": self.tray.store_host(store),
        });
        deposit(person, "tray", fields).await
    }
}

/// A scene over HTTP.
pub(super) fn scene(world: &Arc<World>) -> Scene {
    Scene::new(Arc::clone(world), Transport::Http)
}

pub(super) async fn deposit(person: &Person, service: &str, fields: Value) -> CredentialId {
    let new = NewCredential {
        owner: Owner::User(person.id),
        service: service.parse().expect("a service"),
        account: DEFAULT_ACCOUNT.parse().expect("an account"),
        sharing: SharingRule::default(),
        fields: fields.as_object().expect("an object").clone(),
        expires_at: None,
    };
    person.scene.broker().deposit_credential(&Actor::system(), new).await.expect("a credential")
}

const ROBOT: &str = r#"
title = "Robot"
account = "The account"
hosts = ["api.robot.example"]
lends_headers = true

[[fields]]
name = "client_id"
kind = "text"
required = true
lent = false
example = "c"
description = "The client."

[[fields]]
name = "client_secret"
kind = "text"
secret = true
required = true
lent = false
example = "s"
description = "The client's secret."

[[authentication]]
header = "Authorization"
value = "Bearer {access_token}"

[issuer]
kind = "client_credentials_per_lease"
{repeat}
[issuer.token]
url = "{oauth}/token"

[issuer.revoke]
url = "{oauth}/revoke"

[issuer.answer]
life_seconds = 3600
"#;

const ACME: &str = r#"
title = "Acme"
account = "The account"
hosts = ["api.acme.example"]

[[fields]]
name = "access_token"
kind = "header_value"
secret = true
required_unless = "refresh_token"
example = "a"
description = "The token."

[[fields]]
name = "refresh_token"
kind = "text"
secret = true
lent = false
example = "r"
description = "The refresh token."

[[fields]]
name = "client_id"
kind = "text"
lent = false
example = "c"
description = "The client."

[[fields]]
name = "client_secret"
kind = "text"
secret = true
lent = false
example = "s"
description = "The client's secret."

[[authentication]]
header = "Authorization"
value = "Bearer {access_token}"

[issuer]
kind = "authorization_code"
pkce = true

[issuer.authorize]
url = "{oauth}/authorize"

[issuer.token]
url = "{oauth}/token"

[issuer.revoke]
url = "{oauth}/revoke"

[issuer.identity]
account = "{email}"
url = "{oauth}/userinfo"
values = { email = "/email" }
"#;
