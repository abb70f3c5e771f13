//! What operators find out with commands: `leasehold doctor`, and the audit log from the outside.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::harness::{Kind, PATIENCE, Process, Site, Way, program};

/// What the doctor finds at a site: whether it is content, and every finding.
async fn findings(site: &Site, variables: &[(&str, &str)]) -> (bool, Vec<Value>) {
    let (success, stdout, stderr) = site.command(&["doctor", "--json"], variables).await;
    let found: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    let findings = found["findings"].as_array().expect("findings").clone();
    let problems = findings.iter().filter(|finding| finding["level"] == "problem").count();
    assert_eq!(
        (success, found["problems"].as_u64()),
        (problems == 0, u64::try_from(problems).ok()),
        "{found}"
    );
    (success, findings)
}

fn level<'a>(findings: &'a [Value], check: &str) -> Vec<&'a str> {
    let of = findings.iter().filter(|finding| finding["check"] == check);
    of.filter_map(|finding| finding["level"].as_str()).collect()
}

#[tokio::test]
async fn a_sound_site_is_told_so_and_each_fault_is_named() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let site = Site::production(kind).await;
        site.serve(&[]).await.stop().await;
        let (sound, found) = findings(&site, &[]).await;
        assert!(sound, "{found:?}");
        for check in [
            "configuration",
            "permissions",
            "ports",
            "database",
            "settings",
            "root keys",
            "signing keys",
            "audit",
        ] {
            assert!(level(&found, check).iter().all(|level| *level == "ok"), "{check}: {found:?}");
            assert!(!level(&found, check).is_empty(), "{check}: {found:?}");
        }
        let witness = if kind == Kind::Sqlite { "ok" } else { "warning" };
        assert_eq!(level(&found, "witness"), [witness], "{found:?}");

        let right = site.root_keys();
        let wrong = format!("dev:{}", "A".repeat(43));
        let (sound, found) = findings(&site, &[("LEASEHOLD_ROOT_KEYS", &wrong)]).await;
        assert!(!sound && level(&found, "root keys") == ["problem"], "{found:?}");
        let (_, key) = right.split_once(':').expect("id:key");
        let text = format!("{found:?}");
        assert!(!text.contains(key) && !text.contains(&"A".repeat(43)), "a key was shown");

        let keys = site.data().join("root.keys");
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).expect("chmod");
        let (sound, found) = findings(&site, &[]).await;
        assert!(!sound && level(&found, "permissions") == ["problem"], "{found:?}");
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).expect("chmod");

        let lost = [("LEASEHOLD_AUDIT_WITNESS_FILE", "/nonexistent/witness")];
        let (sound, found) = findings(&site, &lost).await;
        assert!(!sound && level(&found, "witness") == ["problem"], "{found:?}");

        site.execute("UPDATE signing_keys SET retires_at = 1").await;
        let (sound, found) = findings(&site, &[]).await;
        assert!(!sound && level(&found, "signing keys") == ["problem"], "{found:?}");

        site.execute("UPDATE settings SET value = 'development' WHERE name = 'environment'").await;
        site.execute("UPDATE audit_checkpoints SET signature = 'AAAA'").await;
        let (sound, found) = findings(&site, &[("LEASEHOLD_LIMITS_QUEUE", "0")]).await;
        assert!(!sound);
        for check in ["configuration", "data", "audit"] {
            assert!(level(&found, check).contains(&"problem"), "{check}: {found:?}");
        }
        let (_, text, _) = site.command(&["doctor"], &[]).await;
        assert!(
            text.contains("PROBLEM") && text.contains("do: ") && text.contains("leasehold dev"),
            "{text}"
        );

        site.execute("UPDATE _sqlx_migrations SET checksum = substr(checksum, 2) WHERE version = 1").await;
        let (sound, found) = findings(&site, &[]).await;
        assert!(!sound && level(&found, "database") == ["problem"], "{found:?}");
    }
}

#[tokio::test]
async fn a_database_in_use_or_absent_is_no_fault_of_its_own() {
    let site = Site::production(Kind::Sqlite).await;
    let broker = site.serve(&[]).await;
    let address = broker.url.strip_prefix("http://").expect("plain HTTP").to_owned();
    let addresses = [("LEASEHOLD_HTTP_ADDRESS", &*address), ("LEASEHOLD_GRPC_ADDRESS", &*broker.grpc)];
    let (sound, found) = findings(&site, &addresses).await;
    assert!(sound && level(&found, "database") == ["warning"], "{found:?}");
    assert_eq!(level(&found, "ports"), ["ok", "ok"], "{found:?}");
    let answers =
        |finding: &&Value| finding["what"].as_str().is_some_and(|what| what.contains("a broker answers"));
    assert_eq!(found.iter().filter(answers).count(), 2, "{found:?}");
    // Each port is asked in its own way.
    let swapped = [("LEASEHOLD_HTTP_ADDRESS", &*broker.grpc), ("LEASEHOLD_GRPC_ADDRESS", &*address)];
    let (sound, found) = findings(&site, &swapped).await;
    assert!(!sound && level(&found, "ports").contains(&"problem"), "{found:?}");
    broker.stop().await;
    let nowhere = format!("sqlite:{}", site.folder().join("none.db").display());
    let (sound, found) = findings(&site, &[("LEASEHOLD_DATABASE_URL", &nowhere)]).await;
    assert!(sound && level(&found, "database") == ["warning"], "{found:?}");
}

#[tokio::test]
async fn what_is_missing_is_told_once_and_truly() {
    let site = Site::new(Kind::Sqlite).await;
    site.dev().await.stop().await;
    let database = format!("sqlite:{}", site.data().join("leasehold.db").display());
    let mut doctor = program(&["doctor", "--json", "--database", &database]);
    doctor.env("LEASEHOLD_HTTP_ADDRESS", "127.0.0.1:0").env("LEASEHOLD_GRPC_ADDRESS", "127.0.0.1:0");
    let (_, stdout, stderr) = Process::run(doctor, PATIENCE).await;
    let found: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    let findings = found["findings"].as_array().expect("findings");
    let about_keys =
        |finding: &&Value| finding["level"] == "problem" && finding.to_string().contains("ROOT_KEYS");
    assert_eq!(findings.iter().filter(about_keys).count(), 1, "{found}");
    let witness = findings.iter().find(|finding| finding["check"] == "witness").expect("a finding");
    assert!(
        witness["what"].as_str().is_some_and(|what| what.contains("`leasehold dev` keeps none")),
        "{witness}"
    );
    let audit = findings.iter().find(|finding| finding["check"] == "audit").expect("a finding");
    assert!(audit["what"].as_str().is_some_and(|what| what.contains("ends of 1 chain and")), "{audit}");
}

#[tokio::test]
async fn the_audit_log_is_searched_exported_and_verified_from_outside() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let site = Site::production(kind).await;
        let broker = site.serve(&[]).await;
        let caller = broker.caller(Way::Http, &site.env()["MCP_TOKEN"]).await;
        let ask = crate::harness::Ask { services: &["todoist"], server_id: "audited", key: None };
        caller.create(ask).await.expect("a lease");
        let log = broker.stop().await.stderr();

        let (success, kept, stderr) = site.command(&["audit", "checkpoint"], &[]).await;
        assert!(success && !kept.is_empty(), "{stderr}");
        for (name, text) in [("kept", kept), ("log", log)] {
            let path = site.folder().join(name);
            fs::write(&path, text).expect("a file");
            let path = path.to_str().expect("text");
            let (success, stdout, stderr) =
                site.command(&["audit", "verify", "--checkpoint", path], &[]).await;
            assert!(success, "{name}: {stdout}{stderr}");
        }
        let query = [
            "audit",
            "query",
            "--event",
            "lease_created",
            "--outcome",
            "success",
            "--since",
            "1h",
            "--limit",
            "1",
            "--json",
        ];
        let (success, stdout, stderr) = site.command(&query, &[]).await;
        assert!(success, "{stderr}");
        let entry: Value = serde_json::from_str(stdout.lines().next().expect("a record")).expect("JSON");
        assert_eq!(
            (&entry["event"], &entry["details"]["server_id"]),
            (&"lease_created".into(), &"audited".into())
        );
        let target = entry["target"].as_str().expect("an id").to_owned();
        let (_, stdout, _) = site.command(&["audit", "query", "--target", &target], &[]).await;
        assert!(stdout.lines().count() == 1 && stdout.contains("lease_created"), "{stdout}");
        let (success, stdout, _) = site.command(&["audit", "export", "--oldest-first"], &[]).await;
        assert!(success && stdout.lines().count() > 20, "{stdout}");
        for line in stdout.lines() {
            let record: Value = serde_json::from_str(line).expect("JSON");
            assert!(
                ["chain", "seq", "previous", "body", "hash"].iter().all(|name| !record[*name].is_null()),
                "{line}"
            );
        }

        site.execute("DELETE FROM audit_records WHERE event = 'lease_created'").await;
        let kept = site.folder().join("kept");
        let arguments = ["audit", "verify", "--checkpoint", kept.to_str().expect("text")];
        let (success, stdout, _) = site.command(&arguments, &[]).await;
        assert!(!success && stdout.contains("is missing"), "{stdout}");
        let (success, _, stderr) = site.command(&["audit", "query", "--outcome", "No!"], &[]).await;
        assert!(!success && stderr.contains("expected `success`"), "{stderr}");
    }
}
