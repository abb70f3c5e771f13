//! `leasehold audit`: the audit log of a database that no server has open, or of PostgreSQL at any time.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use futures::{StreamExt as _, pin_mut};
use serde_json::json;

use crate::{
    broker::{
        self,
        audit::{AuditEntry, CheckpointFile, Verification},
    },
    clock::{Clock as _, SystemClock},
    model::{
        audit::{EventName, OutcomeFilter},
        instant::Instant,
        owner::Owner,
        page::PageSize,
    },
    server::{StartError, open_backend},
    store::{
        audit::{AuditFilter, AuditOrder, AuditQuery},
        backend::Backend,
    },
};

use super::{CliError, ConfigArgs, io_error};

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
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Instant>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
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
                report(&found, json);
                Ok(if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Checkpoint { config } => {
                let told = async |rows: Arc<dyn Backend>| {
                    broker::audit::newest_checkpoints(&*rows).await.map_err(from_broker)
                };
                for line in with_backend(&config, told).await? {
                    print_line(&serde_json::to_string(&line).map_err(io::Error::from))?;
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

fn report(found: &Verification, as_json: bool) {
    let Verification { chains, records, faults } = found;
    if as_json {
        println!("{}", json!({ "chains": chains, "records": records, "faults": faults }));
    } else {
        println!("{chains} chains, {records} records, {} faults", faults.len());
        for fault in faults {
            println!("  {fault}");
        }
    }
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
            let text = if as_json { serde_json::to_string(entry) } else { Ok(one_line(entry)) };
            print_line(&text.map_err(io::Error::from))?;
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
        print_line(&serde_json::to_string(&record).map_err(io::Error::from))?;
    }
    Ok(())
}

/// For people: time, outcome, event, who, what, from where.
fn one_line(entry: &AuditEntry) -> String {
    let AuditEntry { at, event, actor, target, refusal, address, details, .. } = entry;
    let outcome = refusal.as_deref().unwrap_or("ok");
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
    line
}

fn print_line(text: &Result<String, io::Error>) -> Result<(), CliError> {
    let failed = |error: &io::Error| CliError::Other(format!("writing a record: {error}"));
    let text = text.as_ref().map_err(failed)?;
    writeln!(io::stdout().lock(), "{text}").map_err(|error| failed(&error))
}

fn read_checkpoints(path: &Path) -> Result<CheckpointFile, CliError> {
    let text = fs::read_to_string(path).map_err(io_error(format!("reading {}", path.display())))?;
    CheckpointFile::parse(&text).map_err(|error| CliError::Other(format!("{}: {error}", path.display())))
}

fn from_broker(error: broker::Error) -> CliError {
    StartError::from(error).into()
}

fn parse_time(text: &str) -> Result<Instant, String> {
    let ago = text.char_indices().last().and_then(|(at, unit)| {
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let number: i64 = text.get(..at)?.parse().ok().filter(|number| *number >= 0)?;
        number.checked_mul(seconds)
    });
    match ago {
        Some(seconds) => Ok(SystemClock::start().now().plus_seconds(-seconds)),
        None => text
            .parse()
            .map_err(|_| "expected RFC 3339, as in 2026-01-31T09:30:00Z, or 90m, 24h, 7d ago".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_out_or_ago() {
        let now = SystemClock::start().now();
        let hour = parse_time("60m").unwrap();
        let ago = now.micros_since(hour);
        assert!((3_590_000_000..=3_600_000_001).contains(&ago), "{ago}");
        assert_eq!(parse_time("2026-01-31T09:30:00Z").unwrap().to_string(), "2026-01-31T09:30:00.000000Z");
        for wrong in ["", "d", "-1d", "1w", "yesterday", "99999999999999999d", "ü"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
