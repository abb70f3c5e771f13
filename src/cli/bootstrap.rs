//! `leasehold admin bootstrap`: the first operator's token, made at the database itself.

use std::{process::ExitCode, sync::Arc};

use serde_json::json;

use crate::{
    broker::admin::{FirstToken, make_first_token},
    entropy::{Entropy, OsEntropy},
    server::{Offline, StartError},
};

use super::{CliError, ConfigArgs, output, serve::clock};

/// Make the first operator's token, with every `admin:` scope.
///
/// Written straight to the database: a PostgreSQL one at any time, a SQLite file while no server has it open. Refused when
/// an operator's token is good already. Printed this once.
#[derive(Debug, clap::Args)]
pub(super) struct Bootstrap {
    #[command(flatten)]
    config: ConfigArgs,
    /// The token's name, for people.
    #[arg(long, value_name = "TEXT", default_value = "first operator")]
    name: String,
    /// Make another one although there is a good one, when that is lost.
    #[arg(long)]
    force: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Bootstrap {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let config = self.config.load_database()?;
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let clock = clock()?;
        let offline = Offline::open(&config, &clock, &entropy).await?;
        let issuer_url = config.public_url.as_str().trim_end_matches('/').to_owned();
        let first = FirstToken { name: self.name, force: self.force, issuer_url };
        let made = make_first_token(&offline.store, &*clock, &*entropy, first).await;
        offline.close().await;
        let (id, text) = made.map_err(StartError::from)?;
        let token = text.expose();
        let text = if self.json { json!({ "id": id, "token": token }).to_string() } else { token.to_owned() };
        output::print(&format!("{text}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
