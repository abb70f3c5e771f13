//! Secrets don't leak: everything is done once, failures included, with the log at its most talkative, and then every
//! place that must not hold a secret is searched for all of them.

mod deeds;
mod markers;
mod misuse;

use std::fs;

use crate::harness::{Broker, Kind, Process, Site, program};

use deeds::Deeds;
use markers::Markers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_leaks_on_sqlite() {
    nothing_leaks(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_leaks_on_postgres() {
    nothing_leaks(Kind::Postgres).await;
}

async fn nothing_leaks(kind: Kind) {
    let site = Site::new(kind).await;
    let start = || async {
        let filter = "info,leasehold=trace,sqlx=trace,tower_http=trace,tokio_cron_scheduler=debug";
        Broker::announced(Process::spawn(site.dev_command(&["--log", filter])), &site.data()).await
    };
    let mut broker = start().await;
    let mut markers = Markers::of(&site);
    let mut deeds = Deeds::new(&broker, &site, &mut markers).await;
    deeds.tokens().await;
    deeds.leases().await;
    deeds.misplaced_secrets().await;
    deeds.bad_bodies().await;
    deeds.administration().await;
    deeds.invitations().await;
    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    for path in
        ["/metrics", "/openapi.json", "/docs/errors", "/health", "/.well-known/oauth-authorization-server"]
    {
        places.push((path.to_owned(), broker.look(path).await.1.into_bytes()));
    }
    places.push(("answers".to_owned(), deeds.told().into_bytes()));
    // Left as it is by a crash: with its write-ahead log, and whatever else lies about.
    files(&site, "after the work", &mut places);
    broker.process.kill();
    files(&site, "after the crash", &mut places);
    output("the first process", &broker.process, &mut places);

    let broker = start().await;
    let mut deeds = Deeds::new(&broker, &site, &mut markers).await;
    deeds.leases().await;
    places.push(("answers after the restart".to_owned(), deeds.told().into_bytes()));
    output("the second process", &broker.stop().await, &mut places);
    files(&site, "after the end", &mut places);
    places.push(("rows".to_owned(), dump(&site).await.into_bytes()));
    output("a refusal to start", &refused_start(&site).await, &mut places);

    let searched: usize = places.iter().map(|(_, bytes)| bytes.len()).sum();
    println!("{kind:?}: {} secrets, {} places, {searched} bytes", markers.count(), places.len());
    let found: Vec<String> =
        places.iter().flat_map(|(place, bytes)| markers.found_in(place, bytes)).collect();
    assert!(found.is_empty(), "secrets leaked:\n{}", found.join("\n"));
    markers.check_that_the_search_finds();
}

fn output(of: &str, process: &Process, places: &mut Vec<(String, Vec<u8>)>) {
    assert!(!process.stderr().is_empty(), "{of} logged nothing");
    places.push((format!("stdout of {of}"), process.stdout().into_bytes()));
    places.push((format!("stderr of {of}"), process.stderr().into_bytes()));
}

/// Every file of the data directory but the two that are made to hold secrets.
fn files(site: &Site, when: &str, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(site.data()).expect("the data directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        if !["dev.env", "root.keys"].contains(&name.as_str()) {
            places.push((format!("{name} {when}"), fs::read(&path).expect("a file")));
        }
    }
}

/// Every row of every table as text. Text that runs over several pages of a file is in one piece here.
async fn dump(site: &Site) -> String {
    if site.postgres.is_none() {
        return dump_sqlite(site).await;
    }
    let tables = site.texts("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").await;
    let mut text = String::new();
    for table in tables {
        text += &site.texts(&format!("SELECT row_to_json(t)::text FROM {table} t")).await.join("\n");
    }
    text
}

async fn dump_sqlite(site: &Site) -> String {
    let tables = site.texts("SELECT name FROM sqlite_schema WHERE type = 'table'").await;
    let mut text = String::new();
    for table in tables {
        let columns =
            site.texts(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')")).await;
        let row = columns.join(" || ' ' || ");
        text += &site.texts(&format!("SELECT {row} FROM {table}")).await.join("\n");
    }
    text
}

/// With a root key that does not open the database.
async fn refused_start(site: &Site) -> Process {
    let mut command = program(&["audit", "verify", "--database", &site.database_url()]);
    command.env("LEASEHOLD_ROOT_KEYS", "dev:not-base64-at-all");
    let mut process = Process::spawn(command);
    process.ended(crate::harness::PATIENCE).await;
    if process.stderr().is_empty() {
        // Verifying needs no key; starting does.
        process = Process::spawn(
            site.serve_command(&[("LEASEHOLD_ROOT_KEYS", &site.root_keys().replace('=', "A"))]),
        );
        assert!(!process.ended(crate::harness::PATIENCE).await.success());
    }
    process
}
