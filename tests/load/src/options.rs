//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;

use crate::{Failure, workload::Workload};

/// Measures a Leasehold broker beside a floor: a bare axum or tonic handler without any of its layers, which gets the
/// same requests and answers as many bytes. Starts a broker of its own unless --url names one that runs.
#[derive(Debug, Parser)]
#[command(name = "leasehold-load", version)]
pub(crate) struct Options {
    /// What to run, in this order. Without any: token, create, renew, get, and their floors.
    #[arg(value_enum)]
    pub(crate) workloads: Vec<Workload>,
    /// Requests in flight: each answer is followed by the next request.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(crate) in_flight: u32,
    /// Seconds measured for each workload, and as many for its floor.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Seconds of each that are run first and not counted.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    pub(crate) warm_up: f64,
    /// The measured time is split into so many rounds, workload and floor in turns.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// Measure no floors: no ratios.
    #[arg(long)]
    pub(crate) no_floor: bool,
    /// The database of the broker that is started: `sqlite` (a file in a temporary folder), `postgres` (the server of
    /// `LEASEHOLD_TEST_POSTGRES`, else a private one made by tests/postgres.sh), or a URL of an empty database.
    #[arg(long, value_name = "sqlite|postgres|URL", default_value = "sqlite", conflicts_with = "url")]
    pub(crate) database: String,
    /// The folder for the temporary SQLite file, which decides the disk that is measured.
    #[arg(long, value_name = "FOLDER", conflicts_with = "url")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The program to start as the broker. Without it this program plays that part, in a process of its own.
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    pub(crate) broker: Option<PathBuf>,
    /// What the broker that is started logs: its `telemetry.log_filter`.
    #[arg(long, value_name = "FILTER", conflicts_with = "url")]
    pub(crate) log: Option<String>,
    /// Where it logs to; /dev/null unless this is set.
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    pub(crate) log_file: Option<PathBuf>,
    /// Clients to prepare, each of a person of its own with two credentials.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "url")]
    pub(crate) principals: u32,
    /// Leases to prepare, shared out between the principals: what renew, get and the like use.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) leases: u32,
    /// Fill the database with so many live leases in all, and report how soon the broker is ready and the memory that it
    /// takes.
    #[arg(long, value_name = "N", conflicts_with = "url")]
    pub(crate) seed_leases: Option<u32>,
    /// Measure a broker that runs already; this is its HTTP address.
    #[arg(long, value_name = "URL", requires_all = ["grpc", "clients"])]
    pub(crate) url: Option<String>,
    /// The gRPC address of the broker that runs already.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) grpc: Option<SocketAddr>,
    /// Clients of the broker that runs already: a line each, `id secret`. At 100 requests a second for each, a thousand
    /// are enough.
    #[arg(long, value_name = "FILE")]
    pub(crate) clients: Option<PathBuf>,
    /// The services that these clients borrow.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "todoist,openai")]
    pub(crate) services: Vec<String>,
    /// One JSON object instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    /// What to run.
    pub(crate) fn workloads(&self) -> Vec<Workload> {
        if self.workloads.is_empty() && self.seed_leases.is_none() {
            return Workload::DEFAULT.to_vec();
        }
        self.workloads.clone()
    }

    /// How long a round is.
    pub(crate) fn round(&self) -> Duration {
        Duration::from_secs_f64(self.seconds / f64::from(self.rounds))
    }
}

fn seconds(text: &str) -> Result<f64, Failure> {
    let seconds: f64 = text.parse()?;
    if (0.0..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("between 0 and 86400 seconds".into()) }
}
