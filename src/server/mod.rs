//! Floor 6: the server. Listeners, their TLS, and the composition of a broker behind them.
//!
//! `listen` and `tls` know sockets and HTTP; they know nothing of leases. `compose` alone names concrete stores.

mod compose;
mod figures;
mod linger;
pub mod listen;
mod preface;
mod schedule;
pub mod tls;
mod unread;

#[cfg(test)]
mod tests;

use crate::{broker, config, grpc, keyring::root, store::StoreError};

pub use compose::{Options, Server, open_backend, open_keyring};

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
    /// The gRPC descriptors don't read.
    #[error(transparent)]
    Reflection(#[from] grpc::ReflectionError),
    /// The root keys cannot be read.
    #[error(transparent)]
    RootKeyFile(#[from] config::RootKeysError),
    /// The root keys are malformed.
    #[error(transparent)]
    RootKeys(#[from] root::RootKeysError),
    /// The database cannot be opened.
    #[error("{}", causes(.0))]
    Store(#[from] StoreError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    TlsSettings(#[from] rustls::Error),
}

fn explain(error: &broker::Error) -> String {
    let cause =
        error.cause.as_ref().map_or_else(String::new, |cause| format!(" ({})", causes(cause.as_ref())));
    match error.code {
        broker::Code::Sealed | broker::Code::Internal => format!(
            "the root keys given do not open this database{cause}: give the key it was made with, in \
             LEASEHOLD_ROOT_KEYS or root_keys_file"
        ),
        _ => format!("{}{cause}", error.message),
    }
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
