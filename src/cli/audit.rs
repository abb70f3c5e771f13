//! `leasehold audit`: the audit log of a database that no server has open, or of PostgreSQL at any time.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use futures::{StreamExt as _, pin_mut};
use serde::Serialize;
use serde_json::json;

use crate::{
    broker::{
        self,
        audit::{AuditEntry, CheckpointFile, Verification},
    },
    model::{
        audit::{EventName, OutcomeFilter},
        instant::Instant,
        owner::Owner,
        page::PageSize,
        words::counted,
    },
    server::{StartError, open_backend},
    store::{
        audit::{AuditFilter, AuditOrder, AuditQuery},
        backend::Backend,
    },
};

use super::{CliError, ConfigArgs, io_error, output, times};

/// Work with the audit log.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Audit {
    /// Check every chain: each record, each head, each signature. Fails when something is wrong.
    Verify {
        #[command(flatten)]
        config: ConfigArgs,
        /// Checkpoints kept outside of the database: lines of `audit checkpoint`, of the log, or a witness file.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print the newest signed head of each chain, a line of JSON each, to be kept elsewhere.
    Checkpoint {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Look for records.
    Query {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        filter: FilterArgs,
        /// The most records to print.
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: usize,
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Print every record as a line of JSON that can be verified: chain, seq, previous, body, hash.
    Export {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        filter: FilterArgs,
    },
}

/// Which records.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// Of this actor: a client's or user's id, `anonymous` or `system`.
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// About this id.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// On behalf of this user or organization, or `system`.
    #[arg(long, value_name = "ID")]
    owner: Option<Owner>,
    /// Of this kind, such as `lease_created`.
    #[arg(long, value_name = "NAME")]
    event: Option<EventName>,
    /// `success`, `refused`, or the code of a refusal.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<OutcomeFilter>,
    /// Of the call with this id.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// From this time on: RFC 3339, or how long ago, as in `90m`, `24h`, `7d`.
    #[arg(long, value_name = "TIME", value_parser = times::parse)]
    since: Option<Instant>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = times::parse)]
    until: Option<Instant>,
    /// The oldest first.
    #[arg(long)]
    oldest_first: bool,
}

impl FilterArgs {
    fn split(self) -> (AuditFilter, AuditOrder) {
        let Self { actor, target, owner, event, outcome, request_id, since, until, oldest_first } = self;
        let order = if oldest_first { AuditOrder::OldestFirst } else { AuditOrder::NewestFirst };
        (AuditFilter { actor, target, owner, event, outcome, request_id, since, until }, order)
    }
}

impl Audit {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        match self {
            Self::Verify { config, checkpoint, json } => {
                let kept = checkpoint.as_deref().map(read_checkpoints).transpose()?.unwrap_or_default();
                let found = with_backend(&config, async |rows| verify(&*rows, &kept).await).await?;
                output::print(&report(&found, json))?;
                Ok(if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Checkpoint { config } => {
                let told = async |rows: Arc<dyn Backend>| {
                    broker::audit::newest_checkpoints(&*rows).await.map_err(from_broker)
                };
                for line in with_backend(&config, told).await? {
                    output::print(&json_line(&line)?)?;
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Query { config, filter, limit, json } => {
                with_backend(&config, async |rows| query(&*rows, filter, limit, json).await).await?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Export { config, filter } => {
                with_backend(&config, async |rows| export(rows, filter).await).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn with_backend<T>(
    config: &ConfigArgs,
    work: impl AsyncFnOnce(Arc<dyn Backend>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let backend = open_backend(&config.load_database()?, false).await?;
    let done = work(Arc::clone(&backend)).await;
    backend.close().await;
    done
}

async fn verify(rows: &dyn Backend, kept: &CheckpointFile) -> Result<Verification, CliError> {
    let keys = broker::audit::stored_keys(rows).await.map_err(from_broker)?;
    broker::audit::verify(rows, &keys, kept).await.map_err(from_broker)
}

fn report(found: &Verification, as_json: bool) -> String {
    let Verification { chains, records, faults } = found;
    if as_json {
        return format!("{}\n", json!({ "chains": chains, "records": records, "faults": faults }));
    }
    let (chains, records) = (counted(*chains, "chain"), counted(*records, "record"));
    let mut text = format!("{chains}, {records}, {}\n", counted(faults.len(), "fault"));
    for fault in faults {
        // Writing to a String does not fail.
        let _ = writeln!(text, "  {fault}");
    }
    text
}

async fn query(rows: &dyn Backend, filter: FilterArgs, limit: usize, as_json: bool) -> Result<(), CliError> {
    let (filter, order) = filter.split();
    let (mut left, mut after) = (limit, None);
    while left > 0 {
        let size = i64::try_from(left).unwrap_or(i64::MAX).min(PageSize::MAX.into());
        let size = PageSize::from_number(size).unwrap_or_default();
        let wanted = AuditQuery { filter: filter.clone(), order, after, size };
        let page = broker::audit::query(rows, wanted).await.map_err(from_broker)?;
        for entry in &page.records {
            output::print(&if as_json { json_line(entry)? } else { one_line(entry) })?;
        }
        left = left.saturating_sub(page.records.len());
        after = page.next_page_token.and_then(|token| token.parse().ok());
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

async fn export(rows: Arc<dyn Backend>, filter: FilterArgs) -> Result<(), CliError> {
    let (filter, order) = filter.split();
    let records = broker::audit::export(rows, filter, order);
    pin_mut!(records);
    while let Some(record) = records.next().await {
        let record = record.map_err(from_broker)?;
        output::print(&json_line(&record)?)?;
    }
    Ok(())
}

/// For people: time, outcome, event, who, what, from where.
fn one_line(entry: &AuditEntry) -> String {
    let AuditEntry { at, event, outcome, actor, target, refusal, address, details, .. } = entry;
    let outcome = match (refusal, *outcome) {
        (Some(code), _) => code,
        (None, "success") => "ok",
        (None, other) => other,
    };
    let mut line = format!("{at}  {event}  {outcome}  {actor}");
    for (name, text) in [("target", target), ("from", address)] {
        if let Some(text) = text {
            // Writing to a String does not fail.
            let _ = write!(line, "  {name}={text}");
        }
    }
    if !details.is_empty() {
        let _ = write!(line, "  {}", json!(details));
    }
    line + "\n"
}

fn json_line(value: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string(value);
    text.map(|text| text + "\n").map_err(|error| CliError::Other(format!("a record as JSON: {error}")))
}

fn read_checkpoints(path: &Path) -> Result<CheckpointFile, CliError> {
    let text = fs::read_to_string(path).map_err(io_error(format!("reading {}", path.display())))?;
    CheckpointFile::parse(&text).map_err(|error| CliError::Other(format!("{}: {error}", path.display())))
}

fn from_broker(error: broker::Error) -> CliError {
    StartError::from(error).into()
}
