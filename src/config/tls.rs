//! `[tls]`: the certificate of both listeners.

use std::path::PathBuf;

use serde::Deserialize;

use super::problem::Problem;

/// Files in PEM form. They are watched, so that a renewed certificate is served without a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        for (key, path) in [("tls.certificate", &self.certificate), ("tls.key", &self.key)] {
            if path.as_os_str().is_empty() {
                let message = "is missing; TLS needs a certificate and its key, each the path of a PEM file";
                problems.push(Problem::setting(key, message));
            }
        }
    }
}
