//! Where the root keys come from. What they look like is the keyring's business.

use std::{fs, io, path::PathBuf};

use serde::Deserialize;

use super::problem::Problem;
use crate::model::secret::SecretText;

/// A source of root keys, `id:base64,…`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "PathBuf")]
pub enum RootKeySource {
    /// None is set; the broker does not start.
    Absent,
    /// The keys themselves, from `LEASEHOLD_ROOT_KEYS`.
    Text(SecretText),
    /// A mounted file that holds them.
    File(PathBuf),
}

/// The root keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RootKeysError {
    /// No source is set.
    #[error("no root key is set: set LEASEHOLD_ROOT_KEYS, or `root_keys_file` to the path of a file")]
    Absent,
    /// The file cannot be read, or is not text.
    #[error("the root keys cannot be read from {path}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RootKeySource {
    /// The text of the keys, without white space around it.
    ///
    /// # Errors
    /// No source is set, or its file cannot be read.
    pub fn load(&self) -> Result<SecretText, RootKeysError> {
        match self {
            Self::Absent => Err(RootKeysError::Absent),
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => fs::read_to_string(path)
                .map(SecretText::new)
                .map(|text| SecretText::new(text.expose().trim().to_owned()))
                .map_err(|source| RootKeysError::Unreadable { path: path.clone(), source }),
        }
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if *self == Self::Absent {
            let message = "is missing, and LEASEHOLD_ROOT_KEYS is not set; without a root key no secret can be \
                           sealed or opened. Set one of the two";
            problems.push(Problem::setting("root_keys_file", message));
        }
    }
}

impl From<PathBuf> for RootKeySource {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str().is_empty() { Self::Absent } else { Self::File(path) }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_file_is_read_without_the_white_space_around() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "k1:YWJj\n").unwrap();
        assert_eq!(RootKeySource::File(file.path().into()).load().unwrap().expose(), "k1:YWJj");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = RootKeySource::File("/nowhere/root.keys".into()).load().unwrap_err();
        assert_eq!(error.to_string(), "the root keys cannot be read from /nowhere/root.keys");
        assert!(error.source().is_some());
    }
}
