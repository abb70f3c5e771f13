//! Commands at a running broker, as a shell meets them: their status, and what they do when nobody reads them.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::harness::{Broker, Kind, PATIENCE, Process, Site, program};

fn command(site: &Site, broker: &Broker, words: &str) -> Command {
    let mut command = program(&words.split(' ').collect::<Vec<_>>());
    command.env("LEASEHOLD_URL", &broker.url).env("ADMIN_TOKEN", &site.env()["ADMIN_TOKEN"]);
    command
}

async fn asked(site: &Site, broker: &Broker, words: &str) -> (bool, String, String) {
    Process::run(command(site, broker, words), PATIENCE).await
}

#[tokio::test]
async fn a_verification_that_finds_faults_fails() {
    // The one database that can be written to behind a running broker's back.
    let site = Site::new(Kind::Postgres).await;
    let broker = site.dev().await;
    let (success, stdout, stderr) = asked(&site, &broker, "admin audit verify").await;
    assert!(success && stdout.ends_with("no faults\n"), "{stdout}{stderr}");
    site.execute("UPDATE audit_records SET actor = 'somebody' WHERE seq = 2").await;
    for words in ["admin audit verify", "admin audit verify --json"] {
        let status = Process::spawn(command(&site, &broker, words)).ended(PATIENCE).await;
        assert_eq!(status.code(), Some(1), "{words}");
        let (_, stdout, stderr) = asked(&site, &broker, words).await;
        assert!(
            stdout.contains("the column `actor` of record 2 was changed") && stderr.is_empty(),
            "{stdout}{stderr}"
        );
    }
    broker.stop().await;
}

#[tokio::test]
async fn lists_go_on_over_pages_and_times_may_be_ago() {
    let site = Site::new(Kind::Sqlite).await;
    let broker = site.dev().await;
    let list = async |words: &str, name: &str| {
        let (success, stdout, stderr) = asked(&site, &broker, &format!("{words} --json")).await;
        assert!(success, "{words}: {stdout}{stderr}");
        let answer: Value = serde_json::from_str(&stdout).expect("JSON");
        (answer[name].as_array().expect("a list").len(), answer.get("next_page_token").is_some())
    };
    let (all, more) = list("admin audit query --all", "records").await;
    assert!(all > 10 && !more, "{all}");
    assert_eq!(list("admin audit query --page-size 3", "records").await, (3, true));
    assert_eq!(list("admin audit query --page-size 3 --limit 7", "records").await, (7, true));
    assert!(list("admin audit query --page-size 3 --all", "records").await.0 >= all);
    assert!(list("admin audit query --since 24h --until 0s --all", "records").await.0 >= all);
    assert_eq!(list("admin audit query --until 24h --all", "records").await, (0, false));
    assert!(!list("admin users list --page-size 1 --all", "users").await.1);
    let (_, stdout, _) = asked(&site, &broker, "admin leases find --all").await;
    let longest = stdout.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    assert!(
        stdout.starts_with("LEASE ID") && stdout.contains("todoist") && longest < 600,
        "{longest}: {stdout}"
    );
    broker.stop().await;
}

#[tokio::test]
async fn a_command_that_nobody_reads_ends_quietly() {
    let site = Site::new(Kind::Sqlite).await;
    let broker = site.dev().await;
    for words in
        ["admin users list", "admin audit export", "admin audit verify --json", "default-config", "doctor"]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = command(&site, &broker, words);
        let done = command.stdin(Stdio::null()).stdout(writer).output().expect("an end");
        assert_eq!(
            (done.status.code(), String::from_utf8_lossy(&done.stderr)),
            (Some(141), "".into()),
            "{words}"
        );
    }
    for words in ["admin users list", "default-config"] {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let done = command(&site, &broker, words).stdin(Stdio::null()).stdout(full).output().expect("an end");
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.code() == Some(1) && stderr.contains("writing to stdout"), "{words}: {stderr}");
    }
    broker.stop().await;
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut export = program(&["audit", "export", "--database", &site.database_url()]);
    let done = export.stdin(Stdio::null()).stdout(writer).output().expect("an end");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr)), (Some(141), "".into()));
}
