//! The witness: a file outside of the database that says what the database must hold.
//!
//! It keeps the newest signed heads of the audit chains, this process's and those of its replicas, as lines that
//! `leasehold audit verify --checkpoint` takes too. A database that does not hold them is older than the process's last
//! word: a backup was restored, and whatever was revoked since would be good again.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::Mutex, task, time};

use crate::{
    broker::{
        self, Broker,
        audit::{CheckpointFile, compare_heads, newest_checkpoints},
    },
    lifecycle::Lifecycle,
    store::backend::Backend,
};

use super::StartError;

/// Where the heads are kept.
#[derive(Clone)]
pub struct Witness {
    path: PathBuf,
    /// One writing at a time, so that the file never goes back.
    turn: Arc<Mutex<()>>,
}

/// What a look at the witness comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Testimony {
    /// There is no file yet.
    Silent,
    /// The database holds all that the file says.
    Confirmed,
    /// The database is older than the file, or another one: what is missing, a line each.
    Contradicted(Vec<String>),
    /// The file cannot be believed: why.
    Unreadable(String),
}

impl Witness {
    /// A witness that writes to this file.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path, turn: Arc::default() }
    }

    /// Compares the database with the file.
    ///
    /// # Errors
    /// What the database said.
    pub async fn testify(&self, rows: &dyn Backend) -> Result<Testimony, broker::Error> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Testimony::Silent),
            Err(error) => return Ok(Testimony::Unreadable(error.to_string())),
        };
        let kept = match CheckpointFile::parse(&text) {
            Ok(kept) => kept,
            Err(error) => return Ok(Testimony::Unreadable(error.to_string())),
        };
        if let Some(line) = kept.lines.iter().find(|line| !line.is_good()) {
            let what = format!("the line of chain {} bears no good signature", line.chain);
            return Ok(Testimony::Unreadable(what));
        }
        let missing = compare_heads(rows, &kept.lines).await?;
        Ok(if missing.is_empty() { Testimony::Confirmed } else { Testimony::Contradicted(missing) })
    }

    /// Refuses a database that is older than the file; what was accepted, it answers: the lines to record, or none when
    /// there is nothing to void.
    ///
    /// # Errors
    /// [`StartError::Restored`], [`StartError::Witness`]; what the database said.
    pub(super) async fn admit(
        witness: Option<&Self>,
        rows: &dyn Backend,
        accept: bool,
    ) -> Result<Option<Vec<String>>, StartError> {
        let Some(witness) = witness else { return Ok(accept.then(|| vec!["no witness".to_owned()])) };
        let path = witness.path.clone();
        match witness.testify(rows).await? {
            Testimony::Confirmed => Ok(None),
            Testimony::Silent => Ok(accept.then(|| vec!["no witness".to_owned()])),
            Testimony::Contradicted(missing) if accept => Ok(Some(missing)),
            Testimony::Contradicted(missing) => Err(StartError::Restored { path, missing }),
            Testimony::Unreadable(why) if accept => {
                Ok(Some(vec![format!("the witness cannot be believed: {why}")]))
            }
            Testimony::Unreadable(why) => Err(StartError::Witness { path, why }),
        }
    }

    /// Writes what the database holds now. A failure is logged: the next checkpoint tries again.
    pub(super) async fn write(&self, rows: &dyn Backend) {
        let _turn = self.turn.lock().await;
        let heads = match newest_checkpoints(rows).await {
            Ok(heads) => heads,
            Err(error) => return tracing::warn!(%error, "the witness was not written"),
        };
        let lines: Vec<String> = heads.iter().filter_map(|line| serde_json::to_string(line).ok()).collect();
        let (path, text) = (self.path.clone(), lines.join("\n") + "\n");
        let written = task::spawn_blocking(move || replace(&path, &text)).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(io::Error::other(error))) {
            tracing::warn!(path = %self.path.display(), %error, "the witness was not written");
        }
    }

    /// Writes after each checkpoint, until the process drains.
    pub(super) async fn keep(self, broker: Arc<Broker>, rows: Arc<dyn Backend>, lifecycle: Lifecycle) {
        let mut signed = broker.signed();
        while !lifecycle.is_draining() {
            tokio::select! {
                changed = signed.changed() => if changed.is_err() { return },
                () = lifecycle.draining() => return,
            }
            self.write(&*rows).await;
            // Under load heads are signed many times a second: the file needs to know the latest only.
            let _ = time::timeout(PAUSE, lifecycle.draining()).await;
        }
    }
}

/// Whole or not at all, and durable.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::File::open(folder)?.sync_all()
}

const PAUSE: time::Duration = time::Duration::from_secs(1);
