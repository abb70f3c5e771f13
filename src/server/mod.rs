//! Floor 6: the server. Listeners, their TLS, and the composition of a broker behind them.
//!
//! `listen` and `tls` know sockets and HTTP; they know nothing of leases. `compose` alone names concrete stores.

mod compose;
mod figures;
mod gauges;
mod linger;
pub mod listen;
mod named;
mod offline;
mod preface;
mod schedule;
pub mod tls;
mod unread;
pub mod witness;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::{
    broker, config, grpc,
    keyring::{KeyringError, root},
    store::StoreError,
};

pub use compose::{Options, Server, open_backend, open_keyring};
pub use named::NewRequestId;
pub use offline::Offline;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be bound.
    #[error(transparent)]
    Bind(#[from] listen::BindError),
    /// The keys don't open what the database holds, or another rule refused.
    #[error("{}", explain(.0))]
    Broker(broker::Error),
    /// The scheduler of chores cannot be set up.
    #[error("the scheduler of chores cannot be set up: {0}")]
    Chores(#[from] tokio_cron_scheduler::JobSchedulerError),
    /// Other services cannot be called: the system's certificates cannot be read, for one.
    #[error("the client for calls of other services cannot be set up: {0}")]
    Egress(reqwest::Error),
    /// The gRPC descriptors don't read.
    #[error(transparent)]
    Grpc(#[from] grpc::InterfaceError),
    /// The database is older than what the witness saw of it.
    #[error("{}", explain_restore(.path, .missing))]
    Restored {
        /// The witness.
        path: PathBuf,
        /// What the database does not hold.
        missing: Vec<String>,
    },
    /// The root keys cannot be read.
    #[error(transparent)]
    RootKeyFile(#[from] config::RootKeysError),
    /// The root keys are malformed.
    #[error(transparent)]
    RootKeys(#[from] root::RootKeysError),
    /// The services cannot be read.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The database cannot be opened.
    #[error("{}", causes(.0))]
    Store(#[from] StoreError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The witness is there and cannot be believed.
    #[error(
        "the witness {path} cannot be used: {why}. Put the right file back; or start once with --accept-restore, which \
         ends every lease and switches off every MCP token, if nobody knows whether the database is the newest",
        path = path.display()
    )]
    Witness {
        /// The witness.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    TlsSettings(#[from] rustls::Error),
}

fn explain_restore(path: &Path, missing: &[String]) -> String {
    let shown: Vec<&str> = missing.iter().take(LINES_SHOWN).map(String::as_str).collect();
    format!(
        "the database is older than the witness {}, or another one: {}. Leases and tokens that were revoked since would \
         be good again. If an older backup was restored on purpose, start once with --accept-restore: it ends every \
         lease, makes every access token worthless, switches off every MCP token, and records that. Else put the right \
         database back",
        path.display(),
        shown.join("; ")
    )
}

fn explain(error: &broker::Error) -> String {
    let cause =
        error.cause.as_ref().map_or_else(String::new, |cause| format!(" ({})", causes(cause.as_ref())));
    let is_locked = error.code == broker::Code::Sealed
        || error.cause.as_ref().is_some_and(|cause| cause.as_ref().is::<KeyringError>());
    match error.code {
        _ if is_locked => format!(
            "the root keys given do not open this database{cause}: give the key it was made with, in \
             LEASEHOLD_ROOT_KEYS or root_keys_file"
        ),
        broker::Code::Internal => format!("the database does not hold what it should{cause}"),
        _ => format!("{}{cause}", error.message),
    }
}

/// What went wrong, and what made it so.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Some errors tell what caused them themselves.
        let told = cause.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    text
}

const LINES_SHOWN: usize = 3;
