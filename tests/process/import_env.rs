//! `import-env`: what a worker had in its `.env` is tried and deposited, and no value shows anywhere.

use std::{cell::RefCell, collections::BTreeMap, fs, path::PathBuf, process::Command};

use leasehold_backends::{
    Action, EchoFault, Fault, StatusFault, anything, anything::Anything, jira, jira::Jira, orderdesk,
    orderdesk::OrderDesk,
};
use serde_json::{Value, json};

use crate::harness::{Broker, Kind, PATIENCE, Process, Site, program};

const EMAIL: &str = "jira@dev-team.local";
/// Each has it, in a form that encodings change.
const CANARY: &str = "canary/value+of=";

fn import(site: &Site, url: &str, words: &[&str], token: &str) -> Command {
    let mut command = program(words);
    command.arg(site.folder().join("worker.env")).env("LEASEHOLD_URL", url);
    command.env("LEASEHOLD_TOKEN", &site.env()[token]);
    command
}

fn write(site: &Site, text: &str) -> PathBuf {
    let path = site.folder().join("worker.env");
    fs::write(&path, text).expect("a file");
    path
}

fn worker_env(jira: &str, shop: &str, tray: &str) -> String {
    format!(
        "# a worker\nTODOIST_API_TOKEN=your_todoist_token\nexport JIRA_URL='{jira}'\nJIRA_EMAIL={EMAIL}\n\
         JIRA_API_TOKEN=\"{CANARY}1\" # of the team\nNOTION_DATABASE_ID={CANARY}2\nORDERDESK_STORE_ID=12345\n\
         ORDERDESK_API_KEY={CANARY}3\nORDERDESK_BASE_URL={shop}/api/v2\nGOOGLE_CLIENT_ID={CANARY}4\n\
         GOOGLE_CLIENT_SECRET={CANARY}5\nMCP_OAUTH_CLIENT_ID=worker\nMCP_OAUTH_CLIENT_SECRET={CANARY}6\n\
         API_BASE_URL={tray}/api/v1\nTRAY_API_ADDRESS={tray}\nTRAY_ACCESS_TOKEN={CANARY}7\n\
         TRAY_REFRESH_TOKEN={CANARY}8\nTRAY_STORE_ID=7\nAPP_KEY={CANARY}9\n"
    )
}

/// Each row of the table: service, outcome, detail.
fn rows(stdout: &str) -> Vec<(String, String, String)> {
    let answer: Value = serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    assert_eq!(answer["unrecognised"], 1, "{stdout}");
    let text = |row: &Value, name: &str| row[name].as_str().expect("text").to_owned();
    let rows = answer["services"].as_array().expect("a list").iter();
    rows.map(|row| (text(row, "service"), text(row, "outcome"), text(row, "detail"))).collect()
}

async fn organization(broker: &Broker, site: &Site) -> String {
    let mut command = program(&["admin", "organizations", "list", "--json"]);
    command.env("LEASEHOLD_URL", &broker.url).env("ADMIN_TOKEN", &site.env()["ADMIN_TOKEN"]);
    let (_, stdout, _) = Process::run(command, PATIENCE).await;
    let listed: Value = serde_json::from_str(&stdout).expect("JSON");
    listed["organizations"][0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn what_a_worker_had_is_tried_and_deposited() {
    let accounts = vec![(EMAIL.to_owned(), format!("{CANARY}1"))];
    let jira = Jira::start(jira::Options { accounts, ..Default::default() }).await.expect("a stand-in");
    let shop = OrderDesk::start(orderdesk::Options::default()).await.expect("a stand-in");
    let tray = Anything::start(anything::Options::default()).await.expect("a stand-in");
    tray.faults().add(Fault::new(Action::EchoSecrets(EchoFault { code: 400 })).always());
    let site = Site::new(Kind::Sqlite).await;
    // Whatever libraries log, too.
    let process = Process::spawn(site.dev_command(&["--log", "trace"]));
    let broker = Broker::announced(process, &site.data()).await;
    let owner = organization(&broker, &site).await;
    write(&site, &worker_env(jira.url(), shop.url(), tray.url()));
    let told = RefCell::new(Vec::new());
    let run = async |words: &[&str], token: &str| {
        let (success, stdout, stderr) =
            Process::run(import(&site, &broker.url, words, token), PATIENCE).await;
        told.borrow_mut().extend([stdout.clone(), stderr.clone()]);
        (success, stdout, stderr)
    };

    let (success, stdout, _) = run(&["admin", "import-env", "--dry-run"], "ADMIN_TOKEN").await;
    let (_, help, _) = run(&["admin", "import-env", "--help"], "ADMIN_TOKEN").await;
    assert!(help.starts_with("Deposit what a worker's"), "{help}");
    assert!(success && stdout.contains("jira       importable  api_token, email, url\n"), "{stdout}");
    assert!(stdout.ends_with("\n1 variable of no known service\n"), "{stdout}");
    assert!(jira.requests().is_empty(), "nobody was asked");
    let (success, _, stderr) = run(&["admin", "import-env"], "ADMIN_TOKEN").await;
    assert!(!success && stderr.contains("--owner"), "{stderr}");

    let words = [
        "admin",
        "import-env",
        "--owner",
        &owner,
        "--sharing",
        "all_members",
        "--account",
        "worker",
        "--json",
    ];
    let (success, stdout, stderr) = run(&words, "ADMIN_TOKEN").await;
    let row = |service: &str, outcome: &str, detail: &str| {
        (service.to_owned(), outcome.to_owned(), detail.to_owned())
    };
    let mut expected = vec![
        row("todoist", "skipped", "placeholder: TODOIST_API_TOKEN"),
        row("jira", "imported", "it works"),
        row("notion", "incomplete", "lacks NOTION_API_TOKEN"),
        row("google", "skipped", "an application, no credential: an operator registers it"),
        row("orderdesk", "refused", "fields: the service refuses this credential (status 401)"),
        row("todo", "imported", "untried: nothing is known to try it with"),
        row("tray", "imported", "whether it works is unknown: the service answered 400"),
    ];
    assert_eq!(rows(&stdout), expected);
    assert!(!success && stderr.is_empty(), "{stderr}");

    let (_, stdout, _) = run(&words, "ADMIN_TOKEN").await;
    for at in [1, 5, 6] {
        expected[at] = row(&expected[at].0, "exists", "stays as it is");
    }
    assert_eq!(rows(&stdout), expected);
    let (success, stdout, _) =
        run(&["me", "import-env", "--no-validate", "--account", "mine"], "MCP_TOKEN").await;
    assert!(success && stdout.contains("orderdesk  imported    not tried\n"), "{stdout}");

    let process = broker.stop().await;
    let told = told.into_inner().concat() + &process.stdout() + &process.stderr();
    let recorded = site.texts("SELECT body FROM audit_records").await.join("\n");
    for secret in ["canary", "value%2Bof", "value+of"] {
        assert!(!told.contains(secret) && !recorded.contains(secret), "{secret}: {told}");
    }
    site.verify_audit().await;
}

#[tokio::test]
async fn what_goes_wrong_shows_no_value() {
    let other = Anything::start(anything::Options::default()).await.expect("a stand-in");
    let site = Site::new(Kind::Sqlite).await;
    site.dev().await.stop().await;
    let run = async |url: &str, words: &[&str]| {
        let (success, stdout, stderr) = Process::run(import(&site, url, words, "MCP_TOKEN"), PATIENCE).await;
        assert!(!success && !format!("{stdout}{stderr}").contains("canary"), "{stdout}{stderr}");
        (stdout, stderr)
    };

    let path = write(&site, &format!("GITHUB_TOKEN={CANARY}\n{CANARY}\n\nA='{CANARY}' {CANARY}\n"));
    let (_, stderr) = run(other.url(), &["me", "import-env"]).await;
    let path = path.display();
    assert_eq!(
        stderr,
        format!(
            "leasehold: {path}: line 2: expected NAME=value\n{path}: line 4: something follows the closing quote\n"
        )
    );
    write(&site, &format!("GITHUB_TOKEN={CANARY}\n"));
    let body = json!({ "code": CANARY, "detail": "d" });
    let echo = StatusFault { code: 422, body, headers: BTreeMap::new() };
    other.faults().add(Fault::new(Action::Status(echo)));
    let (stdout, _) = run(other.url(), &["me", "import-env"]).await;
    assert!(stdout.contains("github   refused  the answer repeats a value, and is not shown\n"), "{stdout}");
    let (stdout, _) = run("http://127.0.0.1:1", &["me", "import-env", "--json"]).await;
    assert!(stdout.contains("\"failed\"") && stdout.contains("127.0.0.1:1"), "{stdout}");
}
