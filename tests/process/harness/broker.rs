//! A broker that is ready: where it listens, who can call it, how it ends.

use std::{path::Path, time::Duration};

use serde_json::Value;

use super::{Caller, PATIENCE, Process, Way, http_client, site::read_env, until};

/// A running `leasehold dev` or `leasehold serve`.
pub(crate) struct Broker {
    pub(crate) process: Process,
    /// Where HTTP is served.
    pub(crate) url: String,
    /// Where gRPC is served: host and port.
    pub(crate) grpc: String,
}

impl Broker {
    /// Waits until `leasehold dev` said that it is ready, and is.
    pub(crate) async fn announced(mut process: Process, data: &Path) -> Self {
        until("the announcement", PATIENCE, async || {
            let said = process.stdout().contains("Leasehold is ready.");
            assert!(said || process.is_running(), "it ended: {}", process.stderr());
            said.then_some(())
        })
        .await;
        let env = read_env(data);
        let (url, grpc) = (env["LEASEHOLD_URL"].clone(), env["LEASEHOLD_GRPC"].clone());
        Self { process, url, grpc }.ready().await
    }

    /// Waits until `leasehold serve` logged that it is ready, and is.
    pub(crate) async fn logged(process: Process) -> Self {
        Self::listening(process).await.ready().await
    }

    /// Waits until `leasehold serve` logged where it listens; asks it nothing.
    pub(crate) async fn listening(mut process: Process) -> Self {
        let (http, grpc) = until("the word `ready` in the log", PATIENCE, async || {
            let found = process.stderr().lines().find_map(addresses);
            assert!(found.is_some() || process.is_running(), "it ended: {}", process.stderr());
            found
        })
        .await;
        Self { process, url: format!("http://{http}"), grpc }
    }

    /// A caller with a token.
    pub(crate) async fn caller(&self, way: Way, token: &str) -> Caller {
        Caller::connect(way, &self.url, &format!("http://{}", self.grpc), token).await
    }

    /// An access token of the client that `dev.env` names.
    pub(crate) async fn access_token(&self, env: &std::collections::BTreeMap<String, String>) -> String {
        let form = [("grant_type", "client_credentials")];
        let request = http_client().post(format!("{}/oauth/token", self.url)).form(&form);
        let request = request.basic_auth(&env["OAUTH_CLIENT_ID"], Some(&env["OAUTH_CLIENT_SECRET"]));
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    /// Asks for a path without a token: status and body.
    pub(crate) async fn look(&self, path: &str) -> (u16, String) {
        let answer = http_client().get(format!("{}{path}", self.url)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// SIGTERM, and the clean end that must follow. Gives the process for what it wrote.
    pub(crate) async fn stop(mut self) -> Process {
        self.process.terminate();
        let status = self.process.ended(Duration::from_secs(40)).await;
        assert!(status.success(), "SIGTERM ended it with {status}: {}", self.process.stderr());
        self.process
    }

    async fn ready(self) -> Self {
        until("readyz", PATIENCE, async || {
            let answer = http_client().get(format!("{}/readyz", self.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        self
    }
}

/// The addresses in the log record that says `ready`.
fn addresses(line: &str) -> Option<(String, String)> {
    let record: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| record[name].as_str().map(ToOwned::to_owned);
    (record["message"] == "ready").then(|| Some((text("http")?, text("grpc")?)))?
}
