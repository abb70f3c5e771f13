//! `leasehold keys`: root keys.

use std::process::ExitCode;

use crate::{entropy::OsEntropy, keyring::root};

use super::{CliError, output};

/// Work with root keys.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Keys {
    /// Print a new root key, for `LEASEHOLD_ROOT_KEYS` or `root_keys_file`. Keep it apart from the database.
    Generate {
        /// The key's id: 1 to 32 of A-Z, a-z, 0-9, `.`, `_` and `-`.
        #[arg(long)]
        id: String,
    },
}

impl Keys {
    pub(super) fn run(self) -> Result<ExitCode, CliError> {
        let Self::Generate { id } = self;
        let key = root::generate(&id, &OsEntropy).map_err(|error| CliError::Other(error.to_string()))?;
        output::print(&format!("{}\n", key.expose()))?;
        Ok(ExitCode::SUCCESS)
    }
}
