//! What `leasehold serve` does not run on, and that it says so without telling a secret.

use std::fs;

use crate::{
    harness::{Kind, Site, Way, program},
    start_stop::refusal,
};

#[tokio::test]
async fn a_development_database_is_refused() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let site = Site::new(kind).await;
        site.dev().await.stop().await;
        let stderr = refusal(site.serve_command(&[])).await;
        assert!(stderr.contains("made by `leasehold dev`"), "{stderr}");
    }
}

#[tokio::test]
async fn wrong_root_keys_are_refused_and_not_shown() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let site = Site::production(kind).await;
        let right = site.root_keys();
        // The right id with another key; another id; the right key under another id.
        let (_, key) = right.split_once(':').expect("id:key");
        for wrong in [generated("dev").await, generated("other").await, format!("other:{key}")] {
            let stderr = refusal(site.serve_command(&[("LEASEHOLD_ROOT_KEYS", &wrong)])).await;
            assert!(stderr.contains("the root keys given do not open this database"), "{stderr}");
            assert!(stderr.contains("LEASEHOLD_ROOT_KEYS"), "{stderr}");
            let (_, wrong) = wrong.split_once(':').expect("id:key");
            assert!(!stderr.contains(wrong) && !stderr.contains(key), "a key was shown");
        }
        // A new key may be put first, as long as the old one is there.
        let both = format!("{},{right}", generated("new").await);
        let broker = site.serve(&[("LEASEHOLD_ROOT_KEYS", &both)]).await;
        let caller = broker.caller(Way::Http, &site.env()["MCP_TOKEN"]).await;
        let ask = crate::harness::Ask { services: &["todoist"], server_id: "keys", key: None };
        caller.create(ask).await.expect("a lease");
        broker.stop().await;
    }
}

#[tokio::test]
async fn missing_and_malformed_root_keys_are_refused() {
    let site = Site::production(Kind::Sqlite).await;
    let key = site.root_keys();
    fs::remove_file(site.data().join("root.keys")).expect("root.keys");
    let stderr = refusal(site.serve_command(&[])).await;
    assert!(stderr.contains("root.keys"), "{stderr}");

    let mut command = program(&["serve", "--database", &site.database_url()]);
    command.envs([("LEASEHOLD_HTTP_ADDRESS", "127.0.0.1:0"), ("LEASEHOLD_GRPC_ADDRESS", "127.0.0.1:0")]);
    let stderr = refusal(command).await;
    assert!(stderr.contains("LEASEHOLD_ROOT_KEYS"), "{stderr}");

    let (_, bare) = key.split_once(':').expect("id:key");
    for malformed in [bare.to_owned(), format!("{key}AAAA"), format!("{key},{key}"), format!("a b:{bare}")] {
        let stderr = refusal(site.serve_command(&[("LEASEHOLD_ROOT_KEYS", &malformed)])).await;
        assert!(stderr.contains("root key"), "{stderr}");
        assert!(!stderr.contains(&bare[..12]), "a key was shown: {stderr}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let site = Site::production(kind).await;
        let copy = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                    SELECT 9999, 'of the future', success, checksum, execution_time FROM _sqlx_migrations LIMIT 1";
        site.execute(copy).await;
        let stderr = refusal(site.serve_command(&[])).await;
        assert!(stderr.contains("newer") && stderr.contains("9999"), "{stderr}");
    }
}

#[tokio::test]
async fn plain_http_off_loopback_is_refused_unless_said() {
    let site = Site::production(Kind::Sqlite).await;
    for section in ["HTTP", "GRPC"] {
        let address = format!("LEASEHOLD_{section}_ADDRESS");
        let stderr = refusal(site.serve_command(&[(&address, "0.0.0.0:0")])).await;
        assert!(stderr.contains(&format!("LEASEHOLD_{section}_PLAIN_OFF_LOOPBACK")), "{stderr}");
    }
}

#[tokio::test]
async fn an_unreachable_database_is_named_without_its_password() {
    let site = Site::production(Kind::Sqlite).await;
    let url = "postgres://leasehold:hunter2-canary@127.0.0.1:1/leasehold";
    let stderr = refusal(site.serve_command(&[("LEASEHOLD_DATABASE_URL", url)])).await;
    assert!(!stderr.contains("hunter2"), "{stderr}");
    let stderr =
        refusal(site.serve_command(&[("LEASEHOLD_DATABASE_URL", "mysql://u:hunter2-canary@h/d")])).await;
    assert!(stderr.contains("LEASEHOLD_DATABASE_URL") && !stderr.contains("hunter2"), "{stderr}");
}

async fn generated(id: &str) -> String {
    let command = program(&["keys", "generate", "--id", id]);
    let (success, stdout, stderr) = crate::harness::Process::run(command, crate::harness::PATIENCE).await;
    assert!(success, "{stderr}");
    stdout.trim().to_owned()
}
