//! `leasehold audit`: the audit log of a database that no server has open, or of PostgreSQL at any time.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    broker::{self, audit::Verification},
    server::{StartError, open_backend},
    store::backend::Backend,
};

use super::{CliError, ConfigArgs};

/// Work with the audit log.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Audit {
    /// Check every chain: each record, each head. Fails when something is wrong.
    Verify {
        #[command(flatten)]
        config: ConfigArgs,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Audit {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let Self::Verify { config, json } = self;
        let config = config.load_database()?;
        let backend = open_backend(&config, false).await?;
        let found = verify(&*backend).await;
        backend.close().await;
        let found = found.map_err(StartError::from)?;
        if json {
            println!(
                "{}",
                json!({ "chains": found.chains, "records": found.records, "faults": found.faults })
            );
        } else {
            println!("{} chains, {} records, {} faults", found.chains, found.records, found.faults.len());
            found.faults.iter().for_each(|fault| println!("  {fault}"));
        }
        Ok(if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn verify(rows: &dyn Backend) -> Result<Verification, broker::Error> {
    let keys = broker::audit::stored_keys(rows).await?;
    broker::audit::verify(rows, &keys).await
}
