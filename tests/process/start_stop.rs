//! Starting, refusing to start, stopping and starting again.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, process::Command, time::Duration};

use leasehold::model::instant::Instant;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Ask, Broker, Kind, PATIENCE, Process, Site, Way, program, until};

#[tokio::test]
async fn sigterm_lets_a_request_in_flight_finish() {
    let site = Site::new(Kind::Sqlite).await;
    let mut broker = site.dev().await;
    let mut idle = TcpStream::connect(host(&broker)).await.expect("a connection");
    let mut busy = TcpStream::connect(host(&broker)).await.expect("a connection");
    let body = r#"{"services":["todoist"],"server_id":"late"}"#;
    let head = format!(
        "POST /api/mcp/credentials/lease HTTP/1.1\r\nhost: broker\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        site.env()["MCP_TOKEN"],
        body.len()
    );
    let (begun, rest) = body.split_at(10);
    busy.write_all(head.as_bytes()).await.expect("the head");
    busy.write_all(begun.as_bytes()).await.expect("half of the body");
    // An answer to a later request shows that the earlier one's head was read.
    assert_eq!(broker.look("/livez").await.0, 200);

    broker.process.terminate();
    until("the port is closed", PATIENCE, async || TcpStream::connect(host(&broker)).await.err()).await;
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing).await.expect("the end of the idle connection");
    assert!(nothing.is_empty());
    assert!(broker.process.is_running(), "it waits for the request in flight");
    busy.write_all(rest.as_bytes()).await.expect("the rest of the body");
    let mut answer = Vec::new();
    busy.read_to_end(&mut answer).await.expect("the answer");
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(broker.process.ended(PATIENCE).await.success());

    assert_eq!(site.texts("SELECT id FROM leases WHERE server_id = 'late'").await.len(), 1);
    let heads = "SELECT h.chain_id FROM audit_chains h JOIN audit_checkpoints c ON c.chain_id = h.chain_id \
                 AND c.seq = h.seq";
    assert_eq!(site.texts(heads).await.len(), 1, "the head of the chain is signed at the end");
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let site = Site::new(Kind::Sqlite).await;
    let broker = site.dev().await;
    let mut stuck = TcpStream::connect(host(&broker)).await.expect("a connection");
    stuck
        .write_all(b"POST /oauth/token HTTP/1.1\r\nhost: b\r\ncontent-length: 9\r\n\r\n")
        .await
        .expect("a head");
    assert_eq!(broker.look("/livez").await.0, 200);
    broker.stop().await;
}

#[tokio::test]
async fn a_second_process_on_the_same_file_is_refused() {
    let site = Site::new(Kind::Sqlite).await;
    let broker = site.dev().await;
    let stderr = refusal(site.dev_command(&[])).await;
    assert!(stderr.contains("leasehold.db is in use by another process"), "{stderr}");
    let stderr = refusal(site.serve_command(&[])).await;
    assert!(stderr.contains("in use by another process"), "{stderr}");
    assert_eq!(broker.look("/readyz").await.0, 200, "the first one is not disturbed");
    broker.stop().await;
}

#[tokio::test]
async fn a_folder_of_somebody_elses_is_left_as_it_is() {
    let site = Site::new(Kind::Sqlite).await;
    fs::create_dir_all(site.data()).expect("a folder");
    fs::write(site.data().join(".gitignore"), "/target/\n").expect("a file");
    let stderr = refusal(site.dev_command(&[])).await;
    assert!(stderr.contains("not empty") && stderr.contains("root.keys"), "{stderr}");
    let kept = fs::read_to_string(site.data().join(".gitignore")).expect("the file");
    assert_eq!((kept.as_str(), fs::read_dir(site.data()).expect("the folder").count()), ("/target/\n", 1));
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let site = Site::new(Kind::Sqlite).await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for option in ["--http", "--grpc"] {
        let mut command = program(&["dev", "--data-dir"]);
        command.arg(site.data());
        let other = if option == "--http" { "--grpc" } else { "--http" };
        command.args([option, &address, other, "127.0.0.1:0"]);
        let stderr = refusal(command).await;
        assert!(
            stderr.contains(&format!("cannot listen on {address}: another program listens there")),
            "{stderr}"
        );
    }
}

#[tokio::test]
async fn development_listens_on_loopback_only() {
    let site = Site::new(Kind::Sqlite).await;
    for option in ["--http", "--grpc"] {
        let mut command = program(&["dev", option, "0.0.0.0:0", "--data-dir"]);
        command.arg(site.data());
        let stderr = refusal(command).await;
        assert!(stderr.contains("loopback only"), "{stderr}");
        assert!(!site.data().exists(), "nothing was made");
    }
}

#[tokio::test]
async fn a_second_development_start_keeps_data_and_tokens() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let site = Site::new(kind).await;
        let broker = site.dev().await;
        let first = site.env();
        let caller = broker.caller(Way::Http, &first["MCP_TOKEN"]).await;
        let (id, _) = caller.create(ask()).await.expect("a lease");
        broker.stop().await;
        let leases = site.texts("SELECT id FROM leases").await;
        assert_eq!(leases.len(), 4, "three of development, and ours");

        let broker = site.dev().await;
        let second = site.env();
        for name in ["MCP_TOKEN", "ADMIN_TOKEN", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"] {
            assert_eq!(first[name], second[name], "{name}");
        }
        let caller = broker.caller(Way::Grpc, &second["MCP_TOKEN"]).await;
        assert_eq!(caller.show(&id).await.expect("the lease").status, "active");
        caller.read(&id).await.expect("its values");
        broker.access_token(&second).await;
        broker.stop().await;
        assert_eq!(site.texts("SELECT id FROM leases").await.len(), 4, "the data is not made twice");
        site.verify_audit().await;
    }
}

#[tokio::test]
async fn the_data_directory_is_private_and_dev_env_complete() {
    let site = Site::new(Kind::Sqlite).await;
    let broker = site.dev().await;
    let mode = |path: &std::path::Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&site.data()), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(site.data()).expect("the data directory") {
        let entry = entry.expect("an entry");
        assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
        names.push(entry.file_name().into_string().expect("a name"));
    }
    for expected in [".gitignore", "dev.env", "leasehold.db", "leasehold.db-wal", "root.keys"] {
        assert!(names.iter().any(|name| name == expected), "{expected} is not among {names:?}");
    }
    assert_eq!(fs::read_to_string(site.data().join(".gitignore")).expect("text"), "*\n");

    let env = site.env();
    let mut expected = vec!["ADMIN_TOKEN", "LEASEHOLD_GRPC", "LEASEHOLD_URL", "MCP_API_URL", "MCP_TOKEN"];
    expected.extend(["OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_TOKEN_URL"]);
    assert_eq!(env.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(env["MCP_TOKEN"].starts_with("mcp_dev_") && env["OAUTH_CLIENT_ID"].starts_with("cli_"));
    assert_eq!(env["MCP_API_URL"], broker.url);
    assert_eq!(env["OAUTH_TOKEN_URL"], format!("{}/oauth/token", broker.url));

    let stopped = broker.stop().await;
    for name in ["MCP_TOKEN", "ADMIN_TOKEN", "OAUTH_CLIENT_SECRET"] {
        assert!(!stopped.stdout().contains(&env[name]), "{name} went to a stdout that is no terminal");
        assert!(!stopped.stderr().contains(&env[name]), "{name} went to stderr");
    }
}

#[tokio::test]
async fn two_brokers_may_make_one_new_database() {
    let site = Site::new(Kind::Postgres).await;
    let migrate = || {
        let mut command = program(&["migrate", "--database", &site.database_url()]);
        command.env("LEASEHOLD_ROOT_KEYS", "k:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        Process::run(command, PATIENCE)
    };
    let (one, two, three) = tokio::join!(migrate(), migrate(), migrate());
    for (success, stdout, stderr) in [one, two, three] {
        assert!(success, "{stderr}");
        assert!(stdout.contains("up to date"), "{stdout}");
    }
}

#[tokio::test]
async fn a_process_clock_follows_the_file_of_the_tests() {
    let site = Site::production(Kind::Sqlite).await;
    let file = site.folder().join("offset");
    let broker = site.serve(&[("LEASEHOLD_TEST_CLOCK_OFFSET_FILE", file.to_str().expect("a path"))]).await;
    let caller = broker.caller(Way::Http, &site.env()["MCP_TOKEN"]).await;
    let (id, expires_at): (String, Instant) = caller.create(ask()).await.expect("a lease");
    fs::write(&file, (2 * 3_600_000_000_i64).to_string()).expect("the offset");
    // The process reads the file again every few milliseconds.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let shown = caller.show(&id).await.expect("the lease");
    assert_eq!((shown.status.as_str(), shown.expires_at), ("expired", expires_at));
    let refused = crate::harness::Failure::Refused("lease_expired".to_owned());
    assert_eq!(caller.renew(&id).await.map(drop), Err(refused.clone()));
    assert_eq!(caller.read(&id).await, Err(refused));
    broker.stop().await;
}

/// Runs what must not start; gives what it said.
pub(crate) async fn refusal(command: Command) -> String {
    let (success, stdout, stderr) = Process::run(command, PATIENCE).await;
    assert!(!success, "it ran: {stdout}");
    assert!(stderr.lines().any(|line| line.starts_with("leasehold: ")), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

fn host(broker: &Broker) -> &str {
    broker.url.strip_prefix("http://").expect("plain HTTP")
}

const fn ask() -> Ask<'static> {
    Ask { services: &["todoist", "jira"], server_id: "start-stop", key: None }
}
