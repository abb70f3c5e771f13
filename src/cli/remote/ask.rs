//! Asks a broker over HTTP.

use std::{fmt, fs, net::IpAddr, path::PathBuf};

use clap::{Arg, ArgMatches, Error, error::ErrorKind, value_parser};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::{Map, Value};

use crate::{
    api::Operation,
    cli::{CliError, output},
    config::{Environment, Source as _, Variable},
    model::secret::SecretText,
};

/// Which broker, and who asks.
#[derive(Debug)]
pub(super) struct Connection {
    url: Url,
    token_file: Option<PathBuf>,
}

impl Connection {
    /// The arguments that say it.
    pub(super) fn arguments() -> [Arg; 2] {
        [
            Arg::new("url")
                .long("url")
                .value_name("URL")
                .env("LEASEHOLD_URL")
                .default_value("http://127.0.0.1:3978")
                .help_heading("Connection")
                .help("Where the broker listens"),
            Arg::new("token_file")
                .long("token-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help_heading("Connection")
                .help("A file with the token; without it LEASEHOLD_TOKEN or ADMIN_TOKEN"),
        ]
    }

    pub(super) fn read(matches: &ArgMatches) -> Result<Self, Error> {
        let text = matches.get_one::<String>("url").map(String::as_str).unwrap_or_default();
        let wrong = |what: &str| Error::raw(ErrorKind::InvalidValue, format!("--url: {what}"));
        let url: Url = text.parse().map_err(|_| wrong("must be a URL, such as https://leasehold.example"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(wrong("must be https: over plain HTTP the token could be read on the way"));
        }
        Ok(Self { url, token_file: matches.get_one("token_file").cloned() })
    }

    /// Runs the operation there.
    pub(super) async fn ask(
        &self,
        operation: &Operation,
        request: Map<String, Value>,
    ) -> Result<Value, CliError> {
        self.attempt(operation, request).await?.map_err(|refusal| CliError::Other(refusal.to_string()))
    }

    /// The same for who goes on after a refusal.
    pub(super) async fn attempt(
        &self,
        operation: &Operation,
        request: Map<String, Value>,
    ) -> Result<Result<Value, Refusal>, CliError> {
        match self.send(operation, request).await? {
            Ok(response) => response.json().await.map(Ok).map_err(|error| self.failed(&error)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Runs the operation there and prints each line as it comes.
    pub(super) async fn print_lines(
        &self,
        operation: &Operation,
        request: Map<String, Value>,
    ) -> Result<(), CliError> {
        let sent = self.send(operation, request).await?;
        let mut response = sent.map_err(|refusal| CliError::Other(refusal.to_string()))?;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            output::print_bytes(&chunk)?;
        }
        Ok(())
    }

    async fn send(
        &self,
        operation: &Operation,
        request: Map<String, Value>,
    ) -> Result<Result<Response, Refusal>, CliError> {
        let token = self.token()?;
        let request = self.request(operation, request)?.bearer_auth(token.expose());
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        Ok(if response.status().is_success() { Ok(response) } else { Err(Refusal::read(response).await) })
    }

    fn failed(&self, error: &reqwest::Error) -> CliError {
        CliError::Other(format!("{}: {}", self.url, causes(error)))
    }

    fn request(
        &self,
        operation: &Operation,
        mut fields: Map<String, Value>,
    ) -> Result<RequestBuilder, CliError> {
        let mut url = self.url.clone();
        let parts = operation.path.trim_start_matches('/').split('/');
        let parts: Vec<String> = parts
            .map(|part| match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => text(&fields.remove(name).unwrap_or_default()),
                None => part.to_owned(),
            })
            .collect();
        url.path_segments_mut()
            .map_err(|()| CliError::Other("--url: must be the URL of a server".to_owned()))?
            .pop_if_empty()
            .extend(parts);
        let request = client()?.request(operation.method.clone(), url);
        if operation.method == Method::GET {
            let query: Vec<(String, String)> =
                fields.into_iter().map(|(name, value)| (name, text(&value))).collect();
            return Ok(request.query(&query));
        }
        let tag = fields.remove("etag").map(|tag| text(&tag));
        let request = match tag.map(|tag| format!("\"{}\"", tag.trim_matches('"'))) {
            Some(tag) => request.header(header::IF_MATCH, tag),
            None => request,
        };
        Ok(request.json(&fields))
    }

    fn token(&self) -> Result<SecretText, CliError> {
        if let Some(path) = &self.token_file {
            let read = fs::read_to_string(path);
            let text = read.map_err(super::super::io_error(format!("reading {}", path.display())))?;
            return Ok(SecretText::new(text.trim().to_owned()));
        }
        let named = ["LEASEHOLD_TOKEN", "ADMIN_TOKEN"].into_iter().find_map(from_environment);
        named.map(SecretText::new).ok_or_else(|| {
            let text = "no token: set LEASEHOLD_TOKEN (or ADMIN_TOKEN), or name a file with --token-file";
            CliError::Other(text.to_owned())
        })
    }
}

/// A variable that is set to something.
fn from_environment(name: &str) -> Option<String> {
    match Environment.variable(name) {
        Variable::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn client() -> Result<Client, CliError> {
    // Installed already when this process did TLS before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().build().map_err(|error| CliError::Other(causes(&error)))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the broker refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Its status.
    pub(super) status: StatusCode,
    body: Value,
}

impl Refusal {
    async fn read(response: Response) -> Self {
        Self { status: response.status(), body: response.json().await.unwrap_or_default() }
    }

    /// The code and the detail.
    pub(super) fn summary(&self) -> String {
        format!("{}: {} ({})", member(&self.body, "code"), member(&self.body, "detail"), self.status)
    }

    /// Each field that was wrong, with the reason.
    pub(super) fn violations(&self) -> Vec<String> {
        let errors = self.body.get("errors").and_then(Value::as_array);
        let told = |error| format!("{}: {}", member(error, "field"), member(error, "reason"));
        errors.into_iter().flatten().map(told).collect()
    }
}

/// For people: the detail, each field, and the request's id.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())?;
        for violation in self.violations() {
            write!(f, "\n  {violation}")?;
        }
        write!(f, "\n  request {}", member(&self.body, "request_id"))
    }
}

fn member<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// A value as a query or a path carries it; lists separated by commas.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
