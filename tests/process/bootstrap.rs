//! The first operator's token, made at the database itself.

use std::process::Command;

use reqwest::Method;
use serde_json::Value;

use crate::harness::{Kind, PATIENCE, Process, Site, Way, program};

fn bootstrap(site: &Site, more: &[&str]) -> Command {
    let mut command = program(&["admin", "bootstrap", "--config"]);
    command.arg(site.write_config()).args(more);
    command
}

#[tokio::test]
async fn the_first_token_is_made_once_unless_it_is_lost() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let site = Site::production(kind).await;
        site.execute("UPDATE tokens SET active = FALSE WHERE owner = 'system'").await;

        let (success, token, stderr) = Process::run(bootstrap(&site, &[]), PATIENCE).await;
        assert!(success && token.starts_with("mcp_"), "{stderr}");

        let (success, stdout, stderr) = Process::run(bootstrap(&site, &[]), PATIENCE).await;
        assert!(!success && stdout.is_empty() && stderr.contains("--force"), "{stdout}{stderr}");
        let forced = bootstrap(&site, &["--force", "--json", "--name", "spare"]);
        let (success, second, stderr) = Process::run(forced, PATIENCE).await;
        assert!(success, "{stderr}");
        let second: Value = serde_json::from_str(&second).expect("JSON");

        let broker = site.serve(&[]).await;
        for token in [token.trim(), second["token"].as_str().expect("a text")] {
            let operator = broker.caller(Way::Http, token).await;
            operator.call(Method::GET, "/api/admin/users", None, None).await.expect("an operator's token");
        }
        let (success, _, stderr) = Process::run(bootstrap(&site, &["--force"]), PATIENCE).await;
        match kind {
            // The file is the running server's alone.
            Kind::Sqlite => assert!(!success && stderr.contains("another process"), "{stderr}"),
            Kind::Postgres => assert!(success, "{stderr}"),
        }
        broker.stop().await;
        site.verify_audit().await;
    }
}

#[tokio::test]
async fn several_at_once_make_one_first_token() {
    let site = Site::production(Kind::Postgres).await;
    site.execute("UPDATE tokens SET active = FALSE WHERE owner = 'system'").await;
    let all = (0..4).map(|_| Process::run(bootstrap(&site, &[]), PATIENCE));
    let made = futures::future::join_all(all).await;
    let told: Vec<_> = made.iter().map(|(success, _, stderr)| (success, stderr)).collect();
    assert_eq!(made.iter().filter(|(success, ..)| *success).count(), 1, "{told:?}");
    assert!(made.iter().all(|(success, _, stderr)| *success || stderr.contains("--force")), "{told:?}");
    site.verify_audit().await;
}
