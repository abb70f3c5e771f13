//! The broker under load, when it is started for this run: a process of its own, with default settings but for addresses,
//! keys and database.

use std::{
    collections::BTreeMap,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use http::StatusCode;
use leasehold::{entropy::OsEntropy, keyring::root, telemetry::Stopwatch};

use crate::{
    Failure,
    connection::{Http, Target},
    options::Options,
};

/// The first argument of this program when it plays the broker; the others are those of `leasehold`.
pub(crate) const ROLE: &str = "broker";

/// Everything that the broker's settings need, as environment variables.
pub(crate) struct Settings {
    pub(crate) target: Target,
    pub(crate) variables: BTreeMap<String, String>,
}

/// A running broker; it ends with this value.
pub(crate) struct Broker {
    /// How long it took from the start of the process until `/readyz` said yes.
    pub(crate) ready: Duration,
    child: Child,
}

impl Settings {
    /// On this database, new keys, and two free ports.
    pub(crate) fn new(database: &str, log: Option<&str>) -> Result<Self, Failure> {
        // Both are held until both are known, so that they differ.
        let ports = [TcpListener::bind(LOOPBACK)?, TcpListener::bind(LOOPBACK)?];
        let [http, grpc] = &ports;
        let target = Target { http: http.local_addr()?, grpc: grpc.local_addr()? };
        let mut variables: BTreeMap<String, String> = [
            ("LEASEHOLD_PUBLIC_URL", format!("http://{}", target.http)),
            ("LEASEHOLD_HTTP_ADDRESS", target.http.to_string()),
            ("LEASEHOLD_GRPC_ADDRESS", target.grpc.to_string()),
            ("LEASEHOLD_ROOT_KEYS", root::generate("load", &OsEntropy)?.expose().to_owned()),
            ("LEASEHOLD_DATABASE_URL", database.to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        if let Some(filter) = log {
            variables.insert("LEASEHOLD_TELEMETRY_LOG_FILTER".to_owned(), filter.to_owned());
        }
        Ok(Self { target, variables })
    }
}

impl Broker {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(settings: &Settings, options: &Options) -> Result<Self, Failure> {
        let mut command = match &options.broker {
            Some(path) => Command::new(path),
            None => own_program()?,
        };
        command.arg("serve").envs(&settings.variables).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log(options.log_file.as_deref())?);
        let stopwatch = Stopwatch::start();
        let child = command.spawn()?;
        let mut broker = Self { ready: Duration::ZERO, child };
        while !is_ready(settings.target.http).await {
            if let Some(status) = broker.child.try_wait()? {
                return Err(format!("the broker ended with {status}; --log-file keeps what it says").into());
            }
            if stopwatch.elapsed() > PATIENCE {
                return Err("the broker does not become ready".into());
            }
            // Another process tells nobody when it is ready: ask again.
            tokio::time::sleep(PAUSE).await;
        }
        broker.ready = stopwatch.elapsed();
        Ok(broker)
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn own_program() -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ROLE);
    Ok(command)
}

fn log(path: Option<&Path>) -> Result<Stdio, Failure> {
    path.map_or_else(|| Ok(Stdio::null()), |path| Ok(File::create(path)?.into()))
}

async fn is_ready(address: SocketAddr) -> bool {
    match Http::open(address).await {
        Ok(mut http) => http.status("/readyz").await.is_ok_and(|status| status == StatusCode::OK),
        Err(_) => false,
    }
}

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(5);
