//! Who calls: clients with their secrets, tokens and leases.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;
use tonic::metadata::{Ascii, MetadataValue};

use crate::Failure;

/// A client as it was registered.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A client at work.
pub(crate) struct Principal {
    /// `Basic …`, for the token endpoint.
    pub(crate) basic: HeaderValue,
    /// `Bearer …`.
    pub(crate) bearer: MetadataValue<Ascii>,
    /// Live leases of its own.
    pub(crate) leases: Vec<String>,
}

impl Client {
    /// Reads lines of `id secret`; empty ones and those that begin with `#` are passed over.
    pub(crate) fn read_all(text: &str) -> Result<Vec<Self>, Failure> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let clients: Vec<Self> = lines.map(Self::read).collect::<Result<_, _>>()?;
        if clients.is_empty() { Err("the file of clients names none".into()) } else { Ok(clients) }
    }

    fn read(line: &str) -> Result<Self, Failure> {
        let mut words = line.split_whitespace().map(str::to_owned);
        match (words.next(), words.next(), words.next()) {
            (Some(id), Some(secret), None) => Ok(Self { id, secret }),
            _ => Err("a line of the file of clients is not `id secret`".into()),
        }
    }

    /// What the token endpoint takes for its authentication.
    pub(crate) fn basic(&self) -> Result<HeaderValue, Failure> {
        let mut value: HeaderValue =
            format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret))).parse()?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_clients_is_lines_of_two_words() {
        let clients = Client::read_all("# mine\ncli_1 secret\n\n  cli_2\tother \n").unwrap();
        let read: Vec<_> = clients.iter().map(|c| (c.id.as_str(), c.secret.as_str())).collect();
        assert_eq!(read, [("cli_1", "secret"), ("cli_2", "other")]);
        for wrong in ["", "# none", "cli_1", "cli_1 a b"] {
            assert!(Client::read_all(wrong).is_err(), "{wrong}");
        }
    }
}
