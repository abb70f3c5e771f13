//! The service catalog: which services credentials can be deposited for, and what such a credential is made of.
//!
//! Owns the descriptions that forms are made from, and with them the check of a deposit ([`check`]). One TOML file
//! describes one service; those of `catalog/` are compiled in. What a description says of how a credential turns into
//! what is lent ([`issuing`]) is data here: the floor of issuers acts on it.

mod check;
pub mod issuing;
pub mod requests;
pub mod template;

use std::{collections::BTreeMap, str::FromStr, sync::LazyLock};

use serde::Deserialize;
use serde_json::{Map, Value};

pub use check::{FieldFault, MAX_BYTES};

use super::service::{ParseServiceError, ServiceName};
use issuing::{IssuerKind, Issuing, IssuingFault};
use requests::{Attachment, Validation};
use template::Template;

/// Every service that is known, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog(BTreeMap<ServiceName, Service>);

/// A kind of backend.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// What leases and credentials call it.
    pub name: ServiceName,
    /// What people call it.
    pub title: String,
    /// What tells several accounts there apart.
    pub account: String,
    /// What a credential consists of, in the order of a form.
    pub fields: Vec<Field>,
    /// The hosts that what is lent may be sent to: names, or fields that hold URLs.
    pub hosts: Vec<Template>,
    /// How requests carry it.
    pub authentication: Vec<Attachment>,
    /// Whether borrowers get the headers ready to send.
    pub lends_headers: bool,
    /// Which request tells whether it works.
    pub validation: Option<Validation>,
    /// How what is lent comes about.
    pub issuing: Issuing,
}

/// One value of a credential.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name in deposits and in what is lent.
    pub name: String,
    /// Names that deposits may use instead.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it is shown to nobody once it is deposited.
    #[serde(default)]
    pub secret: bool,
    /// Whether no credential is complete without it.
    #[serde(default)]
    pub required: bool,
    /// When else it is required.
    pub required_if: Option<Condition>,
    /// It is required unless this other field is there.
    pub required_unless: Option<String>,
    /// Whether borrowers get it. What the broker alone needs to make tokens with, they don't.
    #[serde(default = "yes")]
    pub lent: bool,
    /// What is kept when it is left out.
    pub default: Option<Value>,
    /// What the broker works with when it is left out; nobody is lent it.
    pub assumed: Option<String>,
    /// What the path of a URL ends with, once, however it was written.
    pub path: Option<String>,
    /// The least of an integer.
    pub minimum: Option<i64>,
    /// A value to show.
    pub example: Value,
    /// For whoever fills the form.
    pub description: String,
}

/// Holds when another field has a value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The other field.
    pub field: String,
    /// Its value.
    pub is: Value,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// `true` or `false`.
    Boolean,
    /// An e-mail address.
    Email,
    /// The name of an HTTP header that a credential may set.
    HeaderName,
    /// Text that is sent in an HTTP header.
    HeaderValue,
    /// An object: names of HTTP headers, each with its value.
    Headers,
    /// A whole number.
    Integer,
    /// One line of text.
    Text,
    /// The base URL of an API, HTTPS and public.
    Url,
    /// A user name of HTTP's basic authentication (RFC 7617): text without a colon.
    Username,
}

/// A description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The service's name breaks the grammar.
    #[error("{name}: {cause}")]
    Name {
        /// As given.
        name: String,
        /// What is wrong.
        cause: ParseServiceError,
    },
    /// The text is not of the form.
    #[error("{name}: {cause}")]
    Form {
        /// The service.
        name: String,
        /// What is wrong.
        cause: toml::de::Error,
    },
    /// What it says of requests or of the issuer does not go together.
    #[error("{name}: {reason}")]
    Wrong {
        /// The service.
        name: String,
        /// A text that the file has where it is wrong.
        near: String,
        /// What is wrong.
        reason: String,
    },
    /// Two fields answer to one name, or a condition names none.
    #[error("{name}: the field `{field}` is named twice, or is not there")]
    Field {
        /// The service.
        name: String,
        /// The field.
        field: String,
    },
}

impl Catalog {
    /// Reads descriptions: names, each with its text.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, CatalogError> {
        let services = files.into_iter().map(|(name, text)| {
            let service = Service::read(name, text)?;
            Ok((service.name.clone(), service))
        });
        services.collect::<Result<_, _>>().map(Self)
    }

    /// The services that are compiled in.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The same with more services; one of a known name takes its place.
    #[must_use]
    pub fn with(&self, services: impl IntoIterator<Item = Service>) -> Self {
        let mut all = self.0.clone();
        all.extend(services.into_iter().map(|service| (service.name.clone(), service)));
        Self(all)
    }

    /// A service.
    #[must_use]
    pub fn find(&self, name: &ServiceName) -> Option<&Service> {
        self.0.get(name)
    }

    /// Every service, by name.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.0.values()
    }
}

impl Service {
    /// Reads a description.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(name: &str, text: &str) -> Result<Self, CatalogError> {
        let name = name.to_owned();
        let description: Description = match toml::from_str(text) {
            Ok(description) => description,
            Err(cause) => return Err(CatalogError::Form { name, cause }),
        };
        let Description { title, account, fields, hosts, authentication, lends_headers, validation, issuer } =
            description;
        if let Some(field) = ambiguous(&fields) {
            return Err(CatalogError::Field { name, field });
        }
        let issuing = issuer.unwrap_or_else(Issuing::lending_what_is_stored);
        let read = attachments(authentication).and_then(|authentication| {
            check_names(&fields, &issuing, &hosts, &authentication, validation.as_ref())?;
            issuing.check(|name| fields.iter().any(|field| field.name == name))?;
            Ok(authentication)
        });
        let authentication = match read {
            Ok(authentication) => authentication,
            Err(IssuingFault { near, reason }) => return Err(CatalogError::Wrong { name, near, reason }),
        };
        match ServiceName::from_str(&name) {
            Ok(name) => Ok(Self {
                name,
                title,
                account,
                fields,
                hosts,
                authentication,
                lends_headers,
                validation,
                issuing,
            }),
            Err(cause) => Err(CatalogError::Name { name, cause }),
        }
    }

    /// Whether a field is known, and no secret.
    #[must_use]
    pub fn is_open(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name && !field.secret)
    }

    /// The value of a name in a template: what the credential has, else what is assumed of the field.
    #[must_use]
    pub fn value(&self, values: &Map<String, Value>, name: &str) -> Option<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        let assumed = || self.fields.iter().find(|field| field.name == name)?.assumed.clone();
        values.get(name).map(text).or_else(assumed)
    }

    /// The field that a deposit's name means.
    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name || field.aliases.iter().any(|alias| alias == name))
    }
}

/// A service's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    title: String,
    account: String,
    fields: Vec<Field>,
    #[serde(default)]
    hosts: Vec<Template>,
    #[serde(default)]
    authentication: Vec<requests::Described>,
    #[serde(default)]
    lends_headers: bool,
    validation: Option<Validation>,
    issuer: Option<Issuing>,
}

const fn yes() -> bool {
    true
}

fn attachments(described: Vec<requests::Described>) -> Result<Vec<Attachment>, IssuingFault> {
    let wrong = || {
        IssuingFault {
        near: "[[authentication]]".to_owned(),
        reason: "an authentication has `header` and `value`, `headers`, `query` and `value`, or `user` and `password`"
            .to_owned(),
    }
    };
    described.into_iter().map(|one| one.read().ok_or_else(wrong)).collect()
}

/// Every name is a field's, or the access token that is made.
fn check_names(
    fields: &[Field],
    issuing: &Issuing,
    hosts: &[Template],
    authentication: &[Attachment],
    validation: Option<&Validation>,
) -> Result<(), IssuingFault> {
    let attached = authentication.iter().flat_map(Attachment::names);
    let conditions = authentication.iter().filter_map(|one| one.when.as_ref());
    let validated = validation.into_iter().flat_map(|validation| validation.url.names());
    let mut named = hosts
        .iter()
        .flat_map(Template::names)
        .chain(attached)
        .chain(conditions.map(|condition| condition.field.as_str()))
        .chain(validated);
    let is_made = |name: &str| issuing.kind != IssuerKind::Static && name == ACCESS_TOKEN;
    let is_field = |name: &str| fields.iter().any(|field| field.name == name);
    match named.find(|name| !is_field(name) && !is_made(name)) {
        Some(name) => Err(IssuingFault {
            near: name.to_owned(),
            reason: format!("`{name}` is no field of the service"),
        }),
        None => Ok(()),
    }
}

fn ambiguous(fields: &[Field]) -> Option<String> {
    let names = || fields.iter().flat_map(|field| field.aliases.iter().chain([&field.name]));
    let twice = names().find(|name| names().filter(|other| other == name).count() > 1);
    let conditions = fields.iter().filter_map(|field| field.required_if.as_ref());
    let mut conditions = conditions
        .map(|condition| &condition.field)
        .chain(fields.iter().filter_map(|field| field.required_unless.as_ref()));
    let dangling = conditions.find(|name| !fields.iter().any(|field| field.name == **name));
    twice.or(dangling).cloned()
}

/// What a made token is called, in templates and in what is lent.
pub const ACCESS_TOKEN: &str = "access_token";

macro_rules! files {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../../catalog/", $name, ".toml")))),*] };
}

const FILES: [(&str, &str); 17] = files![
    "anthropic",
    "api_key",
    "basic",
    "bearer",
    "custom_headers",
    "github",
    "gmail",
    "google",
    "jira",
    "notion",
    "openai",
    "orderdesk",
    "sentry",
    "signed",
    "todo",
    "todoist",
    "tray"
];

static BUILT_IN: LazyLock<Catalog> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "constant descriptions; every test of this room reads them")]
    Catalog::read(FILES).expect("the descriptions are well-formed")
});

#[cfg(test)]
mod tests;
