//! Services of one's own: files that commands check, that a broker reads at its start, and that its callers see.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Kind, PATIENCE, Process, Site, Way, program};

const WEATHER: &str = r#"
title = "Weather"
account = "The station"

[[fields]]
name = "key"
kind = "header_value"
secret = true
required = true
example = "abc"
description = "The key, sent as X-Weather-Key."
"#;

#[tokio::test]
async fn files_add_services() {
    let site = Site::production(Kind::Sqlite).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (good, bad) = (folder.path().join("weather.toml"), folder.path().join("broken.toml"));
    fs::write(&good, WEATHER).expect("a file");
    fs::write(&bad, WEATHER.replace("required = true", "required = maybe")).expect("a file");
    let directory = folder.path().to_str().expect("a path");
    let variables = [("LEASEHOLD_SERVICES_DIRECTORY", directory)];

    let mut check = program(&["services", "check"]);
    let (success, stdout, stderr) = Process::run(
        {
            check.arg(&good).arg(&bad);
            check
        },
        PATIENCE,
    )
    .await;
    assert!(!success && stdout.contains("weather (Weather), 1 field"), "{stdout}");
    assert!(stderr.contains("broken.toml:9") && !stderr.contains("weather.toml"), "{stderr}");
    let (success, _, stderr) = Process::run(site.serve_command(&variables), PATIENCE).await;
    assert!(!success && stderr.contains("broken.toml:9"), "no broker starts with it: {stderr}");
    let (_, told, _) = site.command(&["doctor"], &variables).await;
    assert!(told.contains("broken.toml:9") && told.contains("services check"), "{told}");
    fs::remove_file(&bad).expect("removed");

    let (success, stdout, stderr) = site.command(&["services", "list", "--json"], &variables).await;
    let listed: Value = serde_json::from_str(&stdout).expect("JSON");
    let names: Vec<&str> =
        listed["services"].as_array().expect("services").iter().filter_map(|s| s["name"].as_str()).collect();
    assert!(success && names.contains(&"weather") && names.contains(&"jira"), "{stdout}{stderr}");
    let (_, stdout, _) = site.command(&["services", "show", "weather"], &variables).await;
    assert!(stdout.contains("X-Weather-Key"), "{stdout}");
    let (success, _, stderr) = site.command(&["services", "show", "weather"], &[]).await;
    assert!(!success && stderr.contains("services list"), "{stderr}");

    let broker = site.serve(&variables).await;
    let person = broker.caller(Way::Http, &site.env()["MCP_TOKEN"]).await;
    let deposit = json!({ "service": "weather", "fields": { "key": "k-1" } });
    let made =
        person.call(Method::POST, "/api/credentials", Some(deposit), None).await.expect("a credential");
    assert_eq!(made["service"], "weather");
    let lacking = json!({ "service": "weather", "account": "other", "fields": {} });
    person
        .call(Method::POST, "/api/credentials", Some(lacking), None)
        .await
        .expect_err("the key is required");
    broker.stop().await;
}
