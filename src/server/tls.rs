//! TLS for the listeners: a certificate that is read anew when its files change, without a restart.
//!
//! A new pair of files that does not load, or whose key does not belong to the certificate, is logged and left aside;
//! the pair in use stays.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _};
use tokio::{task, time};

use crate::{config::TlsConfig, lifecycle::Lifecycle};

/// A certificate and its key, read from two PEM files.
pub struct ReloadingCertificate {
    files: TlsConfig,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
    /// The state of the files at the latest attempt, good or bad; held during an attempt.
    seen: Mutex<Stamp>,
}

/// A certificate cannot be used. The message names the file, never its content.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or holds something else.
    #[error("{path} is not a PEM file with {expected}: {source}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The pair does not work.
    #[error("{certificate} and {key} do not work together: {source}", certificate = certificate.display(), key = key.display())]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// What a look at the files came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// They have not changed since the last look.
    Unchanged,
    /// They have, and are served from now on.
    Replaced,
}

/// How often the files are looked at.
pub const WATCH_PERIOD: Duration = Duration::from_secs(10);

impl ReloadingCertificate {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be read, or do not work together.
    pub fn load(files: &TlsConfig) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        // Looked at before they are read: a change in between is noticed at the next look.
        let seen = Stamp::of(files);
        let current = read(files, &provider)?;
        Ok(Arc::new(Self {
            files: files.clone(),
            provider,
            current: ArcSwap::from_pointee(current),
            seen: Mutex::new(seen),
        }))
    }

    /// Reads the files again if they have changed since the last look. Blocks on the file system.
    ///
    /// # Errors
    /// The changed files cannot be used. The certificate in use stays, and the same files are not tried again.
    pub fn reload_if_changed(&self) -> Result<Reload, TlsError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(&self.files);
        if *seen == stamp {
            return Ok(Reload::Unchanged);
        }
        *seen = stamp;
        self.current.store(Arc::new(read(&self.files, &self.provider)?));
        Ok(Reload::Replaced)
    }

    /// Looks at the files every ten seconds until the process drains, and logs what comes of it.
    pub async fn watch(self: Arc<Self>, lifecycle: Lifecycle) {
        while time::timeout(WATCH_PERIOD, lifecycle.draining()).await.is_err() {
            let this = Arc::clone(&self);
            if task::spawn_blocking(move || this.look()).await.is_err() {
                tracing::error!(
                    "the look at the certificate's files broke off; the certificate in use stays"
                );
            }
        }
    }

    fn look(&self) {
        match self.reload_if_changed() {
            Ok(Reload::Unchanged) => {}
            Ok(Reload::Replaced) => {
                tracing::info!(certificate = %self.files.certificate.display(), "a new certificate is served");
            }
            Err(error) => {
                tracing::error!(%error, "a changed certificate cannot be used; the one in use stays");
            }
        }
    }

    /// What a listener needs: TLS 1.2 and 1.3, HTTP/2 preferred to HTTP/1.1, this certificate.
    ///
    /// # Errors
    /// Never with the versions that this build knows.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for ReloadingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for ReloadingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadingCertificate").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Modification time and length of both files; `None` for one that cannot be looked at.
#[derive(PartialEq, Eq)]
struct Stamp([Option<(SystemTime, u64)>; 2]);

impl Stamp {
    fn of(files: &TlsConfig) -> Self {
        Self([&files.certificate, &files.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        }))
    }
}

fn read(files: &TlsConfig, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_slice_iter(&read_file(&files.certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|source| malformed(&files.certificate, "a certificate chain", source))?;
    let key = PrivateKeyDer::from_pem_slice(&read_file(&files.key)?)
        .map_err(|source| malformed(&files.key, "a private key", source))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Unusable {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    })
}

fn read_file(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, TlsError> {
    fs::read(path)
        .map(zeroize::Zeroizing::new)
        .map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

fn malformed(path: &Path, expected: &'static str, source: pem::Error) -> TlsError {
    TlsError::Malformed { path: path.to_owned(), expected, source }
}
