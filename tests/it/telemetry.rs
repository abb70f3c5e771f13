//! What `docs/telemetry.md` promises: every metric and field of the log is listed there, and nobody's traffic makes series.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use leasehold::{
    api::operations,
    broker::Code,
    chores::CHORES,
    model::{audit::EventName, token::authentication_failures},
    store::{StoreError, committer::LeaseEnd},
    telemetry::{METRICS, MetricKind, Outcome},
};
use reqwest::{Client, Method, header};
use serde_json::json;

use crate::harness::{Scene, Transport, World, ask, on_each_database};

#[test]
fn the_page_lists_every_metric() {
    let listed: BTreeSet<Vec<String>> = table("## Metrics", "| name |")
        .into_iter()
        .map(|row| row.into_iter().take(5).map(|cell| cell.replace('`', "")).collect())
        .collect();
    let known: BTreeSet<Vec<String>> = METRICS
        .iter()
        .map(|metric| {
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram(_) => "histogram",
            };
            let labels = if metric.labels.is_empty() { "-".to_owned() } else { metric.labels.join(", ") };
            vec![metric.name.into(), kind.into(), metric.unit.into(), labels, metric.help.into()]
        })
        .collect();
    assert_eq!(listed, known);
    let explained = names(&table("## Metrics", "| label |"));
    let labels = METRICS.iter().flat_map(|metric| metric.labels).map(|label| (*label).to_owned()).collect();
    assert_eq!(explained, labels);
}

#[test]
fn the_page_lists_every_value_of_a_label_that_it_enumerates() {
    let rows = table("## Metrics", "| label |");
    for (label, known) in enumerated() {
        let row = rows.iter().find(|row| names(std::slice::from_ref(row)).contains(label)).expect(label);
        let quoted = row.get(1).expect("the values").split('`').skip(1).step_by(2);
        let listed: BTreeSet<&str> = quoted.collect();
        assert_eq!(listed, known.into_iter().collect(), "{label}");
    }
}

/// The labels whose values the page enumerates, with those that the code has.
fn enumerated() -> [(&'static str, Vec<&'static str>); 5] {
    let ends = LeaseEnd::ALL.iter().map(|end| end.as_str());
    [
        ("transport", vec!["http", "grpc"]),
        ("outcome", Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect()),
        ("reason", authentication_failures().chain(ends).collect()),
        ("kind", StoreError::KINDS.to_vec()),
        ("root_key", vec!["first", "other"]),
    ]
}

#[test]
fn the_page_lists_every_field_of_the_log() {
    assert_eq!(names(&table("## Logs", "| field |")), logged_fields());
}

#[test]
fn the_reader_of_log_lines_reads_them() {
    let text = "tracing::warn!(\n target: \"a::b\", one, two = f(x, \"y, z)\"), %three, ?four, five = %e.g().map(tracing::field::display), \"done {x}\"\n);";
    let expected = ["one", "two", "three", "four", "five"].map(str::to_owned);
    assert_eq!(fields_of(text), BTreeSet::from(expected));
}

on_each_database! {
    async fn hostile_traffic_makes_no_series(installation) {
        let world = installation.opens().await;
        let ann = Scene::new(world.clone(), Transport::Http).person().await;
        ann.deposits("jira", "hers").await;
        for via in [Transport::Http, Transport::Grpc] {
            let token = Scene::new(world.clone(), via).bearer("nobody's");
            token.create(&ask(["jira"])).await.unwrap_err();
        }
        ann.revoke(&ann.borrows(["jira"]).await.lease_id).await.unwrap();

        let operator = ann.scene.operator("admin:tokens").await;
        operator.does("revoke_mcp_token", json!({ "id": ann.token_id.to_string() })).await;
        ann.me().await.unwrap_err();

        besiege(&world).await;

        let series = series(&world).await;
        for (name, labels) in &series {
            let metric = METRICS.iter().find(|metric| metric.name == name).expect(name);
            let found: Vec<&str> = labels.keys().map(String::as_str).collect();
            let mut promised = metric.labels.to_vec();
            promised.sort_unstable();
            assert_eq!(found, promised, "{name}");
            for (label, value) in labels {
                assert!(is_bounded(label, value), "{name}: {label} is {value}");
            }
        }
        let has = |name: &str, label: &str, value: &str| {
            let is = |labels: &Labels| labels.get(label).is_some_and(|found| found == value);
            assert!(series.iter().any(|(found, labels)| found == name && is(labels)), "{name} {label}={value}");
        };
        has("leasehold_requests_total", "operation", "unmatched");
        has("leasehold_requests_total", "status", "UNIMPLEMENTED");
        has("leasehold_requests_total", "operation", "create_lease");
        has("leasehold_refusals_total", "code", "invalid_client");
        has("leasehold_auth_failures_total", "reason", "invalid_token");
        has("leasehold_auth_failures_total", "reason", "invalid_client");
        has("leasehold_auth_failures_total", "reason", "token_revoked");
        has("leasehold_leases_ended_total", "reason", "revoked");
        has("leasehold_audit_records_total", "event", "lease_created");
        world.end().await;
    }
}

/// What an enemy may send: names that are nobody's, in every place that has room for one.
async fn besiege(world: &World) {
    let http = Client::builder().build().expect("a client");
    let grpc = Client::builder().http2_prior_knowledge().build().expect("a client");
    for number in 0..20 {
        let name = format!("{CANARY}-{number}");
        let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes()).expect("a method");
        for (method, path) in [
            (Method::GET, format!("/{name}")),
            (Method::GET, format!("/docs/{name}")),
            (method, format!("/api/mcp/{name}")),
            (Method::GET, format!("/api/mcp/credentials/lease/{name}?{name}={name}")),
            (Method::DELETE, format!("/api/mcp/credentials/lease/lse_{name}")),
            (Method::POST, "/oauth/token".to_owned()),
        ] {
            let form = [("grant_type", "client_credentials"), ("client_id", &name), ("client_secret", &name)];
            let sent = http.request(method, format!("{}{path}", world.url)).form(&form);
            let sent = sent.header("x-request-id", &name).header(header::USER_AGENT, &name);
            let _ = sent.bearer_auth(&name).send().await.expect("an answer");
        }
        // The bearer above hides the client's form: without it, the client is refused.
        let form = [("grant_type", "client_credentials"), ("client_id", &name), ("client_secret", &name)];
        let _ = http.post(format!("{}/oauth/token", world.url)).form(&form).send().await.expect("an answer");
        for path in [
            format!("{name}/{name}"),
            format!("leasehold.v1.LeaseService/{name}"),
            "leasehold.v1.LeaseService/GetLease".to_owned(),
        ] {
            let sent = grpc.post(format!("http://{}/{path}", world.grpc)).bearer_auth(&name).body(vec![0; 5]);
            let sent = sent.header("content-type", "application/grpc").header("grpc-timeout", "9S");
            let _ = sent.header("x-request-id", &name).send().await.expect("an answer");
        }
    }
}

/// Whether a label's value comes from a list: of the code, or of the page.
fn is_bounded(label: &str, value: &str) -> bool {
    match label {
        "operation" => operations().any(|operation| operation.name == value) || OTHERS.contains(&value),
        "code" => Code::ALL.iter().any(|code| code.as_str() == value) || TOKEN_CODES.contains(&value),
        "status" => STATUSES.contains(&value),
        "event" => value.parse::<EventName>().is_ok(),
        "reason" => {
            value.parse::<LeaseEnd>().is_ok() || authentication_failures().any(|reason| reason == value)
        }
        "chore" => CHORES.iter().any(|chore| chore.name == value),
        "version" => value == env!("CARGO_PKG_VERSION"),
        _ => {
            let rows = table("## Metrics", "| label |");
            let row = rows.iter().find(|row| names(std::slice::from_ref(row)).contains(label));
            row.is_some_and(|row| row.concat().contains(&format!("`{value}`")))
        }
    }
}

type Labels = BTreeMap<String, String>;

/// Every series, without the buckets of histograms.
async fn series(world: &World) -> BTreeSet<(String, Labels)> {
    let text =
        reqwest::get(format!("{}/metrics", world.url)).await.expect("an answer").text().await.expect("text");
    assert!(!text.contains(CANARY) && !text.to_ascii_lowercase().contains(CANARY), "{text}");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(series_of).collect()
}

fn series_of(line: &str) -> (String, Labels) {
    let (series, _) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let is_known = |name: &&str| METRICS.iter().any(|metric| metric.name == *name);
    let parts = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end).filter(is_known));
    let labels = labels.trim_end_matches('}').split("\",").filter_map(|label| label.split_once("=\""));
    let labels = labels.map(|(label, value)| (label.to_owned(), value.trim_end_matches('"').to_owned()));
    (parts.unwrap_or(name).to_owned(), labels.filter(|(label, _)| label != "le").collect())
}

/// The rows of the table below a heading that begins with `head`, cell by cell.
fn table(heading: &str, head: &str) -> Vec<Vec<String>> {
    let (_, section) = PAGE.split_once(&format!("\n{heading}\n")).expect("the heading");
    let lines = section.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The names in the first column; a row may have several.
fn names(rows: &[Vec<String>]) -> BTreeSet<String> {
    let cells = rows.iter().filter_map(|row| row.first());
    cells.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`').to_owned()).collect()
}

/// The fields of every line that the program logs.
fn logged_fields() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("a file");
                let end = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
                fields.extend(fields_of(&text[..end]));
            }
        }
    }
    fields
}

fn fields_of(text: &str) -> BTreeSet<String> {
    let calls = text.match_indices("tracing::").filter_map(|(at, _)| text[at + 9..].split_once("!("));
    let calls = calls.filter(|(level, _)| LEVELS.contains(level));
    calls
        .flat_map(|(_, arguments)| arguments_of(arguments))
        .filter_map(|argument| field_of(&argument))
        .collect()
}

/// What stands between the commas of a call's outermost level.
fn arguments_of(text: &str) -> Vec<String> {
    let (mut arguments, mut depth, mut in_text) = (vec![String::new()], 0, false);
    for c in text.chars() {
        match c {
            '"' => in_text = !in_text,
            '(' | '[' | '{' if !in_text => depth += 1,
            ')' | ']' | '}' if !in_text && depth == 0 => break,
            ')' | ']' | '}' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().expect("one at least").push(c);
    }
    arguments
}

fn field_of(argument: &str) -> Option<String> {
    let argument = argument.trim();
    if argument.is_empty() || argument.starts_with('"') || argument.starts_with("target:") {
        return None;
    }
    let (name, _) = argument.split_once('=').unwrap_or((argument, ""));
    Some(name.trim().trim_start_matches(['%', '?']).to_owned())
}

const PAGE: &str = include_str!("../../docs/telemetry.md");
const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace", "$function"];
const CANARY: &str = "canary";
const STATUSES: &[&str] = &[
    "200",
    "201",
    "204",
    "307",
    "400",
    "401",
    "403",
    "404",
    "405",
    "409",
    "412",
    "413",
    "415",
    "422",
    "429",
    "500",
    "503",
    "cancelled",
    "3xx",
    "4xx",
    "5xx",
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
const OTHERS: [&str; 5] = ["docs", "health_check", "health_watch", "reflection", "unmatched"];
const TOKEN_CODES: [&str; 8] = [
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unsupported_grant_type",
];
