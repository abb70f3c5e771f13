//! `leasehold dev`: everything embedded, on loopback only, with development data.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    config::{Config, LogFormat},
    entropy::OsEntropy,
    keyring::root,
    lifecycle::Lifecycle,
    server::{Options, Server, StartError},
    telemetry,
};

#[cfg(feature = "stand-ins")]
use super::stand_ins::StandIns;
use super::{CliError, io_error, output, serve::clock, set_database};

/// Start everything embedded, with development data, on loopback only.
#[derive(Debug, clap::Args)]
pub(super) struct Dev {
    /// Where HTTP listens; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3978")]
    http: SocketAddr,
    /// Where gRPC listens; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3979")]
    grpc: SocketAddr,
    /// Where keys, database and dev.env are kept; made when missing.
    #[arg(long, value_name = "FOLDER", default_value = ".leasehold")]
    data_dir: PathBuf,
    /// Another database than the embedded one: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Also start stand-ins of todo, Tray and Order Desk, on this machine alone, and lend credentials of theirs.
    #[cfg(feature = "stand-ins")]
    #[arg(long)]
    stand_ins: bool,
    /// What is logged: targets and levels, as in `info,leasehold=debug`.
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
}

impl Dev {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let config = self.config()?;
        telemetry::init(config.telemetry.log_format, &config.telemetry.log_filter, io::stderr)
            .map_err(|error| CliError::Other(format!("--log: {error}")))?;
        prepare_folder(&self.data_dir)?;
        let lifecycle = Lifecycle::new();
        lifecycle.on_signal().map_err(io_error("listening for signals"))?;
        let options =
            Options { config, issuer_is_bound_address: true, accept_restore: false, clock: clock()? };
        let server = Server::start(options, lifecycle).await?;
        let (values, stand_ins) = self.prepare(&server).await?;
        announce(&server, &self.data_dir, &values)?;
        server.run().await;
        drop(stand_ins);
        Ok(ExitCode::SUCCESS)
    }

    fn config(&self) -> Result<Config, CliError> {
        for (option, address) in [("--http", self.http), ("--grpc", self.grpc)] {
            if !address.ip().is_loopback() {
                let text = format!(
                    "{option} {address}: development listens on loopback only; use `leasehold serve`"
                );
                return Err(CliError::Other(text));
            }
        }
        let mut config = Config::development(&self.data_dir);
        config.http.address = self.http;
        config.grpc.address = self.grpc;
        if let Some(filter) = &self.log {
            config.telemetry.log_filter.clone_from(filter);
        }
        if !io::stderr().is_terminal() {
            config.telemetry.log_format = LogFormat::Json;
        }
        set_database(&mut config, self.database.as_deref())?;
        Ok(config)
    }

    #[cfg(feature = "stand-ins")]
    async fn prepare(
        &self,
        server: &Server,
    ) -> Result<(BTreeMap<String, String>, Option<StandIns>), CliError> {
        let values = self.prepare_data(server).await?;
        if !self.stand_ins {
            return Ok((values, None));
        }
        let stand_ins = StandIns::start().await?;
        stand_ins.deposit(&server.broker).await?;
        Ok((self.write_env(values, stand_ins.urls())?, Some(stand_ins)))
    }

    #[cfg(not(feature = "stand-ins"))]
    async fn prepare(&self, server: &Server) -> Result<(BTreeMap<String, String>, ()), CliError> {
        Ok((self.prepare_data(server).await?, ()))
    }

    /// Makes the development data, and `dev.env` unless an earlier start wrote one for this database.
    async fn prepare_data(&self, server: &Server) -> Result<BTreeMap<String, String>, CliError> {
        server.broker.seed_development().await.map_err(StartError::from)?;
        let path = self.data_dir.join(ENV_FILE);
        let mut values = read_env(&path);
        if !SECRETS.iter().all(|name| values.contains_key(*name)) {
            let minted = server.broker.mint_development().await.map_err(StartError::from)?;
            values.insert("MCP_TOKEN".to_owned(), minted.mcp_token.expose().to_owned());
            values.insert("ADMIN_TOKEN".to_owned(), minted.admin_token.expose().to_owned());
            values.insert("OAUTH_CLIENT_ID".to_owned(), minted.client_id);
            values.insert("OAUTH_CLIENT_SECRET".to_owned(), minted.client_secret.expose().to_owned());
        }
        // Addresses may be new ones.
        values.insert("LEASEHOLD_URL".to_owned(), server.url.clone());
        values.insert("MCP_API_URL".to_owned(), server.url.clone());
        values.insert("OAUTH_TOKEN_URL".to_owned(), format!("{}/oauth/token", server.url));
        values.insert("LEASEHOLD_GRPC".to_owned(), server.grpc.to_string());
        // Those of an earlier start are gone.
        values.retain(|name, _| !name.ends_with("_STAND_IN"));
        self.write_env(values, BTreeMap::new())
    }

    fn write_env(
        &self,
        mut values: BTreeMap<String, String>,
        more: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, CliError> {
        values.extend(more);
        let path = self.data_dir.join(ENV_FILE);
        write_private(&path, &render_env(&path, &values))?;
        Ok(values)
    }
}

/// Makes the data directory, or takes one that an earlier start made; any other folder is left as it is.
fn prepare_folder(folder: &Path) -> Result<(), CliError> {
    let what = || format!("the data directory {}", folder.display());
    let keys = folder.join("root.keys");
    let entries = fs::read_dir(folder).map(Iterator::count).unwrap_or_default();
    if entries > 0 && !keys.exists() {
        let text = format!(
            "{} is not empty and has no root.keys: name a folder that is new or was made by `leasehold dev` (if its \
             root.keys was lost, its data cannot be opened any more: remove it)",
            what()
        );
        return Err(CliError::Other(text));
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_error(what()))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(io_error(what()))?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        write_private(&ignore, "*\n")?;
    }
    if !keys.exists() {
        let key = root::generate("dev", &OsEntropy).map_err(|error| CliError::Other(error.to_string()))?;
        write_private(&keys, &format!("{}\n", key.expose()))?;
    }
    Ok(())
}

/// Writes a file that only its owner reads, whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<(), CliError> {
    let what = || format!("writing {}", path.display());
    let draft = path.with_extension("draft");
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(io_error(what()))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io_error(what()))?;
    fs::rename(&draft, path).map_err(io_error(what()))
}

fn read_env(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.lines().filter(|line| !line.starts_with('#')).filter_map(pair).collect()
}

fn render_env(path: &Path, values: &BTreeMap<String, String>) -> String {
    let mut text =
        format!("# Written by `leasehold dev`. Load it with: set -a; . {}; set +a\n", path.display());
    for (name, value) in values {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

/// Says where it listens and what to try; tokens only to a terminal.
fn announce(server: &Server, folder: &Path, values: &BTreeMap<String, String>) -> Result<(), CliError> {
    let env = folder.join(ENV_FILE);
    let mut text = format!(
        "Leasehold is ready.\n\n  HTTP  {}   (API at /docs)\n  gRPC  {}\n  data  {}\n\n",
        server.url,
        server.grpc,
        folder.display()
    );
    if io::stdout().is_terminal() {
        for name in SECRETS {
            let _ = writeln!(text, "  {name}={}", values.get(*name).map_or("", String::as_str));
        }
        text.push('\n');
    }
    for (name, url) in values.iter().filter(|(name, _)| name.ends_with("_STAND_IN")) {
        let service = name.trim_end_matches("_STAND_IN").to_lowercase();
        let _ = writeln!(text, "  {service:<9}  {url}   (a stand-in; what it was asked: /__ctl/requests)");
    }
    let _ = write!(
        text,
        "Try, in another terminal:\n\n  set -a; . {}; set +a\n  curl -H \"Authorization: Bearer $MCP_TOKEN\" \
         $LEASEHOLD_URL/api/mcp/me\n",
        env.display()
    );
    output::print(&text)
}

const ENV_FILE: &str = "dev.env";
const SECRETS: &[&str] = &["MCP_TOKEN", "ADMIN_TOKEN", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"];
